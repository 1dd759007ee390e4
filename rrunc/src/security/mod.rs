//! What confines the container's process: each piece is prepared before the process is born and
//! only applied by it.

pub(crate) mod capabilities;
pub(crate) mod keyring;
pub(crate) mod lsm;
pub(crate) mod no_new_privs;
pub(crate) mod rlimits;
pub(crate) mod seccomp;
