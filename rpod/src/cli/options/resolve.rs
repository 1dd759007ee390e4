//! From the options to the container's record.

use anyhow::{Context as _, Result, bail};

use super::{CREATE_OPTION, ContainerOptions, labels, pairs, rootfs, secret};
use crate::engine::Context;
use crate::engine::container::record::Container;
use crate::engine::container::{self, create, restart, stop};
use crate::engine::pod::join::Joining;
use crate::engine::user_namespace::auto::Auto;
use crate::output::warn;
use crate::store::names;
use crate::systemd::auto_update;

impl ContainerOptions {
    /// What comes from the image, or from nowhere where a directory takes its place.
    pub(super) fn fill(&self, ctx: &Context, container: &mut Container) -> Result<()> {
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
        self.storage.apply_image(ctx, container)?;
        self.systemd.apply_command(container, signal_is_given)?;
        self.health.apply(container, config.healthcheck.as_ref())?;
        self.security.apply_image(ctx, container, image.as_ref())?;
        self.exposure.apply(container, image.as_ref())
    }

    /// `network_is_pods`: the pod was made with the network and the host name that were asked for here.
    pub(super) fn resolve(
        &self,
        ctx: &Context,
        joining: Option<&Joining>,
        network_is_pods: bool,
    ) -> Result<(Container, Option<Auto>)> {
        let conf = &ctx.config.containers_conf;
        if self.kernel_memory.is_some() {
            // Kernels have no limit of their own for this memory any more: it counts to --memory.
            warn("The --kernel-memory flag is no longer supported. This flag is a noop.");
        }
        let mut c = Container {
            name: self.name().unwrap_or_default().to_owned(),
            remove: self.rm == Some(true) || self.of_run.remove_image,
            remove_image: self.of_run.remove_image,
            stop_signal: self
                .stop_signal
                .as_deref()
                .map_or(Ok(0), stop::signal_number)?,
            stop_timeout: self.stop_timeout.or(conf.engine.stop_timeout).unwrap_or(10),
            timeout: self.timeout,
            attached: self.attached.iter().map(|&name| name.to_owned()).collect(),
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
        if self.of_run.remove_image && self.rm == Some(false) {
            bail!("the --rmi option does not work without --rm");
        }
        if c.remove && !matches!(c.restart.policy.as_str(), "" | "on-failure") {
            bail!(
                "the --rm option conflicts with --restart, when the restartPolicy is not \"\" and \"no\""
            );
        }
        for name in self.requires.iter().filter(|name| !name.is_empty()) {
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
        let auto = match joining {
            Some(_) => self.users.apply_in_pod(ctx, &mut c)?,
            None => self.users.apply(ctx, &mut c)?,
        };
        if network_is_pods {
            c.hostname = None;
        } else {
            if let Some(joining) = joining {
                self.network.refuse_addresses(joining)?;
            }
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
