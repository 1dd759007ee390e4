//! What the container may do.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::engine::apparmor;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Security {
    pub privileged: bool,
    pub cap_add: Vec<String>,
    pub cap_drop: Vec<String>,
    /// The image needs no more than these.
    pub only: Option<Vec<String>>,
    pub no_new_privileges: bool,
    /// A profile file; `unconfined` for none.
    pub seccomp: Option<String>,
    /// A profile that the image brought, as JSON.
    pub seccomp_of_image: Option<String>,
    /// A profile that was asked for; `unconfined` for none.
    pub apparmor: Option<String>,
    /// The profile where none was asked for.
    pub apparmor_default: Option<String>,
    /// SELinux labels that were asked for: `disable`, or `type:…`, `level:…` and so on.
    pub label_options: Vec<String>,
    /// The container may label by itself.
    pub label_nested: bool,
    /// The SELinux label of the process.
    pub process_label: Option<String>,
    /// That of its files.
    pub mount_label: Option<String>,
    pub mask: Vec<String>,
    pub unmask: Vec<String>,
    /// Options of the mount of /proc, in the place of the default ones.
    pub proc_opts: Vec<String>,
    pub sysctls: BTreeMap<String, String>,
}

impl Security {
    /// What confines the process; there is nothing to name on a host without AppArmor.
    pub fn apparmor_profile(&self) -> Option<&str> {
        let asked = self.apparmor.as_ref().filter(|name| !name.is_empty());
        let profile = asked.or(self.apparmor_default.as_ref());
        profile
            .map(String::as_str)
            .filter(|name| *name != apparmor::UNCONFINED || apparmor::is_supported())
    }
}
