//! What `run` and `create` have in common: podman-create(1), "OPTIONS".
//!
//! One file an idea; each adds its part to the container's record.

mod accounts;
pub(super) mod block_io;
mod descriptors;
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
mod network;
mod process;
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
use exposure::ExposureOptions;
pub(super) use health::HealthOptions;
use image::ImageOptions;
use joining::PodOptions;
pub(super) use joining::read_id;
pub(super) use keyed::{labels, pairs, sysctls};
pub(super) use limits::{LimitOptions, is_set};
use log::LogOptions;
use namespaces::NamespaceOptions;
pub(super) use namespaces::namespace;
pub(super) use network::{NetworkOptions, parse_mac};
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
use crate::engine::container::{self, create, restart, stop};
use crate::engine::pod::{self, join::Joining, record::Pod};
use crate::engine::user_namespace::auto::Auto;
use crate::store::names;
use crate::systemd::auto_update;

/// What podman's manual has and these commands cannot have.
pub(super) const REFUSED: &[Refused] = &[
    (
        "kernel-memory",
        "kernels have no limit of their own for this memory any more: it counts to --memory",
    ),
    (
        "link-local-ip",
        "netavark gives no link-local addresses: say --ip",
    ),
];

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

    /// What comes from the image, or from nowhere where a directory takes its place.
    fn fill(&self, ctx: &Context, container: &mut Container) -> Result<()> {
        let name = &self.words[0];
        let image = if self.rootfs {
            container.rootfs = Some(rootfs::parse(name)?);
            None
        } else {
            Some(self.image.find(ctx, name)?)
        };
        let mut config = image
            .as_ref()
            .and_then(|image| image.config.config.clone())
            .unwrap_or_default();
        self.process
            .adapt(ctx, config.env.get_or_insert_default())?;
        let entrypoint = self.process.entrypoint();
        let of_image = config.stop_signal.as_deref().unwrap_or_default();
        let signal_is_given = self.stop_signal.is_some() || !of_image.is_empty();
        if let Some(image) = &image {
            create::name_image(ctx, container, name, image, &config)?;
        }
        create::apply_config(container, &config, entrypoint);
        if image.is_some() && container.process.args().is_empty() {
            bail!("no command or entrypoint provided, and no CMD or ENTRYPOINT from image");
        }
        self.storage.apply_image(ctx, container)?;
        self.systemd.apply_command(container, signal_is_given)?;
        self.health.apply(container, config.healthcheck.as_ref())?;
        self.security.apply_image(container, image.as_ref())?;
        self.exposure.apply(container, image.as_ref())
    }

    /// `network_is_pods`: the pod was made with the network and the host name that were asked for here.
    fn resolve(
        &self,
        ctx: &Context,
        joining: Option<&Joining>,
        network_is_pods: bool,
    ) -> Result<(Container, Option<Auto>)> {
        let conf = &ctx.config.containers_conf;
        if self.of_run.remove_image && self.rm == Some(false) {
            bail!("the --rmi option does not work without --rm");
        }
        let mut c = Container {
            name: self.name().unwrap_or_default().to_owned(),
            remove: self.rm.unwrap_or(self.of_run.remove_image),
            remove_image: self.of_run.remove_image,
            stop_signal: self
                .stop_signal
                .as_deref()
                .map_or(Ok(0), stop::signal_number)?,
            stop_timeout: self.stop_timeout.or(conf.engine.stop_timeout).unwrap_or(10),
            timeout: self.timeout,
            create_command: std::env::args().collect(),
            conmon_pidfile: self
                .conmon_pidfile
                .as_ref()
                .map(std::path::absolute)
                .transpose()
                .context("--conmon-pidfile")?,
            cidfile: self
                .cidfile
                .as_ref()
                .map(std::path::absolute)
                .transpose()
                .context("--cidfile")?,
            pidfile: self
                .pidfile
                .as_ref()
                .map(std::path::absolute)
                .transpose()
                .context("--pidfile")?,
            init_ctr: self.init_ctr,
            restart: restart::parse(self.restart.as_deref().unwrap_or_default(), CREATE_OPTION)?,
            ..Container::default()
        };
        if !c.name.is_empty() {
            names::check(&c.name).context("running container create option")?;
        }
        if c.remove && !c.restart.policy.is_empty() {
            bail!(
                "the --rm option conflicts with --restart, when the restartPolicy is not \"\" and \"no\""
            );
        }
        for name in &self.requires {
            let found = container::find(ctx, name).with_context(|| {
                format!("{name:?} is not a valid container, cannot be used as a dependency")
            })?;
            c.requires.push(found.id);
        }
        if self.init || conf.containers.init {
            if let Some(path) = &self.init_path {
                std::fs::metadata(path).with_context(|| {
                    format!(
                        "container-init binary not found on the host: stat {}",
                        path.display()
                    )
                })?;
            }
            c.init = Some(self.init_path.clone().map_or_else(|| ctx.pause(), Ok)?);
        }
        self.log.apply(ctx, &mut c)?;
        if conf.containers.container_name_as_hostname {
            c.hostname_is_name = true;
        }
        c.accounts.added = !self.of_run.no_accounts;
        self.accounts.apply(&mut c)?;
        self.process
            .apply(&conf.containers, &mut c, &self.words[1..])?;
        self.namespaces.apply(ctx, &mut c, joining)?;
        let auto = self.users.apply(ctx, &mut c)?;
        if network_is_pods {
            c.hostname = None;
        } else {
            self.network.apply(ctx, &mut c)?;
        }
        self.security.apply(&conf.containers, &mut c)?;
        self.resources.apply(&conf.containers, &mut c)?;
        c.resources.cgroup_manager = ctx.cgroup_manager().to_owned();
        self.storage.apply(ctx, &mut c)?;
        self.systemd.apply(&mut c)?;
        if let Some(joining) = joining {
            self.users.refuse_in_pod()?;
            self.network.join(&mut c, joining);
            joining.admit(ctx, &mut c)?;
        }
        let secrets = self.secret.iter().map(|text| secret::parse(ctx, text));
        c.secrets = secrets.collect::<Result<_>>()?;
        // The unit that runs it, for auto-update; a label of that name wins.
        if let Ok(unit) = std::env::var(auto_update::UNIT)
            && !unit.is_empty()
        {
            c.labels.insert(auto_update::UNIT.to_owned(), unit);
        }
        c.labels.extend(labels(&self.label_file, &self.label)?);
        if self.annotation.iter().any(|text| !text.contains('=')) {
            bail!("annotations must be formatted KEY=VALUE");
        }
        c.annotations.extend(pairs(
            conf.containers.annotations.as_deref().unwrap_or_default(),
        ));
        c.annotations.extend(pairs(&self.annotation));
        Ok((c, auto))
    }
}
