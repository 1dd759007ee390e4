//! System calls that nix does not wrap, one thin function each; and the one way to write to /proc.

pub(crate) mod exec;
pub(crate) mod mount;
pub(crate) mod netlink;
pub(crate) mod process;
pub(crate) mod procfs;
