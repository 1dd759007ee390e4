//! SELinux, where the host has it: which label a container's process has, and which its files, so that it reaches no others.
//!
//! ```text
//! ROOT/levels/<level>    the id of the container that the level was drawn for: no two have the same
//! ```
//!
//! The policy says what containers are (`lxc_contexts`, selinux(8)); the level (`s0:c12,c345`) keeps them apart. Files that several
//! may share have the level `s0`. podman-run(1), "--security-opt label=" and "Labeling Volume Mounts".

mod choice;
mod label;
mod level;
mod policy;
mod relabel;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

pub use choice::{check_option, settle, shared_file_label};
pub use label::Label;
pub use level::{forget, sweep};
pub use relabel::{label_directory, label_file, relabel};

/// Makes the directory of layers, which every container reads, so that all that is made in it has a label for that. One that is there
/// stays as it is.
pub fn make_layers(layers: &Path) -> Result<()> {
    if layers.exists() || !is_enabled() {
        return Ok(());
    }
    let policy = policy::Policy::read();
    let Some(label) = policy.read_only_file.or(policy.file) else {
        return Ok(());
    };
    fs::create_dir_all(layers).with_context(|| format!("making {}", layers.display()))?;
    label_file(layers, &label.to_string())
}

/// The kernel labels, and has a policy to do it by.
pub fn is_enabled() -> bool {
    Path::new("/sys/fs/selinux/enforce").exists()
        // It says so until a policy is loaded.
        && own_label().is_ok_and(|label| label != "kernel")
}

/// rpod's own, as the kernel writes it.
fn own_label() -> std::io::Result<String> {
    let label = fs::read_to_string("/proc/self/attr/current")?;
    Ok(label.trim_end_matches(['\0', '\n']).to_owned())
}

/// `,KEY="LABEL"` of a mount, as a label has commas; nothing without a label. `context` is the label of all files, `rootcontext` that of
/// the root directory.
pub fn mount_option(key: &str, label: Option<&str>) -> String {
    label.map_or_else(String::new, |label| format!(",{key}=\"{label}\""))
}

/// The same label at the level that several containers have.
pub fn shared(label: &str) -> Result<String> {
    Ok(label.parse::<Label>()?.at(Label::SHARED).to_string())
}
