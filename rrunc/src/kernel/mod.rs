//! System calls that nix does not wrap, one thin function each.

pub(crate) mod exec;
pub(crate) mod mount;
pub(crate) mod netlink;
pub(crate) mod process;
