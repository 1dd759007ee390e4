//! Where events go: containers.conf(5), `events_logger`, `events_logfile_path`, `events_logfile_max_size`; `--events-backend`.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::config::Size;
use crate::engine::Context;
use crate::output::parse_decimal_size;

/// What keeps the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    File,
    Journald,
    None,
}

impl Driver {
    pub fn as_str(self) -> &'static str {
        match self {
            Driver::File => "file",
            Driver::Journald => "journald",
            Driver::None => "none",
        }
    }

    fn parse(text: &str) -> Result<Driver> {
        Ok(match text.to_ascii_lowercase().as_str() {
            "file" => Driver::File,
            "journald" => Driver::Journald,
            "none" => Driver::None,
            _ => bail!("events_logger {text:?} is not known: one of file, journald, none"),
        })
    }
}

/// Bytes after which the file is cut to its newer half.
const DEFAULT_MAX_SIZE: u64 = 1_000_000;

impl Context {
    /// `--events-backend`, containers.conf, the journal where systemd is the init, else a file.
    pub fn event_driver(&self) -> Result<Driver> {
        let configured = &self.config.containers_conf.engine.events_logger;
        match self.globals.events_backend.as_ref().or(configured.as_ref()) {
            Some(name) if !name.is_empty() => Driver::parse(name),
            _ if systemd_is_init() => Ok(Driver::Journald),
            _ => Ok(Driver::File),
        }
    }

    pub fn event_log(&self) -> PathBuf {
        let configured = self
            .config
            .containers_conf
            .engine
            .events_logfile_path
            .clone();
        configured
            .filter(|path| !path.as_os_str().is_empty())
            .unwrap_or_else(|| {
                let directory = self.globals.tmpdir.as_ref();
                let directory = directory.unwrap_or(&self.store.runroot);
                directory.join("events/events.log")
            })
    }

    pub(super) fn event_log_max_size(&self) -> Result<u64> {
        let configured = &self.config.containers_conf.engine.events_logfile_max_size;
        let text = match configured {
            Some(Size::Bytes(bytes)) => bytes.to_string(),
            Some(Size::Text(text)) => text.clone(),
            None => return Ok(DEFAULT_MAX_SIZE),
        };
        let size = parse_decimal_size(&text).with_context(|| {
            format!("containers.conf: events_logfile_max_size = {text:?} is no size, such as 1m")
        })?;
        Ok(if size == 0 { DEFAULT_MAX_SIZE } else { size })
    }
}

fn systemd_is_init() -> bool {
    std::fs::read_to_string("/proc/1/comm").is_ok_and(|name| name.trim_end() == "systemd")
}
