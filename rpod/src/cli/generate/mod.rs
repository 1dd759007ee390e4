//! `rpod generate`: podman-generate(1).

mod command_line;
mod spec;
mod systemd;

pub use spec::Spec;
pub use systemd::Systemd;
