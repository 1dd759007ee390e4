//! Options that stand before the command: podman(1), "GLOBAL OPTIONS".

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, ValueEnum};

use super::choice::{named, word};
use super::storage_option::StorageOption;
use super::verb::{ExitStatus, Refused, boolean, refused};
use crate::config;
use crate::output::log::{self, Level};

/// How cgroups are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CgroupManager {
    Cgroupfs,
    Systemd,
}

impl CgroupManager {
    pub fn as_str(self) -> &'static str {
        match self {
            CgroupManager::Cgroupfs => "cgroupfs",
            CgroupManager::Systemd => "systemd",
        }
    }
}

const MANAGERS: &str =
    "configuring runtime: cgroup manager must be one of cgroupfs and systemd: invalid argument";

fn no_backend(text: &str) -> String {
    format!("configuring runtime: {text:?} is not a valid events backend: invalid argument")
}

#[derive(Args, Clone, Debug, Default)]
pub struct Globals {
    /// Directory of files that describe devices, in the place of those of containers.conf
    #[arg(long, value_name = "DIR")]
    pub cdi_spec_dir: Vec<PathBuf>,
    /// Cgroup manager to use
    #[arg(long, value_name = "MANAGER", value_parser = named::<CgroupManager>(|_| MANAGERS.to_owned()))]
    pub cgroup_manager: Option<CgroupManager>,
    /// Directory of docker's config.json, for the credentials in it
    #[arg(long = "config", value_name = "DIR")]
    docker_config: Option<PathBuf>,
    /// Path of the conmon binary
    #[arg(long, value_name = "PATH")]
    pub conmon: Option<PathBuf>,
    /// Docker's option: log messages at every level
    #[arg(short = 'D', long, hide = true)]
    debug: bool,
    /// Path of the file that names what every container gets copies of, in the place of mounts.conf
    #[arg(long, value_name = "PATH", hide = true)]
    pub default_mounts_file: Option<PathBuf>,
    /// Events backend to use
    #[arg(long, value_name = "BACKEND", value_parser = word(&["file", "journald", "none"], no_backend))]
    pub events_backend: Option<String>,
    /// Directory of files that describe hooks, in the place of those of containers.conf
    #[arg(long, value_name = "DIR")]
    pub hooks_dir: Vec<PathBuf>,
    /// Path of the directory in which new images are kept, in the place of --root, whose own are only read then
    #[arg(long, value_name = "DIR")]
    pub imagestore: Option<PathBuf>,
    /// Log messages at and above this level
    #[arg(long, value_name = "LEVEL", default_value = "warn", value_parser = log_level)]
    pub log_level: String,
    /// Read another file of containers.conf(5): a path, or its name in a directory containers.conf.modules
    #[arg(long, value_name = "FILE")]
    pub module: Vec<PathBuf>,
    /// Network backend: netavark is the only one
    #[arg(long, value_name = "BACKEND", value_parser = network_backend)]
    network_backend: Option<String>,
    /// Directory of the networks' files
    #[arg(long, alias = "cni-config-dir", value_name = "DIR")]
    pub network_config_dir: Option<PathBuf>,
    /// Print nothing on standard output
    #[arg(long)]
    noout: bool,
    /// Print to a file what would go to standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Path of a registries.conf, in the place of the host's
    #[arg(long, value_name = "PATH", hide = true)]
    registries_conf: Option<PathBuf>,
    /// Path of the directory in which containers, images and pods are kept
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Path of the directory that holds what does not outlive the machine's run
    #[arg(long, value_name = "DIR")]
    pub runroot: Option<PathBuf>,
    /// Name or path of the OCI runtime
    #[arg(long, value_name = "PATH")]
    pub runtime: Option<String>,
    /// Add a global flag of the OCI runtime, without its leading dashes
    #[arg(long, value_name = "FLAG")]
    pub runtime_flag: Vec<String>,
    /// Path of a policy.json, in the place of the host's, for images that are copied
    #[arg(long = "signature-policy", value_name = "PATH", hide = true)]
    image_policy: Option<PathBuf>,
    /// Storage driver: overlay is the only one
    #[arg(long, value_name = "DRIVER", value_parser = storage_driver)]
    storage_driver: Option<String>,
    /// Option of the storage driver, in the place of those of storage.conf(5): [overlay.]mount_program=PATH, additionalimagestore=DIR, size=SIZE, inodes=NUMBER
    #[arg(long, value_name = "OPTION", value_parser = StorageOption::parse)]
    pub storage_opt: Vec<StorageOption>,
    /// Directory of the file of events
    #[arg(long, value_name = "DIR")]
    pub tmpdir: Option<PathBuf>,
    /// Directory in which volumes are kept
    #[arg(long, value_name = "DIR")]
    pub volumepath: Option<PathBuf>,
}

fn log_level(text: &str) -> Result<String, ExitStatus> {
    const LEVELS: &str = "trace, debug, info, warn, warning, error, fatal, panic";
    if Level::parse(text).is_some() {
        return Ok(text.to_lowercase());
    }
    let message = format!("Log Level {text:?} is not supported, choose from: {LEVELS}");
    // podman's code for it.
    Err(ExitStatus { code: 1, message })
}

fn storage_driver(text: &str) -> Result<String> {
    match text {
        "overlay" | "overlay2" | "" => Ok(text.to_owned()),
        _ => bail!("rpod keeps layers as overlayfs takes them: overlay is the only driver"),
    }
}

fn network_backend(text: &str) -> Result<String> {
    match text {
        "netavark" => Ok(text.to_owned()),
        _ => bail!("unsupported network backend type {text}: netavark is the only one"),
    }
}

const ELSEWHERE: &str =
    "rpod works on this machine alone: log in to the other one and start it there";

const PROFILE: &str = "no profile of Go's can be written of rpod: perf(1) makes one";

const REFUSED: &[Refused] = &[
    ("connection", ELSEWHERE),
    ("cpu-profile", PROFILE),
    ("identity", ELSEWHERE),
    (
        "max-workers",
        "what is done at once is bounded by what there is to do: nothing is left to the workers of a pool",
    ),
    ("memory-profile", PROFILE),
    (
        "namespace",
        "all containers are seen together: use --root for others",
    ),
    (
        "network-cmd-path",
        "helper_binaries_dir of containers.conf says where slirp4netns and pasta are",
    ),
    (
        "pull-option",
        "rskopeo pulls whole layers: nothing is left out of them that could be fetched later",
    ),
    ("remote", ELSEWHERE),
    ("ssh", ELSEWHERE),
    (
        "syslog",
        "warnings go to standard error: use 2> >(logger -t rpod)",
    ),
    ("tls-ca", ELSEWHERE),
    ("tls-cert", ELSEWHERE),
    (
        "tls-details",
        "rskopeo speaks to registries, with TLS 1.2 and 1.3 as its library has them",
    ),
    ("tls-key", ELSEWHERE),
    ("trace", "nothing is traced: use strace(1)"),
    (
        "transient-store",
        "records are kept on the disk: containers of run --rm have the least to write",
    ),
    ("url", ELSEWHERE),
];

impl Globals {
    pub(super) fn augment(command: Command) -> Command {
        let version = Arg::new("version").short('v').long("version");
        Globals::augment_args(command)
            .mut_args(boolean)
            .args(REFUSED.iter().map(refused))
            .disable_version_flag(true)
            .arg(version.help("Print version").action(ArgAction::Version))
    }

    /// They may stand behind the command, too, but for `--module`, as podman's. Its help does not list them.
    pub(super) fn augment_verb(command: Command) -> Command {
        let globals = Globals::augment_args(Command::new(""));
        let mut taken: Vec<String> = Vec::new();
        for option in command.get_arguments() {
            taken.extend(option.get_long().map(str::to_owned));
            let aliases = option.get_all_aliases().unwrap_or_default();
            taken.extend(aliases.into_iter().map(str::to_owned));
        }
        let behind = globals.get_arguments().map(|arg| {
            let arg = boolean(arg.clone()).default_value(None::<&str>).hide(true);
            match arg.get_long().map(str::to_owned) {
                // It is read before the command is known, or the command has an option of its own by this name: what nobody can
                // type keeps the place.
                Some(name) if name == "module" => arg.long("  "),
                Some(name) if taken.contains(&name) => arg.long(" "),
                _ => arg,
            }
        });
        let refusable = REFUSED
            .iter()
            .filter(|(name, _)| !taken.iter().any(|taken| taken == name));
        command.args(behind).args(refusable.map(refused))
    }

    /// Of what stands before the command, and behind it, where it counts.
    pub(super) fn from_matches(before: &ArgMatches, behind: &ArgMatches) -> Result<Globals> {
        let mut globals = Globals::from_arg_matches(before)?;
        globals.update_from_arg_matches(behind)?;
        globals.read_environment()?;
        if globals.debug {
            "debug".clone_into(&mut globals.log_level);
        }
        Ok(globals)
    }

    fn read_environment(&mut self) -> Result<()> {
        for name in ["CONTAINER_HOST", "CONTAINER_CONNECTION"] {
            if std::env::var_os(name).is_some_and(|value| !value.is_empty()) {
                bail!("{name} names another machine's service: {ELSEWHERE}, or unset {name}");
            }
        }
        if self.storage_driver.is_none()
            && let Ok(driver) = std::env::var("STORAGE_DRIVER")
        {
            storage_driver(&driver).context("STORAGE_DRIVER")?;
        }
        if self.storage_opt.is_empty()
            && let Ok(options) = std::env::var("STORAGE_OPTS")
        {
            let options = options.split(',').map(StorageOption::parse);
            self.storage_opt = options.collect::<Result<_>>().context("STORAGE_OPTS")?;
        }
        Ok(())
    }

    /// Does what concerns the process as a whole. rpod has one thread yet.
    pub(super) fn apply(&self) -> Result<()> {
        if let Some(level) = Level::parse(&self.log_level) {
            level.set();
            log::info(|| format!("rpod filtering at log level {}", level.word()));
        }
        if let Some(path) = self.docker_config.as_ref().filter(|path| path.exists())
            && !path.is_dir()
        {
            let message = format!(
                "Supplied --config file ({}) is not a directory",
                path.display()
            );
            return Err(ExitStatus { code: 1, message }.into());
        }
        for (name, path) in [
            ("DOCKER_CONFIG", &self.docker_config),
            ("CONTAINERS_REGISTRIES_CONF", &self.registries_conf),
            ("CONTAINERS_POLICY_JSON", &self.image_policy),
        ] {
            if let Some(path) = path {
                let path = std::path::absolute(path)
                    .with_context(|| format!("finding {}", path.display()))?;
                // SAFETY: nothing else runs that could read the environment meanwhile.
                unsafe { std::env::set_var(name, path) };
            }
        }
        if !self.storage_opt.is_empty() {
            config::replace_storage_options(StorageOption::collect(&self.storage_opt));
        }
        if self.noout && self.out.is_some() {
            bail!("--noout and --out options cannot be used together");
        }
        let nothing = self.noout.then(|| Path::new("/dev/null"));
        if let Some(path) = self.out.as_deref().or(nothing) {
            let file = File::create(path).with_context(|| format!("opening {}", path.display()))?;
            nix::unistd::dup2_stdout(file).context("turning standard output to --out")?;
        }
        Ok(())
    }

    /// The options, where they were given, of what outlives this command: it acts later with the same ones.
    pub fn lasting(&self) -> Result<Vec<String>> {
        let mut words = Vec::new();
        let mut add = |name: &str, value: String| words.extend([name.to_owned(), value]);
        let all = |paths: &[PathBuf]| -> Result<Vec<String>> {
            paths.iter().map(|path| utf8(path)).collect()
        };
        let one = |path: &Option<PathBuf>| all(path.as_slice());
        for (name, values) in [
            ("--cdi-spec-dir", all(&self.cdi_spec_dir)?),
            ("--conmon", one(&self.conmon)?),
            (
                "--events-backend",
                self.events_backend.clone().into_iter().collect(),
            ),
            ("--hooks-dir", all(&self.hooks_dir)?),
            ("--imagestore", one(&self.imagestore)?),
            ("--module", all(&self.module)?),
            ("--network-config-dir", one(&self.network_config_dir)?),
            ("--runtime-flag", self.runtime_flag.clone()),
            (
                "--storage-opt",
                self.storage_opt.iter().map(StorageOption::word).collect(),
            ),
            ("--tmpdir", one(&self.tmpdir)?),
            ("--volumepath", one(&self.volumepath)?),
        ] {
            values.into_iter().for_each(|value| add(name, value));
        }
        Ok(words)
    }
}

fn utf8(path: &Path) -> Result<String> {
    let text = path.to_str().map(str::to_owned);
    text.with_context(|| format!("{} is not UTF-8", path.display()))
}
