//! The groups of a process that joins a container.

use std::fs;
use std::path::{Component, Path};

use anyhow::{Context, Result, anyhow, ensure};

use super::Manager;

impl Manager {
    /// Groups below these, as `exec --cgroup` names them: a path in cgroup v2, else
    /// `controller[,controller…]:path`.
    ///
    /// # Errors
    /// A controller is unknown or given twice, or a path leads out of the container's group.
    pub(crate) fn below(mut self, wanted: &[String]) -> Result<Manager> {
        let all: Vec<String> = self.paths.keys().cloned().collect();
        let mut given: Vec<String> = Vec::new();
        for wanted in wanted {
            let (controllers, path): (Vec<&str>, &str) = match wanted.split_once(':') {
                Some((controllers, path)) => (controllers.split(',').collect(), path),
                None => (all.iter().map(String::as_str).collect(), wanted.as_str()),
            };
            for controller in controllers {
                self.descend(controller, path)
                    .with_context(|| format!("--cgroup {wanted}"))?;
                ensure!(
                    !given.iter().any(|given| given == controller),
                    "--cgroup {wanted}: controller {controller} specified multiple times"
                );
                given.push(controller.to_owned());
            }
        }
        Ok(self)
    }

    /// Where a process that joins the container goes. In cgroup v2 a group with controllers
    /// enabled below it takes none: then it goes where the init process went.
    pub(crate) fn with_init(mut self, init: i32) -> Result<Manager> {
        let Some(group) = self.unified() else {
            return Ok(self);
        };
        let control = fs::read_to_string(group.join("cgroup.subtree_control"));
        if control.is_ok_and(|enabled| !enabled.trim().is_empty()) {
            let path = format!("/proc/{init}/cgroup");
            let own = fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
            if let Some(own) = own.lines().find_map(|line| line.strip_prefix("0::/")) {
                let own = self.mountpoint.join(own);
                self.paths.insert(String::new(), own);
            }
        }
        Ok(self)
    }

    fn descend(&mut self, controller: &str, path: &str) -> Result<()> {
        let group = self
            .paths
            .get_mut(controller)
            .ok_or_else(|| anyhow!("unknown controller {controller}"))?;
        let climbs = Path::new(path)
            .components()
            .any(|part| part == Component::ParentDir);
        ensure!(!climbs, "bad sub cgroup path: {path}");
        let below = group.join(path.trim_start_matches('/'));
        ensure!(
            below.is_dir(),
            "error adding pid to cgroups: {}: no such file or directory",
            below.display()
        );
        *group = below;
        Ok(())
    }
}
