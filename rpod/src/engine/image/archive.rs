//! Images to and from files: podman-save(1), podman-load(1). rskopeo reads and writes every format; what comes through a pipe is
//! kept in a file without a name, which is gone with rpod, however it ends.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::Seek as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::transfer::stored;
use super::{Image, local_name, merge};
use crate::engine::copier::{output_of, rskopeo, run};
use crate::engine::{Context, event, selinux};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    DockerArchive,
    OciArchive,
    OciDir,
    DockerDir,
}

impl Format {
    /// The name of rskopeo's transport for it.
    fn transport(self) -> &'static str {
        match self {
            Format::DockerArchive => "docker-archive",
            Format::OciArchive => "oci-archive",
            Format::OciDir => "oci",
            Format::DockerDir => "dir",
        }
    }

    pub fn is_directory(self) -> bool {
        matches!(self, Format::OciDir | Format::DockerDir)
    }
}

/// How images are saved.
#[derive(Debug)]
pub struct Saving {
    pub format: Format,
    pub compress: bool,
    pub uncompressed: bool,
    pub quiet: bool,
}

/// An image as it was named, which is how it is named where it goes.
#[derive(Debug)]
pub struct Named {
    pub image: Image,
    /// None if it was named by its id or a digest.
    pub name: Option<String>,
    pub more_names: Vec<String>,
}

/// A file of a web server's, whole, in one without a name.
pub fn download(url: &str) -> Result<File> {
    let mut file = unnamed_file()?;
    let kept = file.try_clone().context("duplicating a file")?;
    let mut command = rskopeo()?;
    command.args(["download", url]).stdout(kept);
    output_of(command)?;
    file.rewind().context("reading what was downloaded")?;
    Ok(file)
}

/// Saves one image at `path`; several go into one docker-archive.
pub fn save(ctx: &Context, images: &[Named], path: &Path, how: &Saving) -> Result<()> {
    match images {
        [one] => save_one(ctx, one, path, how),
        several => {
            let mut parts = Vec::new();
            for image in several {
                let part = unnamed_file()?;
                save_one(ctx, image, &own_path(&part), how)?;
                parts.push(part);
            }
            merge::docker_archives(parts, path)
        }
    }
}

fn save_one(ctx: &Context, named: &Named, path: &Path, how: &Saving) -> Result<()> {
    let mut command = rskopeo()?;
    // No file of an archive could hold them.
    command.args(["copy", "--remove-signatures"]);
    if how.format == Format::DockerDir {
        command.args(["--format", "v2s2"]);
    }
    if how.compress {
        command.arg("--dest-compress");
    }
    if how.uncompressed {
        command.arg("--dest-oci-accept-uncompressed-layers");
    }
    for name in &named.more_names {
        command.arg("--additional-tag").arg(name);
    }
    let mut destination = OsString::from(format!("{}:", how.format.transport()));
    destination.push(path);
    if how.format != Format::DockerDir
        && let Some(name) = &named.name
    {
        destination.push(format!(":{name}"));
    }
    command
        .arg(stored(&named.image.store, &named.image.reference()))
        .arg(destination);
    run(command, how.quiet)?;
    event::image(ctx, "save", &named.image, &path.display().to_string());
    Ok(())
}

/// Loads every image that is in a file or directory; the answer is what they are called now, `sha256:ID` without a name.
pub fn load(ctx: &Context, path: &Path, quiet: bool) -> Result<Vec<String>> {
    let meta = fs::metadata(path).with_context(|| format!("faccessat {}", path.display()))?;
    let transports: &[&str] = match meta.is_dir() {
        true => &["oci", "dir"],
        false => &["docker-archive", "oci-archive"],
    };
    let mut failures = String::new();
    for transport in transports {
        let mut source = OsString::from(format!("{transport}:"));
        source.push(path);
        match names_in(transport, &source) {
            Ok(names) => {
                let loaded = load_all(ctx, transport, &source, names, quiet)?;
                for name in &loaded {
                    let image = super::find(ctx, name)?;
                    event::image(ctx, "loadfromarchive", &image, &path.display().to_string());
                }
                return Ok(loaded);
            }
            Err(error) => failures.push_str(&format!("\n * {transport}: {error:#}")),
        }
    }
    bail!("payload does not match any of the supported image formats:{failures}")
}

/// From standard input, which is read to its end first unless it is a file.
pub fn load_stdin(ctx: &Context, quiet: bool) -> Result<Vec<String>> {
    let stdin = std::io::stdin();
    let is_file = File::from(nix::unistd::dup(&stdin).context("duplicating standard input")?)
        .metadata()
        .context("stat standard input")?
        .is_file();
    if is_file {
        return load(ctx, &own_path(&stdin), quiet);
    }
    let mut file = unnamed_file()?;
    std::io::copy(&mut stdin.lock(), &mut file).context("reading standard input")?;
    load(ctx, &own_path(&file), quiet)
}

/// The image that `TRANSPORT:PATH[:NAME]` stands for, loaded from its file or directory. Nothing where the transport is none of files.
pub(super) fn pull(ctx: &Context, text: &str, quiet: bool) -> Result<Option<Image>> {
    let Some((transport, rest)) = text.split_once(':') else {
        return Ok(None);
    };
    let source = OsString::from(text);
    let reference = rest.split_once(':').map(|(_, reference)| reference);
    let loaded = match (transport, reference) {
        ("docker-archive" | "oci-archive", None) => {
            let names = names_in(transport, &source)?;
            // All the names of one image; of several it has to be said which.
            config_digest(&source)
                .with_context(|| format!("{text} stands for one image: name it, as {text}:@0"))?;
            load_all(ctx, transport, &source, names, quiet)?
        }
        ("docker-archive" | "oci-archive" | "oci", Some(name)) if !name.starts_with('@') => {
            vec![load_one(ctx, &source, Some(&name.to_owned()), quiet)?]
        }
        ("docker-archive" | "oci-archive" | "oci" | "dir", _) => {
            vec![load_one(ctx, &source, None, quiet)?]
        }
        _ => return Ok(None),
    };
    loaded
        .first()
        .map(|name| super::find(ctx, name))
        .transpose()
}

fn names_in(transport: &str, source: &OsString) -> Result<Vec<String>> {
    let mut command = rskopeo()?;
    if transport == "dir" {
        command.arg("inspect").arg("--raw").arg(source);
        return output_of(command).map(|_| Vec::new());
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Tags {
        tags: Vec<String>,
    }
    command.arg("list-tags").arg(source);
    let list: Tags = serde_json::from_slice(&output_of(command)?)
        .context("reading the names that rskopeo found")?;
    Ok(list.tags)
}

fn load_all(
    ctx: &Context,
    transport: &str,
    source: &OsString,
    names: Vec<String>,
    quiet: bool,
) -> Result<Vec<String>> {
    if let [] | [_] = names[..]
        && let Some(loaded) = load_only_image(ctx, source, names.first(), quiet)?
    {
        return Ok(vec![loaded]);
    }
    let mut loaded = Vec::new();
    for name in &names {
        let mut one = source.clone();
        one.push(format!(":{name}"));
        loaded.push(load_one(ctx, &one, Some(name), quiet)?);
    }
    if transport == "docker-archive" {
        load_nameless(ctx, source, &mut loaded, quiet)?;
    }
    ensure!(!loaded.is_empty(), "the archive holds no image");
    Ok(loaded)
}

/// Images without a name are reached by their number alone.
fn load_nameless(
    ctx: &Context,
    source: &OsString,
    loaded: &mut Vec<String>,
    quiet: bool,
) -> Result<()> {
    for index in 0.. {
        let mut one = source.clone();
        one.push(format!(":@{index}"));
        let Some(id) = id_of(&one)? else { break };
        let is_named = loaded
            .iter()
            .any(|name| super::find(ctx, name).is_ok_and(|image| image.id == id));
        if !is_named {
            loaded.push(load_one(ctx, &one, None, quiet)?);
        }
    }
    Ok(())
}

/// The image of an archive of one; nothing if there are several.
fn load_only_image(
    ctx: &Context,
    source: &OsString,
    name: Option<&String>,
    quiet: bool,
) -> Result<Option<String>> {
    match id_of(source)? {
        Some(_) => load_one(ctx, source, name, quiet).map(Some),
        None => Ok(None),
    }
}

fn load_one(
    ctx: &Context,
    source: &OsString,
    name: Option<&String>,
    quiet: bool,
) -> Result<String> {
    let (place, shown) = match name {
        Some(name) => {
            let name = local_name(name)?;
            (name.clone(), name)
        }
        None => {
            let id = config_digest(source)?;
            (format!("@{id}"), format!("sha256:{id}"))
        }
    };
    let mut command = rskopeo()?;
    command
        .arg("copy")
        .arg(source)
        .arg(stored(&ctx.store, &place));
    selinux::make_layers(&ctx.store.layers())?;
    run(command, quiet)?;
    super::double::forget_nameless(ctx)?;
    Ok(shown)
}

/// The digest of an image's configuration, in hex; nothing if the reference names no image, or several.
fn id_of(source: &OsString) -> Result<Option<String>> {
    match config_digest(source) {
        Ok(id) => Ok(Some(id)),
        Err(error) => {
            let text = format!("{error:#}");
            let several = [
                "Invalid source index",
                "expected 1 item",
                "more than one image",
            ];
            if several.iter().any(|words| text.contains(words)) {
                Ok(None)
            } else {
                Err(error)
            }
        }
    }
}

fn config_digest(source: &OsString) -> Result<String> {
    let mut command = rskopeo()?;
    command.args(["inspect", "--config", "--raw"]).arg(source);
    Ok(hex(&Sha256::digest(output_of(command)?)))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A file that has no name and goes with rpod.
pub(super) fn unnamed_file() -> Result<File> {
    let directory = Context::temporary_directory();
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_TMPFILE)
        .open(&directory)
        .with_context(|| format!("making a temporary file in {}", directory.display()))
}

/// A path by which another process reaches what this one has open.
pub fn own_path(file: &impl std::os::fd::AsFd) -> PathBuf {
    PathBuf::from(format!(
        "/proc/{}/fd/{}",
        std::process::id(),
        file.as_fd().as_raw_fd()
    ))
}
