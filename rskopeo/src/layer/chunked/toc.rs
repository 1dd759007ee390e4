//! The table of contents: of every member what a tar header tells, and where its content lies in the stream.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nix::sys::time::TimeSpec;
use serde::Serialize;
use tar::Header;

use super::pieces::Content;
use crate::digest::Digest;
use crate::layer::archive::{Entry, Kind};
use crate::layer::error::{LayerError, Result};

/// The table as it is written.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Toc {
    version: u32,
    entries: Vec<Member>,
    pub(super) tar_split_digest: Option<Digest>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Member {
    #[serde(rename = "type")]
    kind: &'static str,
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    link_name: String,
    #[serde(skip_serializing_if = "is_zero")]
    mode: u64,
    #[serde(skip_serializing_if = "is_zero")]
    size: u64,
    #[serde(skip_serializing_if = "is_zero")]
    uid: u64,
    #[serde(skip_serializing_if = "is_zero")]
    gid: u64,
    #[serde(rename = "modtime", skip_serializing_if = "Option::is_none")]
    mtime: Option<String>,
    #[serde(rename = "accesstime", skip_serializing_if = "Option::is_none")]
    atime: Option<String>,
    #[serde(rename = "changetime", skip_serializing_if = "Option::is_none")]
    ctime: Option<String>,
    #[serde(skip_serializing_if = "is_zero")]
    dev_major: u64,
    #[serde(skip_serializing_if = "is_zero")]
    dev_minor: u64,
    /// In base64.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    xattrs: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<Digest>,
    #[serde(skip_serializing_if = "is_zero")]
    offset: u64,
    #[serde(skip_serializing_if = "is_zero")]
    end_offset: u64,
    #[serde(skip_serializing_if = "is_zero")]
    chunk_size: u64,
    #[serde(skip_serializing_if = "is_zero")]
    chunk_offset: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    chunk_digest: Option<Digest>,
    #[serde(skip_serializing_if = "str::is_empty")]
    chunk_type: &'static str,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Whether the table can tell of this member all that its headers (`raw`, up to the last block) do. Readers compare the two.
pub(super) fn can_hold(entry: &Entry, raw: &[u8]) -> bool {
    let Some(header) = last_header(raw) else {
        return false;
    };
    let is_text = |bytes: &[u8]| std::str::from_utf8(bytes).is_ok();
    let names_are_text = is_text(&entry.path)
        && is_text(&entry.link)
        && entry.xattrs.iter().all(|(name, _)| is_text(name));
    // GNU's own places for times, which everyone else leaves empty.
    let has_gnu_times = header.as_gnu().is_some_and(|gnu| {
        [gnu.atime, gnu.ctime]
            .iter()
            .flatten()
            .any(|byte| *byte != 0)
    });
    let is_sparse = entry.sparse.is_some();
    let has_idle_size = entry.kind != Kind::File && header.entry_size().unwrap_or(1) != 0;
    let is_continuous = header.entry_type() == tar::EntryType::Continuous;
    // Global records would be a member of their own to the readers.
    let has_global_records = raw
        .chunks(512)
        .any(|block| block.len() == 512 && block[156] == b'g' && &block[257..262] == b"ustar");
    names_are_text
        && !has_gnu_times
        && !is_sparse
        && !has_idle_size
        && !is_continuous
        && !has_global_records
}

/// The block that the member's own header is.
fn last_header(raw: &[u8]) -> Option<Header> {
    let block = raw.get(raw.len().checked_sub(512)?..)?;
    let mut header = Header::new_old();
    header.as_mut_bytes().copy_from_slice(block);
    Some(header)
}

impl Toc {
    /// A member that [`can_hold`] has let through.
    pub(super) fn begin(&mut self, entry: &Entry, raw: &[u8]) -> Result<()> {
        self.version = 1;
        let header = last_header(raw);
        let mode = header.and_then(|header| header.mode().ok());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let xattrs = entry
            .xattrs
            .iter()
            .map(|(name, value)| (text(name), STANDARD.encode(value)));
        self.entries.push(Member {
            kind: match entry.kind {
                Kind::File => "reg",
                Kind::HardLink => "hardlink",
                Kind::Symlink => "symlink",
                Kind::Char => "char",
                Kind::Block => "block",
                Kind::Directory => "dir",
                Kind::Fifo => "fifo",
            },
            name: text(&entry.path),
            link_name: text(&entry.link),
            // With the bits of the file's type, which some archivers write.
            mode: u64::from(mode.unwrap_or(entry.mode)),
            size: entry.size,
            uid: entry.uid.into(),
            gid: entry.gid.into(),
            mtime: Some(time(entry.mtime)?),
            atime: entry.atime.map(time).transpose()?,
            ctime: entry.ctime.map(time).transpose()?,
            dev_major: entry.device.0.into(),
            dev_minor: entry.device.1.into(),
            xattrs: xattrs.collect(),
            ..Member::default()
        });
        Ok(())
    }

    /// Where the content of the last member is.
    pub(super) fn content(&mut self, content: Content) {
        let Content {
            pieces,
            end,
            digest,
            ..
        } = content;
        let Some(member) = self.entries.last_mut() else {
            return;
        };
        let Some(first) = pieces.first() else {
            return;
        };
        member.digest = Some(digest);
        member.offset = first.offset;
        member.end_offset = end;
        if pieces.len() == 1 {
            return;
        }
        let name = member.name.clone();
        let from = self.entries.len() - 1;
        let more = pieces.iter().skip(1).map(|_| Member {
            kind: "chunk",
            name: name.clone(),
            ..Member::default()
        });
        self.entries.extend(more);
        for (member, piece) in self.entries[from..].iter_mut().zip(pieces) {
            member.offset = piece.offset;
            member.chunk_size = piece.size;
            member.chunk_offset = piece.at;
            member.chunk_digest = Some(piece.digest);
            member.chunk_type = if piece.is_hole { "zeros" } else { "" };
        }
    }
}

/// As RFC 3339 has it.
fn time(time: TimeSpec) -> Result<String> {
    let nanoseconds = i32::try_from(time.tv_nsec()).ok();
    nanoseconds
        .and_then(|nanoseconds| jiff::Timestamp::new(time.tv_sec(), nanoseconds).ok())
        .map(|time| time.to_string())
        .ok_or_else(|| LayerError::Archive("a time is out of range".into()))
}
