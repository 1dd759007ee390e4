//! conmon(8)'s command line for one start.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::{Monitor, pidfile};
use crate::engine::{Context, runtime};

impl Monitor<'_> {
    /// `oci_log`: where the runtime says in JSON why it failed.
    pub(super) fn arguments(&self, ctx: &Context, oci_log: &Path) -> Result<Vec<String>> {
        let text = |path: &Path| {
            path.to_str()
                .map(str::to_owned)
                .with_context(|| format!("{} is not UTF-8", path.display()))
        };
        let mut args: Vec<String> = Vec::with_capacity(64);
        let mut add = |words: &[&str]| args.extend(words.iter().map(|word| (*word).to_owned()));
        add(&[
            "--api-version",
            "1",
            "-c",
            self.container_id,
            "-u",
            self.session_id,
        ]);
        add(&["-r", &text(&self.runtime)?, "-b", &text(self.bundle)?]);
        add(&["-p", &text(&self.run.join("pidfile"))?, "-n", self.name]);
        add(&["--exit-dir", &text(self.exit_dir)?, "--full-attach"]);
        for flag in runtime::flags(ctx, &self.runtime) {
            add(&["--runtime-arg", &flag]);
        }
        if self.resources.systemd_cgroup() {
            add(&["-s"]);
        }
        add(&["-l", &self.log, "--log-level", ctx.log_level()]);
        if self.log_is_short_lived {
            add(&["--no-sync-log"]);
        }
        if let Some(tag) = &self.log_tag {
            add(&["--log-tag", tag]);
        }
        for label in &self.log_labels {
            add(&["--log-label", label]);
        }
        if let Some(size) = self.log_size_max {
            add(&["--log-size-max", &size.to_string()]);
        }
        add(&[
            "--runtime-arg",
            "--log-format=json",
            "--runtime-arg",
            "--log",
            &format!("--runtime-arg={}", text(oci_log)?),
        ]);
        if self.resources.no_cgroup && runtime::is_crun(&self.runtime) {
            add(&[
                "--runtime-arg",
                "--cgroup-manager",
                "--runtime-arg",
                "disabled",
            ]);
        }
        if self.tty {
            add(&["-t"]);
        } else if self.stdin {
            add(&["-i"]);
        }
        if self.timeout > 0 {
            add(&[&format!("--timeout={}", self.timeout)]);
        }
        add(&["--conmon-pidfile", &text(&pidfile(self.run))?]);
        if let Some(exec) = &self.exec {
            add(&["-e", "--exec-process-spec", &text(exec.process)?]);
            if exec.attach {
                add(&["--exec-attach"]);
            }
        }
        if let Some(restore) = &self.restore {
            add(&["--restore", &text(&restore.images)?]);
            for option in &restore.options {
                add(&["--runtime-opt", option]);
            }
        }
        if let Some(socket) = &self.notify_socket {
            add(&[&format!("--sdnotify-socket={}", text(socket)?)]);
        }
        let passed = self.sockets.count.max(self.preserved.count);
        if passed > 0 {
            add(&["--runtime-opt", "--preserve-fds", "--runtime-opt"]);
            add(&[&passed.to_string()]);
        }
        if let Some((program, rest)) = self.exit_command.split_first() {
            add(&["--exit-command", program]);
            for word in rest {
                add(&["--exit-command-arg", word]);
            }
        }
        Ok(args)
    }
}
