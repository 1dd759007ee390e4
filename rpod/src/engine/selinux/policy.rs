//! What the host's policy says of containers: `/usr/share/containers/selinux/contexts`, or `lxc_contexts` of the policy in use.

use std::fs;
use std::path::{Path, PathBuf};

use super::label::Label;

/// Labels of containers; one that the policy does not have is none.
#[derive(Debug, Default)]
pub(super) struct Policy {
    pub(super) process: Option<Label>,
    /// A process that is an init.
    pub(super) init: Option<Label>,
    pub(super) file: Option<Label>,
    /// Files that containers read and do not write.
    pub(super) read_only_file: Option<Label>,
}

impl Policy {
    /// A host that says nothing has no labels for containers.
    pub(super) fn read() -> Policy {
        let named = fs::read_to_string("/usr/share/containers/selinux/contexts");
        let text = named.or_else(|_| fs::read_to_string(in_use().join("contexts/lxc_contexts")));
        text.map_or_else(|_| Policy::default(), |text| Policy::parse(&text))
    }

    /// Lines of `key = "label"`; `#` and `;` begin comments.
    fn parse(text: &str) -> Policy {
        let mut policy = Policy::default();
        for line in text.lines().map(str::trim) {
            let Some((key, value)) = line.split_once('=') else {
                continue;
            };
            let label = value.trim().trim_matches('"').parse().ok();
            match key.trim() {
                "process" => policy.process = label,
                "init_process" => policy.init = label,
                "file" => policy.file = label,
                "ro_file" => policy.read_only_file = label,
                _ => {}
            }
        }
        policy
    }
}

/// `SELINUXTYPE` of selinux_config(5).
fn in_use() -> PathBuf {
    let config = fs::read_to_string("/etc/selinux/config").unwrap_or_default();
    let mut lines = config.lines().map(str::trim);
    let kind = lines.find_map(|line| line.strip_prefix("SELINUXTYPE="));
    Path::new("/etc/selinux").join(kind.map_or("targeted", str::trim))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_containers() {
        let policy = Policy::parse(
            "# process = \"a:b:c\"\nprocess = \"system_u:system_r:container_t:s0\"\n\nfile=\"system_u:object_r:container_file_t:s0\"\n\
             ro_file = \"x:y:z\"\ninit_process = \"broken\"\n",
        );
        let text = |label: Option<Label>| label.map(|label| label.to_string());
        assert_eq!(
            text(policy.process).as_deref(),
            Some("system_u:system_r:container_t:s0")
        );
        assert_eq!(
            text(policy.file).as_deref(),
            Some("system_u:object_r:container_file_t:s0")
        );
        assert_eq!(text(policy.init), None);
    }
}
