//! Where a generator is heard.

use std::fs::File;
use std::io::Write as _;

use super::generator::Request;

/// The kernel's log, or standard error where that is closed to it or not wanted.
#[derive(Debug)]
pub struct Log {
    kernel: Option<File>,
    to_stderr_too: bool,
    verbose: bool,
    failed: bool,
}

impl Log {
    pub(super) fn new(request: &Request) -> Log {
        let kernel = if request.no_kernel_log || request.dry_run {
            None
        } else {
            File::options().write(true).open("/dev/kmsg").ok()
        };
        Log {
            kernel,
            to_stderr_too: request.dry_run,
            verbose: request.verbose || request.dry_run,
            failed: false,
        }
    }

    /// For whoever only wants to know where units are.
    pub fn quiet() -> Log {
        Log {
            kernel: None,
            to_stderr_too: false,
            verbose: false,
            failed: false,
        }
    }

    pub fn say(&mut self, text: &str) {
        let line = format!("quadlet-generator[{}]: {text}", std::process::id());
        let heard = self
            .kernel
            .as_mut()
            .is_some_and(|kernel| kernel.write_all(line.as_bytes()).is_ok());
        if !heard || self.to_stderr_too {
            eprintln!("{line}");
        }
    }

    pub fn error(&mut self, text: &str) {
        self.failed = true;
        self.say(text);
    }

    pub fn debug(&mut self, text: &str) {
        if self.verbose {
            self.say(text);
        }
    }

    /// True if nothing was wrong.
    pub(super) fn end(mut self) -> bool {
        if self.failed {
            self.say("processing encountered some errors");
        }
        !self.failed
    }
}
