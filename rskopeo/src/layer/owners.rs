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

    /// The way back: whose a file is that is `owner`'s on disk.
    pub(super) fn in_layer(
        &self,
        path: &[u8],
        owner: (u32, u32),
        xattrs: &[(Vec<u8>, Vec<u8>)],
    ) -> Result<(u32, u32)> {
        match self {
            Self::Kept => Ok(owner),
            Self::Callers => {
                let recorded = xattrs.iter().find(|(name, _)| self.is_record(name));
                match recorded {
                    Some((_, value)) => recorded_owner(value).ok_or_else(|| {
                        let reason =
                            "its user.rootlesscontainers attribute is no record of an owner";
                        LayerError::refused(path, reason)
                    }),
                    None => Ok((0, 0)),
                }
            }
            Self::Mapped { uids, gids } => {
                let map = |maps: &[IdMap], id, kind| {
                    to_container(maps, id).ok_or_else(|| {
                        LayerError::refused(
                            path,
                            format!("its {kind} {id} on disk is outside of the bundle's map"),
                        )
                    })
                };
                Ok((
                    map(uids, owner.0, "user id")?,
                    map(gids, owner.1, "group id")?,
                ))
            }
        }
    }

    /// Whether an attribute is ours, not the image's.
    pub(super) fn is_record(&self, name: &[u8]) -> bool {
        matches!(self, Self::Callers) && name == ROOTLESS_XATTR.to_bytes()
    }
}

fn to_container(maps: &[IdMap], id: u32) -> Option<u32> {
    let map = maps
        .iter()
        .find(|map| id >= map.host && id - map.host < map.size)?;
    map.container.checked_add(id - map.host)
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

/// Reads a [`record`].
fn recorded_owner(message: &[u8]) -> Option<(u32, u32)> {
    let mut owner = (0, 0);
    let mut bytes = message.iter();
    while let Some(tag) = bytes.next() {
        let mut value: u64 = 0;
        for shift in (0..).step_by(7) {
            let byte = bytes.next()?;
            if shift > 28 {
                return None;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let id = u32::try_from(value).ok()?;
        let id = if id == NOT_RECORDED { 0 } else { id };
        match tag {
            0x08 => owner.0 = id,
            0x10 => owner.1 = id,
            _ => return None,
        }
    }
    Some(owner)
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
        assert_eq!(to_container(&[map], 1009), Some(9));
        assert_eq!(to_container(&[map], 1010), None);
        assert_eq!("5:6".parse::<IdMap>().unwrap().size, 1);
        for text in ["", "1", "1:2:3:4", "a:b", "1:2:x", "1:2:0", "-1:2:3"] {
            assert!(text.parse::<IdMap>().is_err(), "{text}");
        }
    }

    #[test]
    fn records_owners() {
        assert_eq!(record(0, 0), None);
        assert_eq!(record(1, 0).unwrap(), b"\x08\x01\x10\xff\xff\xff\xff\x0f");
        for owner in [(1, 0), (0, 5), (1000, 100_000)] {
            assert_eq!(
                recorded_owner(&record(owner.0, owner.1).unwrap()),
                Some(owner)
            );
        }
        for broken in [
            &b"\x08"[..],
            b"\x08\x80",
            b"\x09\x01",
            b"\x08\xff\xff\xff\xff\xff\x01",
        ] {
            assert_eq!(recorded_owner(broken), None);
        }
    }
}
