//! Compiled filters, kept from one container to the next.
//!
//! To compile an engine's default profile costs many times what it costs to read and verify what came of it. A file is named by the
//! digest of all that the compiler looks at, holds that digest and the program's, and is used only if both hold, it is ours, and
//! nobody else can write it or its directory. What is wrong is compiled anew and replaced; a cache that cannot be used at all is no
//! error.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use libc::sock_filter;
use nix::unistd::geteuid;
use sha2::{Digest, Sha256};

use super::{Error, Profile};

/// No container's name: an id has no `@`.
const DIRECTORY: &str = "@seccomp";

/// To be raised when the same profile compiles to another program; a test reminds.
pub(super) const REVISION: u32 = 1;

/// Engines have a handful of profiles; whoever has more compiles now and then.
const MOST: usize = 64;

const DIGEST: usize = 32;
const INSTRUCTION: usize = size_of::<sock_filter>();

/// The filters under one `--root`.
#[derive(Debug)]
pub(crate) struct Cache {
    directory: PathBuf,
}

/// Digest of what a filter is compiled from.
type Key = [u8; DIGEST];

impl Cache {
    pub(crate) fn under(root: &Path) -> Cache {
        Cache {
            directory: root.join(DIRECTORY),
        }
    }

    /// The profile's program, compiled only where it is not here.
    ///
    /// # Errors
    /// Those of the compiler.
    pub(super) fn get(
        &self,
        profile: &Profile,
        compile: impl FnOnce() -> Result<Vec<sock_filter>, Error>,
    ) -> Result<Vec<sock_filter>, Error> {
        let Ok(key) = key(profile) else {
            return compile();
        };
        if let Some(program) = self.find(&key) {
            return Ok(program);
        }
        let program = compile()?;
        // A full or read-only file system costs the next container some time, and this one nothing.
        drop(self.keep(&key, &program));
        Ok(program)
    }

    fn find(&self, key: &Key) -> Option<Vec<sock_filter>> {
        self.is_ours().ok().filter(|ours| *ours)?;
        let mut file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(self.directory.join(name(key)))
            .ok()?;
        let metadata = file.metadata().ok()?;
        let size = usize::try_from(metadata.len()).ok()?;
        let longest = 2 * DIGEST + libc::BPF_MAXINSNS as usize * INSTRUCTION;
        if !metadata.is_file() || !is_only_ours(&metadata) || size > longest {
            return None;
        }
        let mut content = Vec::with_capacity(size);
        Read::by_ref(&mut file)
            .take(longest as u64)
            .read_to_end(&mut content)
            .ok()?;
        verify(&content, key)
    }

    fn is_ours(&self) -> io::Result<bool> {
        // A symbolic link is no directory to lstat(2).
        let metadata = fs::symlink_metadata(&self.directory)?;
        Ok(metadata.is_dir() && is_only_ours(&metadata))
    }

    /// Written under another name and renamed: whoever looks finds all of it or nothing.
    fn keep(&self, key: &Key, program: &[sock_filter]) -> io::Result<()> {
        match DirBuilder::new().mode(0o700).create(&self.directory) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        if !self.is_ours()? {
            return Err(ErrorKind::PermissionDenied.into());
        }
        self.make_room()?;
        let temporary = self.directory.join(format!(".tmp-{}", std::process::id()));
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)
            .and_then(|file| write(file, key, program))
            .and_then(|()| fs::rename(&temporary, self.directory.join(name(key))));
        if written.is_err() {
            // Also what a killed process of the same number left.
            drop(fs::remove_file(&temporary));
        }
        written
    }

    /// The oldest go.
    fn make_room(&self) -> io::Result<()> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            // Another may have removed it just now.
            if let Ok(metadata) = entry.metadata() {
                entries.push((metadata.mtime(), metadata.mtime_nsec(), entry.path()));
            }
        }
        entries.sort();
        let surplus = (entries.len() + 1).saturating_sub(MOST);
        for (_, _, path) in entries.iter().take(surplus) {
            drop(fs::remove_file(path));
        }
        Ok(())
    }
}

fn is_only_ours(metadata: &Metadata) -> bool {
    metadata.uid() == geteuid().as_raw() && metadata.mode() & 0o022 == 0
}

/// Everything that the program depends on. What the kernel supports is not among it: that is asked for by flags, each time.
fn key(profile: &Profile) -> serde_json::Result<Key> {
    let depends = (
        REVISION,
        std::env::consts::ARCH,
        &profile.default_action,
        profile.default_errno_ret,
        &profile.architectures,
        &profile.syscalls,
    );
    Ok(Sha256::digest(serde_json::to_vec(&depends)?).into())
}

fn name(key: &Key) -> String {
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn write(mut file: File, key: &Key, program: &[sock_filter]) -> io::Result<()> {
    let mut code = Vec::with_capacity(program.len() * INSTRUCTION);
    for step in program {
        code.extend(step.code.to_ne_bytes());
        code.extend([step.jt, step.jf]);
        code.extend(step.k.to_ne_bytes());
    }
    let digest: Key = Sha256::digest(&code).into();
    file.write_all(&[&key[..], &digest[..], &code[..]].concat())
}

fn verify(content: &[u8], key: &Key) -> Option<Vec<sock_filter>> {
    let (named, rest) = content.split_at_checked(DIGEST)?;
    let (digest, code) = rest.split_at_checked(DIGEST)?;
    let whole = !code.is_empty() && code.len().is_multiple_of(INSTRUCTION);
    if named != key || !whole || Sha256::digest(code).as_slice() != digest {
        return None;
    }
    let steps = code.chunks_exact(INSTRUCTION).map(|step| sock_filter {
        code: u16::from_ne_bytes([step[0], step[1]]),
        jt: step[2],
        jf: step[3],
        k: u32::from_ne_bytes([step[4], step[5], step[6], step[7]]),
    });
    Some(steps.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn profile(call: &str) -> Profile {
        serde_json::from_value(serde_json::json!({
            "defaultAction": "SCMP_ACT_ERRNO",
            "architectures": ["SCMP_ARCH_X86_64"],
            "syscalls": [{"names": [call], "action": "SCMP_ACT_ALLOW"}],
        }))
        .expect("a profile")
    }

    fn step(k: u32) -> sock_filter {
        sock_filter {
            code: 6,
            jt: 1,
            jf: 2,
            k,
        }
    }

    /// The `k` of the program that `get` answers with, when the compiler would make `k`.
    fn get(cache: &Cache, profile: &Profile, k: u32) -> u32 {
        let program = cache.get(profile, || Ok(vec![step(k)])).expect("a program");
        assert_eq!((program.len(), program[0].code, program[0].jf), (1, 6, 2));
        program[0].k
    }

    fn only_file(cache: &Cache) -> PathBuf {
        let mut files = fs::read_dir(&cache.directory).expect("the directory");
        let file = files.next().expect("a file").expect("an entry").path();
        assert!(files.next().is_none());
        file
    }

    #[test]
    fn a_profile_is_compiled_once() {
        let root = tempfile::tempdir().expect("a directory");
        let cache = Cache::under(root.path());
        assert_eq!(get(&cache, &profile("read"), 1), 1);
        assert_eq!(get(&cache, &profile("read"), 2), 1);
        assert_eq!(get(&cache, &profile("write"), 3), 3);
        let told = Profile {
            listener_metadata: Some("of one container".into()),
            ..profile("read")
        };
        assert_eq!(get(&cache, &told, 4), 1, "what no program depends on");
    }

    #[test]
    fn what_was_changed_is_compiled_anew_and_replaced() {
        let root = tempfile::tempdir().expect("a directory");
        let cache = Cache::under(root.path());
        get(&cache, &profile("read"), 1);
        let file = only_file(&cache);
        let whole = fs::read(&file).expect("the file");
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            fs::write(&file, changed).expect("a change");
            assert_eq!(get(&cache, &profile("read"), 7), 7, "byte {at}");
            fs::write(&file, &whole[..at]).expect("a shorter file");
            assert_eq!(get(&cache, &profile("read"), 8), 8, "{at} bytes");
            fs::write(&file, &whole).expect("the file as it was");
            assert_eq!(get(&cache, &profile("read"), 9), 1);
        }
    }

    #[test]
    fn what_others_could_have_written_is_not_used() {
        let root = tempfile::tempdir().expect("a directory");
        let cache = Cache::under(root.path());
        get(&cache, &profile("read"), 1);
        let file = only_file(&cache);
        let set = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
        };
        set(&file, 0o620);
        assert_eq!(get(&cache, &profile("read"), 2), 2);
        assert_eq!(
            get(&cache, &profile("read"), 3),
            2,
            "replaced by one of ours"
        );
        set(&cache.directory, 0o777);
        assert_eq!(get(&cache, &profile("read"), 4), 4);
        set(&cache.directory, 0o700);
        fs::rename(&file, root.path().join("elsewhere")).expect("moved");
        symlink(root.path().join("elsewhere"), &file).expect("a link");
        assert_eq!(get(&cache, &profile("read"), 5), 5);
    }

    #[test]
    fn the_oldest_go() {
        let root = tempfile::tempdir().expect("a directory");
        let cache = Cache::under(root.path());
        for k in 0..2 * MOST as u32 {
            get(&cache, &profile(&format!("call{k}")), k);
        }
        let kept = fs::read_dir(&cache.directory)
            .expect("the directory")
            .count();
        assert_eq!(kept, MOST);
        assert_eq!(get(&cache, &profile("call127"), 0), 127);
    }

    #[test]
    fn without_a_place_it_is_compiled_each_time() {
        let cache = Cache::under(Path::new("/proc/self/nowhere"));
        assert_eq!(get(&cache, &profile("read"), 1), 1);
        assert_eq!(get(&cache, &profile("read"), 2), 2);
    }
}
