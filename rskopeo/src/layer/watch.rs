//! Looking on while a layer is unpacked: every byte of the archive, and what it belongs to.

use std::io::{self, BufRead};

/// What a member is to somebody who keeps a record of the archive.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// As it stands in the archive.
    pub name: &'a [u8],
    /// Relative to the root of the tree, which is empty.
    pub clean: &'a [u8],
    pub uid: u32,
    pub gid: u32,
    /// Bytes of content that follow.
    pub stored: u64,
    /// Whether they, all of them and nothing else, are the content of a file of that name.
    pub is_whole_file: bool,
    /// A whiteout, or another note for the layers below.
    pub is_mark: bool,
}

/// Somebody who looks on.
pub trait Watcher: Send {
    /// These bytes of the archive have been read.
    fn passed(&mut self, bytes: &[u8]);

    /// All that was read up to now belongs to what was before the member, or to its headers.
    ///
    /// # Errors
    /// The member cannot be taken, or nothing can any more; the layer is given up.
    fn begins(&mut self, member: &Member<'_>) -> io::Result<()>;
}

/// An archive's bytes, which may be watched.
pub(super) trait Input: BufRead {
    fn begins(&mut self, _member: &Member<'_>) -> io::Result<()> {
        Ok(())
    }
}
