//! Tar files that hold images: members are read in place by name, and written one behind the other.

mod output;
mod reader;
mod writer;

use std::path::{Path, PathBuf};

pub use output::spool;
pub use reader::{Section, TarReader};
pub use writer::TarWriter;

/// Where large temporary files go: `--tmpdir`, else `$TMPDIR`, else /var/tmp, as skopeo has it.
fn spool_directory(tmpdir: Option<&Path>) -> PathBuf {
    tmpdir
        .map(Path::to_owned)
        .or_else(|| std::env::var_os("TMPDIR").map(PathBuf::from))
        .unwrap_or_else(|| "/var/tmp".into())
}
