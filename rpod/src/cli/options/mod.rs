//! What `run` and `create` have in common: podman-create(1), "OPTIONS".
//!
//! One file an idea; each adds its part to the container's record.

mod accounts;
pub(super) mod block_io;
mod csv;
mod descriptors;
mod endpoint;
mod exposure;
mod glob;
mod health;
mod image;
mod joining;
mod keyed;
mod limits;
mod log;
mod mount;
mod namespaces;
mod naming;
mod network;
mod once;
mod process;
mod resolve;
mod resources;
mod rootfs;
mod secret;
mod security;
mod storage;
mod systemd;
mod user_namespace;
mod volume;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use accounts::AccountOptions;
pub(super) use descriptors::DescriptorOptions;
pub(super) use endpoint::parse_mac;
use exposure::ExposureOptions;
pub(super) use health::HealthOptions;
use image::ImageOptions;
use joining::PodOptions;
pub(super) use joining::{read_id, read_pod_id};
pub(super) use keyed::{labels, pairs, sysctls};
pub(super) use limits::{LimitOptions, is_set};
use log::LogOptions;
use namespaces::NamespaceOptions;
pub(super) use namespaces::namespace;
pub(super) use network::NetworkOptions;
use process::ProcessOptions;
pub(super) use process::environment;
use resources::ResourceOptions;
pub(super) use resources::bytes;
use security::SecurityOptions;
pub(super) use security::option as security_option;
use storage::StorageOptions;
pub(super) use storage::from_containers;
use systemd::SystemdOptions;
pub(super) use user_namespace::{UserNamespaceOptions, choose as choose_ids};
pub(super) use volume::parse as volume;

use super::Refused;
use crate::engine::Context;
use crate::engine::container::record::{Container, InitContainer};
use crate::engine::container::{self, create};
use crate::engine::pod::{self, record::Pod};

/// What podman's manual has and these commands cannot have.
pub(super) const REFUSED: &[Refused] = &[(
    "link-local-ip",
    "netavark gives no link-local addresses: say --ip",
)];

/// What stands before an error of a container that cannot be made so.
const CREATE_OPTION: &str = "running container create option: ";

/// What `run` alone can ask for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OfRun {
    /// `--passwd=false`
    pub(super) no_accounts: bool,
    /// `--rmi`
    pub(super) remove_image: bool,
}

/// A stream as `--attach` names it.
pub(super) fn stream(name: &str) -> Result<&'static str> {
    const NAMES: [&str; 3] = ["stdin", "stdout", "stderr"];
    let lower = name.to_ascii_lowercase();
    let found = NAMES.into_iter().find(|known| *known == lower);
    found.with_context(|| {
        format!(
            "invalid stream {name:?} for --attach - must be one of stdin, stdout, or stderr: invalid argument"
        )
    })
}

#[derive(Args, Debug)]
pub struct ContainerOptions {
    /// Add annotations to container (key=value)
    #[arg(long, value_name = "KEY=VALUE")]
    annotation: Vec<String>,
    /// Write the container ID to the file
    #[arg(long, value_name = "FILE")]
    cidfile: Option<std::path::PathBuf>,
    /// Path to the file that will receive the PID of conmon
    #[arg(long, value_name = "FILE")]
    conmon_pidfile: Option<std::path::PathBuf>,
    /// Run an init binary inside the container that forwards signals and reaps processes
    #[arg(long)]
    init: bool,
    /// Path to the container-init binary
    #[arg(long, value_name = "PATH")]
    init_path: Option<std::path::PathBuf>,
    /// Of older versions of podman
    #[arg(long, value_name = "SIZE", hide = true)]
    kernel_memory: Option<String>,
    /// Set metadata on container
    #[arg(short, long, value_name = "KEY=VALUE")]
    label: Vec<String>,
    /// Read in a line delimited file of labels
    #[arg(long, value_name = "FILE")]
    label_file: Vec<std::path::PathBuf>,
    /// Assign a name to the container
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Path to the file that will receive the PID of the container
    #[arg(long, value_name = "FILE")]
    pidfile: Option<std::path::PathBuf>,
    /// If a container with the same name exists, replace it
    #[arg(long)]
    replace: bool,
    /// Add one or more containers that are started before this one
    #[arg(long, value_name = "CONTAINER", value_delimiter = ',')]
    requires: Vec<String>,
    /// Restart policy to apply when a container exits (no, always, on-failure[:N], unless-stopped)
    #[arg(long, value_name = "POLICY")]
    restart: Option<String>,
    /// Remove container and any anonymous unnamed volume associated with the container after exit
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    rm: Option<bool>,
    /// Give the container a secret: as a file, or as a variable of its environment
    #[arg(long, value_name = "NAME[,type=…][,target=…]")]
    secret: Vec<String>,
    /// Signal to stop a container
    #[arg(long, value_name = "SIGNAL")]
    stop_signal: Option<String>,
    /// Timeout (in seconds) that containers stopped by user command have to exit
    #[arg(long, value_name = "SECONDS")]
    stop_timeout: Option<u64>,
    /// Maximum time in seconds a container is allowed to run
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    timeout: u64,
    /// The first argument is a directory with a root file system, and no image: PATH[:O], PATH[:idmap]
    #[arg(long)]
    rootfs: bool,
    #[command(flatten)]
    accounts: AccountOptions,
    #[command(flatten)]
    exposure: ExposureOptions,
    #[command(flatten)]
    health: HealthOptions,
    #[command(flatten)]
    image: ImageOptions,
    #[command(flatten)]
    log: LogOptions,
    #[command(flatten)]
    namespaces: NamespaceOptions,
    #[command(flatten)]
    network: NetworkOptions,
    #[command(flatten)]
    pod: PodOptions,
    #[command(flatten)]
    process: ProcessOptions,
    #[command(flatten)]
    resources: ResourceOptions,
    #[command(flatten)]
    security: SecurityOptions,
    #[command(flatten)]
    storage: StorageOptions,
    #[command(flatten)]
    users: UserNamespaceOptions,
    #[arg(skip)]
    init_ctr: Option<InitContainer>,
    #[arg(skip)]
    of_run: OfRun,
    #[arg(skip)]
    attached: Vec<&'static str>,
    #[command(flatten)]
    systemd: SystemdOptions,
    /// IMAGE [COMMAND [ARG...]]
    #[arg(
        required = true,
        trailing_var_arg = true,
        value_name = "IMAGE [COMMAND [ARG...]]"
    )]
    words: Vec<String>,
}

impl ContainerOptions {
    /// The same as an init container of its pod: podman-create(1), "--init-ctr".
    pub fn with_init(mut self, ctx: &Context, kind: Option<&str>) -> Result<ContainerOptions> {
        self.init_ctr = kind.map(|kind| self.pod.init(ctx, kind)).transpose()?;
        Ok(self)
    }

    /// What `inspect` says of the streams of a container that is made to be attached to later.
    pub fn attached_by(mut self, streams: &[String]) -> Result<ContainerOptions> {
        self.attached = streams
            .iter()
            .map(|name| stream(name))
            .collect::<Result<_>>()?;
        Ok(self)
    }

    pub fn with(mut self, of_run: OfRun) -> ContainerOptions {
        self.of_run = of_run;
        self
    }

    /// Makes the container, and first the pod that it asks for.
    pub fn create(&self, ctx: &Context) -> Result<Container> {
        let new_pod = self.pod.make(ctx, &self.network, &self.namespaces)?;
        let made = self.create_in(ctx, new_pod.as_ref());
        if made.is_err()
            && let Some(pod) = &new_pod
        {
            pod::remove::remove(ctx, pod, true, Some(0))?;
        }
        made
    }

    pub fn is_interactive_terminal(&self) -> bool {
        self.process.is_interactive_terminal()
    }

    /// Docker shows names with a slash before them, and takes them so.
    fn name(&self) -> Option<&str> {
        let name = self.name.as_deref()?;
        Some(name.strip_prefix('/').unwrap_or(name))
    }

    fn create_in(&self, ctx: &Context, new_pod: Option<&Pod>) -> Result<Container> {
        let joining = self.pod.join(ctx, new_pod)?;
        let (mut container, auto) = self.resolve(ctx, joining.as_ref(), new_pod.is_some())?;
        let _images = create::lock_images(ctx)?;
        self.fill(ctx, &mut container)?;
        if self.replace && self.name.is_none() {
            bail!("cannot replace container without --name being set");
        }
        if self.replace
            && let Some(name) = self.name()
            && let Ok(old) = container::find(ctx, name)
        {
            container::remove::remove(ctx, &old, true, None)?;
        }
        let _choosing = user_namespace::choose(ctx, auto.as_ref(), &mut container)?;
        let container = create::create(ctx, container)?;
        if let Some(path) = &container.cidfile {
            std::fs::write(path, &container.id)
                .with_context(|| format!("writing {}", path.display()))?;
        }
        Ok(container)
    }
}
