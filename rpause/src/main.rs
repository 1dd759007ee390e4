//! The infra process of a pod, and a minimal init.
//!
//! `rpause` with no arguments or with `-P` holds namespaces open: it sleeps in
//! one system call until SIGTERM or SIGINT, and never wakes for anything else.
//! `rpause [-g] [--] PROG [ARG…]` runs PROG as a child, passes signals on,
//! reaps orphans and ends with PROG's own exit code.
//!
//! Release builds (`panic = "abort"`) have neither libc nor the standard
//! library. Profiles that unwind link std, only so that tests can run.
#![cfg_attr(panic = "abort", no_std, no_main)]

mod start;

#[cfg(not(panic = "abort"))]
use start::main;
