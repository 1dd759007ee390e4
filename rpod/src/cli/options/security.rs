//! What the container may do.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::keyed::sysctls;
use crate::bundle;
use crate::config::Containers;
use crate::engine::Context;
use crate::engine::container::record::{Container, Namespace, Namespaces, Security};
use crate::engine::image::Image;
use crate::engine::selinux;
use crate::output::parse_bool;

#[derive(Args, Debug)]
pub(super) struct SecurityOptions {
    /// Add capabilities to the container
    #[arg(long, value_name = "CAP", value_delimiter = ',')]
    cap_add: Vec<String>,
    /// Drop capabilities from the container
    #[arg(long, value_name = "CAP", value_delimiter = ',')]
    cap_drop: Vec<String>,
    /// Give extended privileges to container
    #[arg(long)]
    privileged: bool,
    /// Policy for selecting a seccomp profile (default, image)
    #[arg(long, value_name = "POLICY", default_value = "default")]
    seccomp_policy: String,
    /// Security Options (no-new-privileges, seccomp=, apparmor=, label=, mask=, proc-opts=, unmask=)
    #[arg(long, value_name = "OPTION")]
    security_opt: Vec<String>,
    /// Sysctl options
    #[arg(long, value_name = "NAME=VALUE", value_delimiter = ',')]
    sysctl: Vec<String>,
}

impl SecurityOptions {
    pub(super) fn apply(&self, conf: &Containers, c: &mut Container) -> Result<()> {
        let security = &mut c.security;
        security.privileged = self.privileged || conf.privileged;
        let normal = |names: &[String]| {
            names
                .iter()
                .map(|name| bundle::normalize_capability(name))
                .collect::<Result<Vec<_>>>()
        };
        (security.cap_add, security.cap_drop) = (normal(&self.cap_add)?, normal(&self.cap_drop)?);
        security.sysctls.extend(sysctls(&self.sysctl)?);
        for text in &self.security_opt {
            option(security, text)?;
        }
        refuse_the_hosts(&security.sysctls, &c.namespaces)
    }

    /// What labels say: of the capabilities that are needed; with `--seccomp-policy=image` a profile that wins over every other.
    pub(super) fn apply_image(
        &self,
        ctx: &Context,
        c: &mut Container,
        image: Option<&Image>,
    ) -> Result<()> {
        const LABEL: &str = "io.containers.seccomp.profile";
        c.security.only = bundle::capabilities_of_label(ctx, &c.security, &c.labels)?;
        match self.seccomp_policy.as_str() {
            "" | "default" => {}
            "image" if image.is_none() => {
                bail!("cannot read seccomp profile without a valid image")
            }
            "image" => {
                c.security.seccomp_of_image = c.labels.get(LABEL).cloned();
                if let Some(profile) = &c.security.seccomp_of_image {
                    bundle::check_seccomp_of_image(profile)?;
                }
            }
            other => bail!(
                "invalid seccomp policy {other:?}: valid policies are [\"default\" \"image\"]"
            ),
        }
        Ok(())
    }
}

/// What is set in a namespace that is the host's is set for the host.
fn refuse_the_hosts(sysctls: &BTreeMap<String, String>, namespaces: &Namespaces) -> Result<()> {
    for (key, value) in sysctls {
        let (called, namespace) = match key.starts_with("net.") {
            true => ("Network", &namespaces.net),
            false => ("IPC", &namespaces.ipc),
        };
        if *namespace == Namespace::Host {
            bail!(
                "sysctl {key}={value} can't be set since {called} Namespace set to host: invalid argument"
            );
        }
    }
    Ok(())
}

/// One `--security-opt`.
pub(in crate::cli) fn option(security: &mut Security, text: &str) -> Result<()> {
    let list = |value: &str| value.split(':').map(str::to_owned).collect::<Vec<_>>();
    let wrong = || format!("invalid --security-opt 2: {text:?}");
    let pair = text.split_once('=').or_else(|| text.split_once(':'));
    if text == "no-new-privileges" {
        security.no_new_privileges = true;
        return Ok(());
    }
    let Some(pair) = pair else {
        bail!("invalid --security-opt 1: {text:?}");
    };
    match pair {
        ("no-new-privileges", value) => {
            security.no_new_privileges = parse_bool(value).with_context(wrong)?;
        }
        ("systempaths", "unconfined") => security.unmask.push("ALL".to_owned()),
        ("systempaths", value) => {
            bail!("invalid systempaths option {value:?}, only `unconfined` is supported")
        }
        ("seccomp", value) => {
            bundle::check_seccomp(value)?;
            security.seccomp = Some(value.to_owned());
        }
        ("apparmor", value) => security.apparmor = Some(value.to_owned()),
        ("label", "nested") => {
            security.label_nested = true;
            security.unmask.push("/sys/fs/selinux".to_owned());
        }
        ("label", value) => {
            selinux::check_option(value)?;
            security.label_options.push(value.to_owned());
        }
        ("mask", value) => security.mask.extend(list(value)),
        ("proc-opts", value) => {
            let options = value.split(',').filter(|option| !option.is_empty());
            security.proc_opts = options.map(str::to_owned).collect();
        }
        ("unmask", value) => security.unmask.extend(list(value)),
        _ => bail!(wrong()),
    }
    Ok(())
}
