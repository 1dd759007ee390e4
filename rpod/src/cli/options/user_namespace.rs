//! Which users the container has.

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::engine::Context;
use crate::engine::container::record::Container;
use crate::engine::user_namespace::UserNamespace;
use crate::engine::user_namespace::auto::{self, Auto};
use crate::engine::user_namespace::mode::{Asked, decide};
use crate::store::{Lock, Noun};

#[derive(Args, Debug)]
pub(in crate::cli) struct UserNamespaceOptions {
    /// GID map for the user namespace
    #[arg(
        long,
        value_name = "[FLAGS]CONTAINER:FROM[:AMOUNT]",
        value_delimiter = ','
    )]
    gidmap: Vec<String>,
    /// Name of range listed in /etc/subgid for use in user namespace
    #[arg(long, value_name = "NAME")]
    subgidname: Option<String>,
    /// Name of range listed in /etc/subuid for use in user namespace
    #[arg(long, value_name = "NAME")]
    subuidname: Option<String>,
    /// UID map for the user namespace
    #[arg(
        long,
        value_name = "[FLAGS]CONTAINER:FROM[:AMOUNT]",
        value_delimiter = ','
    )]
    uidmap: Vec<String>,
    /// User namespace to use
    #[arg(long, value_name = "MODE")]
    userns: Option<String>,
}

/// Holds off others who choose ids, until the container that has them is recorded.
#[derive(Debug)]
pub(in crate::cli) struct Choosing {
    _lock: Lock,
}

impl UserNamespaceOptions {
    /// Decides over the namespace. Ids that are to be chosen wait for the image ([`choose`]).
    pub(in crate::cli) fn apply(&self, ctx: &Context, c: &mut Container) -> Result<Option<Auto>> {
        self.decide(ctx, c, self.configured(ctx).as_deref())
    }

    /// The same in a pod, whose users are its containers': what is configured is for others.
    pub(super) fn apply_in_pod(&self, ctx: &Context, c: &mut Container) -> Result<Option<Auto>> {
        self.decide(ctx, c, None)
    }

    fn decide(
        &self,
        ctx: &Context,
        c: &mut Container,
        configured: Option<&str>,
    ) -> Result<Option<Auto>> {
        let decided = decide(
            ctx,
            &Asked {
                userns: self.userns.as_deref().or(configured),
                uidmap: &self.uidmap,
                gidmap: &self.gidmap,
                subuidname: self.subuidname.as_deref(),
                subgidname: self.subgidname.as_deref(),
            },
        )?;
        c.user_namespace = decided.namespace;
        if let Some((uid, gid)) = decided.user
            && c.process.user.is_empty()
        {
            c.process.user = format!("{uid}:{gid}");
        }
        Ok(decided.auto)
    }

    /// Where no option was given: by the environment, or by containers.conf.
    fn configured(&self, ctx: &Context) -> Option<String> {
        let by_environment = std::env::var("PODMAN_USERNS").ok();
        let configured = || ctx.config.containers_conf.containers.userns.clone();
        let mode = by_environment.or_else(configured);
        mode.filter(|mode| !mode.is_empty() && self.first().is_none())
    }

    /// The first option that was given, for containers that cannot have any.
    pub(in crate::cli) fn first(&self) -> Option<&'static str> {
        let given = [
            ("--userns", self.userns.is_some()),
            ("--uidmap", !self.uidmap.is_empty()),
            ("--gidmap", !self.gidmap.is_empty()),
            ("--subuidname", self.subuidname.is_some()),
            ("--subgidname", self.subgidname.is_some()),
        ];
        given
            .iter()
            .find(|(_, given)| *given)
            .map(|(option, _)| *option)
    }

    /// A pod's users are the pod's.
    pub(super) fn refuse_in_pod(&self) -> Result<()> {
        match self.first() {
            Some(_) if self.userns.as_deref() != Some("host") => bail!(
                "cannot set user namespace mode when joining pod with infra container: invalid argument"
            ),
            _ => Ok(()),
        }
    }
}

/// Chooses the ids of `--userns=auto`. What is returned is to be kept until the container is made.
pub(in crate::cli) fn choose(
    ctx: &Context,
    auto: Option<&Auto>,
    c: &mut Container,
) -> Result<Option<Choosing>> {
    let Some(auto) = auto else { return Ok(None) };
    let all = ctx.store.all(Noun::Container);
    std::fs::create_dir_all(&all).with_context(|| format!("making {}", all.display()))?;
    let lock = Lock::exclusive(&all)?;
    c.user_namespace = UserNamespace::Own(auto::choose(ctx, auto, c)?);
    Ok(Some(Choosing { _lock: lock }))
}
