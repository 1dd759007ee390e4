//! Links the release binary without a C runtime: no libc, no dynamic loader,
//! the entry point is our own `_start`.
//!
//! Profiles that unwind (dev, test) keep the standard library, so that plain
//! `cargo test` and `cargo clippy --all-targets` work; see `main.rs`. Cargo does
//! not tell a build script how a profile panics, so the profile's name decides.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("PROFILE").as_deref() != Ok("release") {
        return;
    }
    for arg in [
        "-nostartfiles",
        "-nostdlib",
        "-static",
        "-no-pie",
        "-Wl,--build-id=none",
        "-Wl,-z,noseparate-code",
        "-Wl,-z,norelro",
        "-Wl,-z,max-page-size=4096",
        "-Wl,--no-eh-frame-hdr",
    ] {
        println!("cargo:rustc-link-arg-bins={arg}");
    }
}
