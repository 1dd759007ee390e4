//! What confines the container's process: each piece is prepared before the process is born and
//! only applied by it.

pub(crate) mod seccomp;
