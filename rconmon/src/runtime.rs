//! The runtime's command line.

use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, Result};

use crate::settings::Settings;

/// `RUNTIME [--systemd-cgroup] [ARGS…] create|restore|exec … [OPTS…] ID`, the
/// order that conmon gives it.
pub(crate) fn command_line(settings: &Settings, console: Option<&Path>) -> Result<Vec<CString>> {
    let options = &settings.options;
    let mut line = Line(Vec::new());
    line.add(&settings.runtime);
    if options.systemd_cgroup && !options.exec {
        line.add("--systemd-cgroup");
    }
    line.add_all(&options.runtime_args);
    if let Some(spec) = options.exec_process_spec.as_ref().filter(|_| options.exec) {
        line.add("exec");
        line.add_pair("--pid-file", &settings.container_pidfile);
        line.add_pair("--process", spec);
        line.add("--detach");
    } else {
        create(settings, &mut line);
    }
    line.add_all(&options.runtime_opts);
    if let Some(console) = console {
        line.add_pair("--console-socket", console);
    }
    line.add(&settings.cid);
    line.finish()
}

fn create(settings: &Settings, line: &mut Line) {
    let options = &settings.options;
    let bundle = settings.bundle.as_deref().unwrap_or(Path::new("."));
    line.add(if options.restore.is_some() {
        "restore"
    } else {
        "create"
    });
    line.add_pair("--bundle", bundle);
    line.add_pair("--pid-file", &settings.container_pidfile);
    if options.no_pivot {
        line.add("--no-pivot");
    }
    if options.no_new_keyring {
        line.add("--no-new-keyring");
    }
    if let Some(image) = &options.restore {
        // A restored container runs at once: the runtime must not wait for it.
        line.add("--detach");
        line.add_pair("--image-path", image);
        line.add_pair("--work-path", bundle);
    }
}

struct Line(Vec<Vec<u8>>);

impl Line {
    fn add(&mut self, arg: impl AsRef<OsStr>) {
        self.0.push(arg.as_ref().as_bytes().to_vec());
    }

    fn add_pair(&mut self, name: &str, value: impl AsRef<OsStr>) {
        self.add(name);
        self.add(value);
    }

    fn add_all(&mut self, args: &[impl AsRef<OsStr>]) {
        args.iter().for_each(|arg| self.add(arg));
    }

    fn finish(self) -> Result<Vec<CString>> {
        let strings = self.0.into_iter().map(CString::new);
        strings
            .collect::<Result<_, _>>()
            .context("an argument holds a NUL byte")
    }
}
