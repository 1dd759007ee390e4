//! Whose the files become: kept, mapped, or all the caller's.

use super::error::{LayerError, Result};

/// A range of user or group ids, as `container:host:size`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdMap {
    pub container: u32,
    pub host: u32,
    pub size: u32,
}

impl std::str::FromStr for IdMap {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let numbers: Vec<u32> = text
            .split(':')
            .map_while(|part| part.parse().ok())
            .collect();
        match (&numbers[..], text.split(':').count()) {
            (&[container, host], 2) => Ok(Self {
                container,
                host,
                size: 1,
            }),
            (&[container, host, size], 3) if size > 0 => Ok(Self {
                container,
                host,
                size,
            }),
            _ => Err("expected container:host[:size]".to_owned()),
        }
    }
}

/// How owners in a layer become owners on disk.
#[derive(Clone, Debug, Default)]
pub enum Owners {
    #[default]
    Kept,
    Mapped {
        uids: Vec<IdMap>,
        gids: Vec<IdMap>,
    },
    /// Every file is the caller's; the real owner is kept in `user.rootlesscontainers`, as umoci --rootless does.
    Callers,
}

/// The attribute in which rootless tools keep a file's owner: a protobuf message of two 32-bit fields.
pub(super) const ROOTLESS_XATTR: &std::ffi::CStr = c"user.rootlesscontainers";
/// Stands for "0, not recorded" in that message.
const NOT_RECORDED: u32 = u32::MAX;

impl Owners {
    /// The owner on disk, or None to leave it the caller's.
    pub(super) fn on_disk(&self, path: &[u8], uid: u32, gid: u32) -> Result<Option<(u32, u32)>> {
        match self {
            Self::Kept => Ok(Some((uid, gid))),
            Self::Callers => Ok(None),
            Self::Mapped { uids, gids } => {
                let map = |maps: &[IdMap], id, kind| {
                    to_host(maps, id).ok_or_else(|| {
                        LayerError::refused(
                            path,
                            format!("its {kind} {id} is outside of the given map"),
                        )
                    })
                };
                Ok(Some((
                    map(uids, uid, "user id")?,
                    map(gids, gid, "group id")?,
                )))
            }
        }
    }
}

fn to_host(maps: &[IdMap], id: u32) -> Option<u32> {
    let map = maps
        .iter()
        .find(|map| id >= map.container && id - map.container < map.size)?;
    map.host.checked_add(id - map.container)
}

/// The record of an owner for [`ROOTLESS_XATTR`], or None for root's files, which need none.
pub(super) fn record(uid: u32, gid: u32) -> Option<Vec<u8>> {
    if (uid, gid) == (0, 0) {
        return None;
    }
    let mut message = Vec::new();
    for (tag, id) in [(0x08, uid), (0x10, gid)] {
        message.push(tag);
        let mut value = if id == 0 { NOT_RECORDED } else { id };
        while value > 0x7f {
            message.push(value as u8 | 0x80);
            value >>= 7;
        }
        message.push(value as u8);
    }
    Some(message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn maps_to_the_host() {
        let map: IdMap = "0:1000:10".parse().unwrap();
        assert_eq!(to_host(&[map], 9), Some(1009));
        assert_eq!(to_host(&[map], 10), None);
        assert_eq!("5:6".parse::<IdMap>().unwrap().size, 1);
        for text in ["", "1", "1:2:3:4", "a:b", "1:2:x", "1:2:0", "-1:2:3"] {
            assert!(text.parse::<IdMap>().is_err(), "{text}");
        }
    }

    #[test]
    fn records_owners() {
        assert_eq!(record(0, 0), None);
        assert_eq!(record(1, 0).unwrap(), b"\x08\x01\x10\xff\xff\xff\xff\x0f");
    }
}
