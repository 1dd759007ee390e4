//! One JSON file a record, replaced whole: a reader sees the old or the new, never a part.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::Mode;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::directory::remove_if_there;

/// What a record has to outlive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Power loss: the bytes are on the disk before the name is.
    Disk,
    /// A killed process. For what a reboot would end anyway.
    Process,
}

/// Reads a record.
pub fn load<T: DeserializeOwned>(path: &Path) -> Result<T> {
    load_if_there(path)?.with_context(|| format!("reading {}: it is not there", path.display()))
}

/// Reads a record that may be missing.
pub fn load_if_there<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let mut buffer = new_buffer();
    let bytes = File::open(path).and_then(|file| read(file, &mut buffer));
    decode(bytes, || path.to_owned())
}

/// Records in directories of one directory. A list reads hundreds: the way there is gone once, and one buffer does for all.
#[derive(Debug)]
pub struct Records {
    directory: OwnedFd,
    path: PathBuf,
    buffer: Vec<u8>,
}

impl Records {
    /// Nothing where there is no such directory.
    pub fn below(path: PathBuf) -> Result<Option<Records>> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        match open(&path, flags, Mode::empty()) {
            Ok(directory) => Ok(Some(Records {
                directory,
                path,
                buffer: new_buffer(),
            })),
            Err(Errno::ENOENT) => Ok(None),
            Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
        }
    }

    /// Reads a record that may be missing, by its path from the directory on.
    pub fn load_if_there<T: DeserializeOwned>(&mut self, path: &str) -> Result<Option<T>> {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        let opened = openat(&self.directory, path, flags, Mode::empty());
        let opened = opened.map_err(std::io::Error::from);
        let bytes = opened.and_then(|file| read(file.into(), &mut self.buffer));
        decode(bytes, || self.path.join(path))
    }
}

/// Most records fit into it.
fn new_buffer() -> Vec<u8> {
    vec![0; 4 << 10]
}

/// Reads a file into the buffer, which grows if it has to. Nobody asks for the size before: a read that was not filled ends the file.
fn read(mut file: File, buffer: &mut Vec<u8>) -> std::io::Result<&[u8]> {
    let length = file.read(buffer)?;
    if length < buffer.len() {
        return Ok(&buffer[..length]);
    }
    file.read_to_end(buffer)?;
    Ok(buffer)
}

fn decode<T: DeserializeOwned>(
    bytes: std::io::Result<&[u8]>,
    path: impl Fn() -> PathBuf,
) -> Result<Option<T>> {
    let bytes = match bytes {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("reading {}", path().display())),
    };
    // Texts are checked at once, not each by itself.
    let decoded = std::str::from_utf8(bytes).map_err(anyhow::Error::from);
    decoded
        .and_then(|text| Ok(serde_json::from_str(text)?))
        .map(Some)
        .with_context(|| format!("{} is damaged", path().display()))
}

/// What differs from the default: nearly all of a record that asks for little. Its type gives the rest back when it is read, so each
/// struct in it that implements `Default` has `#[serde(default)]`.
pub fn differences<T: Serialize + Default>(record: &T) -> Result<Value> {
    let mut differences = serde_json::to_value(record)?;
    remove_same(&mut differences, &serde_json::to_value(T::default())?);
    Ok(differences)
}

fn remove_same(value: &mut Value, default: &Value) {
    if let (Value::Object(fields), Value::Object(defaults)) = (value, default) {
        fields.retain(|key, field| {
            let default = defaults.get(key);
            let is_same = default == Some(&*field);
            default
                .into_iter()
                .for_each(|default| remove_same(field, default));
            !is_same
        });
    }
}

/// Writes a record beside its place and renames it there. The caller holds the lock of the directory.
pub fn save<T: Serialize>(path: &Path, record: &T, durability: Durability) -> Result<()> {
    let bytes =
        serde_json::to_vec(record).with_context(|| format!("encoding {}", path.display()))?;
    replace(path, &bytes, durability)
}

/// Writes bytes beside their place and renames them there.
pub fn replace(path: &Path, bytes: &[u8], durability: Durability) -> Result<()> {
    write(path, bytes, durability, 0o666)
}

/// The same, for nobody but the owner to read.
pub fn replace_private(path: &Path, bytes: &[u8], durability: Durability) -> Result<()> {
    write(path, bytes, durability, 0o600)
}

fn write(path: &Path, bytes: &[u8], durability: Durability, mode: u32) -> Result<()> {
    let temporary = beside(path)?;
    let written = (|| -> std::io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(&temporary)?;
        file.write_all(bytes)?;
        if durability == Durability::Disk {
            file.sync_all()?;
        }
        fs::rename(&temporary, path)
    })();
    written.with_context(|| format!("writing {}", path.display()))
}

/// A record that is written beside its place, on its way to the disk, and is not shown yet. The journal of the file system that is
/// written out for the next record takes this one along, so that its own sync has little left to wait for.
#[derive(Debug)]
pub struct Prepared {
    file: File,
    temporary: PathBuf,
    path: PathBuf,
}

/// Writes a record that [`Prepared::show`] puts in its place.
pub fn prepare<T: Serialize>(path: &Path, record: &T) -> Result<Prepared> {
    let bytes =
        serde_json::to_vec(record).with_context(|| format!("encoding {}", path.display()))?;
    let temporary = beside(path)?;
    let written = (|| -> std::io::Result<File> {
        let mut file = File::create(&temporary)?;
        file.write_all(&bytes)?;
        // Without it, the journal would not know of the bytes. It only begins the work; what it cannot, the sync does.
        // SAFETY: a plain system call on a descriptor that is open.
        unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, libc::SYNC_FILE_RANGE_WRITE) };
        Ok(file)
    })();
    Ok(Prepared {
        file: written.with_context(|| format!("writing {}", path.display()))?,
        temporary,
        path: path.to_owned(),
    })
}

impl Prepared {
    /// The bytes are on the disk before the name is.
    pub fn show(self) -> Result<()> {
        let shown = self
            .file
            .sync_all()
            .and_then(|()| fs::rename(&self.temporary, &self.path));
        shown.with_context(|| format!("writing {}", self.path.display()))
    }
}

/// True if a record was not written because the disk is full, or the user's share of it.
pub fn is_for_want_of_room(error: &anyhow::Error) -> bool {
    let cause = error.root_cause().downcast_ref::<std::io::Error>();
    cause.is_some_and(|cause| {
        matches!(
            cause.kind(),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded
        )
    })
}

/// True if a record was there and is none.
pub fn is_damage(error: &anyhow::Error) -> bool {
    let cause = error.root_cause();
    cause.is::<serde_json::Error>() || cause.is::<std::str::Utf8Error>()
}

/// Removes what writers that were killed have left beside a record's place. Nobody may be writing the record.
pub fn remove_half_written(path: &Path) -> Result<()> {
    let temporary = beside(path)?;
    remove_if_there(&temporary)
}

fn beside(path: &Path) -> Result<PathBuf> {
    let name = path
        .file_name()
        .with_context(|| format!("{} names no file", path.display()))?;
    let mut temporary = std::ffi::OsString::from(".tmp-");
    temporary.push(name);
    Ok(path.with_file_name(temporary))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_a_killed_writer_left_goes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        drop(prepare(&path, &vec![1u8]).unwrap());
        remove_half_written(&path).unwrap();
        remove_half_written(&path).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_was_saved_is_loaded_and_nothing_else_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        assert_eq!(load_if_there::<Vec<u8>>(&path).unwrap(), None);
        save(&path, &vec![1u8, 2], Durability::Disk).unwrap();
        assert_eq!(load::<Vec<u8>>(&path).unwrap(), [1, 2]);
        let prepared = prepare(&path, &vec![3u8]).unwrap();
        assert_eq!(load::<Vec<u8>>(&path).unwrap(), [1, 2]);
        prepared.show().unwrap();
        assert_eq!(load::<Vec<u8>>(&path).unwrap(), [3]);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_default_is_not_written_and_comes_back() {
        #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
        #[serde(default)]
        struct Inner {
            yes: bool,
            list: Vec<u8>,
        }
        impl Default for Inner {
            fn default() -> Inner {
                let list = vec![1];
                Inner { yes: true, list }
            }
        }
        #[derive(Debug, Default, PartialEq, Serialize, serde::Deserialize)]
        #[serde(default)]
        struct Outer {
            same: Inner,
            other: Inner,
            some: Option<Inner>,
        }
        let list = vec![];
        let other = Inner { yes: true, list };
        let some = Some(Inner::default());
        let outer = Outer {
            other,
            some,
            ..Outer::default()
        };
        let differences = differences(&outer).unwrap();
        let expected =
            serde_json::json!({"other": {"list": []}, "some": {"yes": true, "list": [1]}});
        assert_eq!(differences, expected);
        assert_eq!(serde_json::from_value::<Outer>(differences).unwrap(), outer);
    }

    #[test]
    fn a_record_of_many_reads_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        let mut records = Records::below(dir.path().to_owned()).unwrap().unwrap();
        for length in [0, 4 << 10, (4 << 10) - 2, 100_000, 1, 100_003] {
            let text = "x".repeat(length);
            save(&path, &text, Durability::Process).unwrap();
            assert_eq!(load::<String>(&path).unwrap(), text);
            assert_eq!(records.load_if_there("a.json").unwrap(), Some(text));
        }
        assert_eq!(records.load_if_there::<String>("b.json").unwrap(), None);
        assert!(Records::below(path.with_file_name("b")).unwrap().is_none());
    }

    #[test]
    fn damage_names_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        fs::write(&path, "{").unwrap();
        let error = format!("{:#}", load::<Vec<u8>>(&path).unwrap_err());
        assert!(error.contains("a.json is damaged"), "{error}");
    }
}
