#![allow(dead_code, unused_imports)]
mod cgroup;
mod security;
mod spec;

fn main() {}
