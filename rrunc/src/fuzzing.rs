//! What `fuzz/` feeds with arbitrary bytes: none of it may panic. The modules are those of main.rs. Without `--cfg fuzzing` there is nothing here.
#![cfg(fuzzing)]
#![allow(dead_code, reason = "the rest is the program's")]

mod annotations;
mod birth;
mod cgroup;
mod cli;
mod commands;
mod container;
mod criu;
mod kernel;
mod log;
mod security;
mod spec;
mod tuning;

pub fn config(bytes: &[u8]) {
    if let Ok(spec) = serde_json::from_slice::<spec::Spec>(bytes) {
        let _ = spec::check(&spec);
    }
    let _ = spec::parse_resources(bytes);
}
