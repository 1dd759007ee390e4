//! See the library.

fn main() -> std::process::ExitCode {
    rskopeo::run()
}
