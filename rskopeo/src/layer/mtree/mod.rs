//! What a tree was when it was unpacked, as mtree(5) with go-mtree's keywords: umoci writes and reads the same.

mod facts;
mod parse;
mod vis;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::fd::{AsFd, OwnedFd};

use nix::sys::stat::SFlag;

use super::error::Result;
use super::path::split;
use super::walk::{Step, walk};

pub(super) use facts::{Facts, content_digest, facts};

/// The files of a tree by path, the root's empty.
#[derive(Debug)]
pub struct Mtree {
    pub(super) files: BTreeMap<Vec<u8>, Facts>,
}

/// Tells all of a tree, with the digests of its files, in mtree(5)'s form.
///
/// # Errors
/// Something of the tree cannot be read.
pub fn describe(root: &OwnedFd) -> Result<String> {
    let mut text = String::from("#mtree\n");
    let mut depth = 0;
    walk(root.as_fd(), &mut |step| {
        let Step::At(found) = step else {
            depth -= 1;
            text.push_str("..\n");
            return Ok(());
        };
        let mut facts = facts(found)?;
        if let Some(digest) = content_digest(found)? {
            facts.insert("sha256digest".to_owned(), digest);
        }
        let (_, name) = split(found.path);
        let name = if name.is_empty() { b"." } else { name };
        line(&mut text, depth, name, &facts);
        if found.is(SFlag::S_IFDIR) {
            depth += 1;
        }
        Ok(())
    })?;
    Ok(text)
}

fn line(text: &mut String, depth: usize, name: &[u8], facts: &Facts) {
    let indent = depth * 4;
    // Writing to a string cannot fail.
    write!(text, "{:indent$}{}", "", vis::encode(name)).ok();
    for (keyword, value) in facts {
        write!(text, " {keyword}={value}").ok();
    }
    text.push('\n');
}
