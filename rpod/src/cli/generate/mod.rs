//! `rpod generate`: podman-generate(1).

mod command_line;
mod systemd;

pub use systemd::Systemd;
