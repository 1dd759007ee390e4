//! The nouns and what they can do. The command line is one door onto them; nothing here prints or parses options.

pub mod apparmor;
pub mod artifact;
pub mod cdi;
pub mod cgroup;
pub mod container;
pub mod copier;
pub mod event;
pub mod files;
pub mod filter;
pub mod host;
pub mod image;
pub mod layout;
pub mod network;
pub mod pod;
pub mod quota;
pub mod runtime;
pub mod secret;
pub mod selinux;
pub mod spec;
pub mod system;
pub mod tree;
pub mod user_namespace;
pub mod volume;

use std::cell::OnceCell;
use std::path::{PathBuf, absolute};

use anyhow::{Context as _, Result, bail};

use crate::cli::Globals;
use crate::config::{Config, find_part};
use crate::monitor::descriptors::Preserved;
use crate::rootless;
use crate::store::Store;
use crate::systemd;

/// What every action needs to know: where things are kept and what was configured.
#[derive(Debug)]
pub struct Context {
    pub store: Store,
    pub config: Config,
    /// The global options as they were given, for the exit command.
    pub globals: Globals,
    /// What the caller passes on to the process that the command starts.
    pub preserved: Preserved,
    runtime: OnceCell<PathBuf>,
}

impl Context {
    pub fn new(globals: &Globals) -> Result<Context> {
        let config = Config::load(&globals.module)?;
        // What is started from here may work in another directory.
        let whole = |path: &PathBuf| {
            absolute(path).with_context(|| format!("{} is no directory", path.display()))
        };
        let store = Store {
            root: globals.root.as_ref().map_or_else(default_root, whole)?,
            runroot: globals
                .runroot
                .as_ref()
                .map_or_else(default_runroot, whole)?,
            imagestore: globals.imagestore.as_ref().map(whole).transpose()?,
        };
        // A place that cannot be would look like one without images.
        if let Some(path) = &store.imagestore {
            std::fs::create_dir_all(path)
                .with_context(|| format!("configure storage: mkdir {}", path.display()))?;
        }
        if let Some(place) = &config.containers_conf.engine.image_copy_tmp_dir {
            set_temporary_directory(place, &store)?;
        }
        Ok(Context {
            store,
            config,
            globals: globals.clone(),
            preserved: Preserved::default(),
            runtime: OnceCell::new(),
        })
    }

    /// Where images lie that are on their way.
    pub fn temporary_directory() -> PathBuf {
        std::env::var_os("TMPDIR").map_or_else(|| "/var/tmp".into(), PathBuf::from)
    }

    pub fn preserving(mut self, preserved: Preserved) -> Context {
        self.preserved = preserved;
        self
    }

    /// The OCI runtime: `--runtime`, containers.conf, ours, then whatever is installed.
    pub fn runtime(&self) -> Result<PathBuf> {
        if let Some(found) = self.runtime.get() {
            return Ok(found.clone());
        }
        let engine = &self.config.containers_conf.engine;
        let found = match self
            .globals
            .runtime
            .as_deref()
            .or(engine.runtime.as_deref())
        {
            Some(path) if path.contains('/') => PathBuf::from(path),
            Some(name) => find_part(
                engine.runtimes.get(name).map_or(&[], Vec::as_slice),
                &[name],
            )?,
            None => find_part(&[], &["rrunc", "crun", "runc"])?,
        };
        if !found.is_file() {
            bail!(
                "{}: no such OCI runtime: name another with --runtime",
                found.display()
            );
        }
        Ok(self.runtime.get_or_init(|| found).clone())
    }

    /// The monitor: `--conmon`, containers.conf, ours, then conmon.
    pub fn conmon(&self) -> Result<PathBuf> {
        if let Some(path) = &self.globals.conmon {
            return Ok(path.clone());
        }
        find_part(
            self.config
                .containers_conf
                .engine
                .conmon_path
                .as_deref()
                .unwrap_or_default(),
            &["rconmon", "conmon"],
        )
    }

    /// The program that does nothing, for pods and `--init`.
    pub fn pause(&self) -> Result<PathBuf> {
        let configured = self.config.containers_conf.containers.init_path.clone();
        find_part(configured.as_slice(), &["rpause", "catatonit"])
    }

    /// Who makes cgroups: `--cgroup-manager`, containers.conf, systemd where it runs and cgroups are its own (v2), else nobody.
    pub fn cgroup_manager(&self) -> &str {
        let configured = self.config.containers_conf.engine.cgroup_manager.as_deref();
        match (self.globals.cgroup_manager, configured) {
            (Some(manager), _) => manager.as_str(),
            (None, Some(manager)) => manager,
            (None, None)
                if systemd::is_init()
                    && systemd::unified_cgroups()
                    && systemd::manager::is_there() =>
            {
                "systemd"
            }
            (None, None) => "cgroupfs",
        }
    }

    pub fn systemd_cgroups(&self) -> bool {
        self.cgroup_manager() == "systemd"
    }

    /// Where containers say things: containers.conf, the journal where systemd keeps one, else a file.
    pub fn log_driver(&self) -> &str {
        match self.config.containers_conf.containers.log_driver.as_deref() {
            Some(driver) => driver,
            None if systemd::is_init() && systemd::journal::is_kept() => "journald",
            None => "k8s-file",
        }
    }

    /// The slice in which units are made.
    pub fn slice(&self) -> &'static str {
        if rootless() {
            "user.slice"
        } else {
            "machine.slice"
        }
    }

    /// As conmon names it.
    pub fn log_level(&self) -> &str {
        match self.globals.log_level.as_str() {
            "warn" => "warning",
            other => other,
        }
    }
}

/// True for anyone but the host's root.
pub fn rootless() -> bool {
    rootless::is_rootless()
}

fn default_root() -> Result<PathBuf> {
    if !rootless() {
        return Ok("/var/lib/rpod".into());
    }
    if let Some(data) = std::env::var_os("XDG_DATA_HOME") {
        return Ok(PathBuf::from(data).join("rpod"));
    }
    let home = std::env::var_os("HOME").ok_or_else(|| {
        anyhow::anyhow!("neither XDG_DATA_HOME nor HOME is set: set one, or use --root")
    })?;
    Ok(PathBuf::from(home).join(".local/share/rpod"))
}

fn default_runroot() -> Result<PathBuf> {
    if !rootless() {
        return Ok("/run/rpod".into());
    }
    Ok(rootless::runtime_dir()?.join("rpod"))
}

/// As podman's, containers.conf's directory is the environment's where that names none: what rpod starts has it, too.
fn set_temporary_directory(place: &str, store: &Store) -> Result<()> {
    if place.is_empty() || std::env::var_os("TMPDIR").is_some() {
        return Ok(());
    }
    let path = match place {
        "storage" => {
            let path = store.root.join("tmp");
            std::fs::create_dir_all(&path).with_context(|| format!("making {}", path.display()))?;
            path
        }
        path if path.starts_with('/') => PathBuf::from(path),
        _ => bail!("invalid image_copy_tmp_dir value {place:?} (relative paths are not accepted)"),
    };
    // SAFETY: a command begins with this; no other thread runs yet that could read the environment.
    unsafe { std::env::set_var("TMPDIR", path) };
    Ok(())
}
