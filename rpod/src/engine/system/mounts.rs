//! What is mounted below a directory.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use nix::mount::{MntFlags, umount2};

/// Mount points below a directory, or at it, the deepest first.
pub fn below(directory: &Path) -> Result<Vec<PathBuf>> {
    let table = std::fs::read("/proc/self/mountinfo").context("reading the table of mounts")?;
    let Ok(directory) = directory.canonicalize() else {
        return Ok(Vec::new());
    };
    let mut found: Vec<PathBuf> = table
        .split(|byte| *byte == b'\n')
        .filter_map(|line| line.split(|byte| *byte == b' ').nth(4))
        .map(unescape)
        .filter(|point| point.starts_with(&directory))
        .collect();
    found.reverse();
    found.sort_by_key(|point| std::cmp::Reverse(point.as_os_str().as_bytes().len()));
    Ok(found)
}

/// Lets go of everything that is mounted below a directory.
pub fn detach_below(directory: &Path) -> Result<()> {
    for point in below(directory)? {
        umount2(&point, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW)
            .with_context(|| format!("unmounting {}", point.display()))?;
    }
    Ok(())
}

/// The kernel writes blanks, tabs, line ends and backslashes as `\ooo`.
fn unescape(text: &[u8]) -> PathBuf {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let code = after
            .get(..3)
            .filter(|_| byte == b'\\')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code {
            Some(code) => {
                out.push(code);
                rest = &after[3..];
            }
            None => {
                out.push(byte);
                rest = after;
            }
        }
    }
    PathBuf::from(OsString::from_vec(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes() {
        assert_eq!(unescape(b"/a\\040b\\134c"), PathBuf::from("/a b\\c"));
        assert_eq!(unescape(b"/plain\\"), PathBuf::from("/plain\\"));
    }
}
