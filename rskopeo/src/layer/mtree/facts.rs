//! The keywords of one file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nix::sys::stat::SFlag;

use super::super::error::{During, Result};
use super::super::walk::Found;
use super::vis;
use crate::digest::Hasher;

/// Keyword to value, as they stand in the file.
pub(in super::super) type Facts = BTreeMap<String, String>;

const BUFFER: usize = 128 * 1024;

/// All that is known of a file without reading it.
pub(in super::super) fn facts(found: &Found<'_>) -> Result<Facts> {
    let stat = &found.stat;
    let mut facts = Facts::new();
    let mut put = |keyword: &str, value: String| facts.insert(keyword.to_owned(), value);
    put("type", kind(found).to_owned());
    put("size", stat.st_size.to_string());
    put("uid", stat.st_uid.to_string());
    put("gid", stat.st_gid.to_string());
    put("mode", format!("0{:o}", stat.st_mode & 0o7777));
    put("nlink", stat.st_nlink.to_string());
    put("tar_time", format!("{}.000000000", stat.st_mtime));
    if found.is(SFlag::S_IFLNK) {
        put("link", vis::encode(&found.link_target()?));
    }
    if found.is(SFlag::S_IFREG) || found.is(SFlag::S_IFDIR) {
        for (name, value) in found.xattrs()? {
            put(
                &format!("xattr.{}", vis::encode(&name)),
                STANDARD.encode(value),
            );
        }
    }
    Ok(facts)
}

fn kind(found: &Found<'_>) -> &'static str {
    [
        (SFlag::S_IFREG, "file"),
        (SFlag::S_IFDIR, "dir"),
        (SFlag::S_IFLNK, "link"),
        (SFlag::S_IFBLK, "block"),
        (SFlag::S_IFCHR, "char"),
        (SFlag::S_IFIFO, "fifo"),
    ]
    .into_iter()
    .find(|(flag, _)| found.is(*flag))
    .map_or("socket", |(_, kind)| kind)
}

/// The SHA-256 of a regular file's content, in hexadecimal.
pub(in super::super) fn content_digest(found: &Found<'_>) -> Result<Option<String>> {
    if !found.is(SFlag::S_IFREG) {
        return Ok(None);
    }
    let mut file = File::from(found.open()?);
    let mut hasher = Hasher::sha256();
    let mut buffer = vec![0; BUFFER.min(found.stat.st_size as usize + 1)];
    loop {
        match file.read(&mut buffer).during("read", found.path)? {
            0 => return Ok(Some(hasher.finish().hex().to_owned())),
            n => hasher.update(&buffer[..n]),
        }
    }
}
