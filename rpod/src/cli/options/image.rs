//! Which image a container is made from, and how the registry is asked for it: podman-create(1), "--pull".

use anyhow::{Result, bail};
use clap::Args;

use crate::cli::image::{AccessOptions, chosen_platform};
use crate::engine::Context;
use crate::engine::container::create;
use crate::engine::image::{self, Access, Image, Platform};
use crate::systemd::notify::MoreTime;

const POLICIES: [&str; 4] = ["always", "missing", "never", "newer"];

#[derive(Args, Debug)]
pub(super) struct ImageOptions {
    #[command(flatten)]
    access: AccessOptions,
    /// Use the image for this architecture
    #[arg(long, value_name = "ARCH")]
    arch: Option<String>,
    /// Key that decrypts the image's layers
    #[arg(long, value_name = "KEY[:PASSPHRASE]")]
    decryption_key: Vec<String>,
    /// Use the image for this operating system
    #[arg(long, value_name = "OS")]
    os: Option<String>,
    /// Use the image for this platform: OS/ARCH[/VARIANT]
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<String>,
    /// Pull image policy: always, missing, never or newer (default missing)
    #[arg(long, value_name = "POLICY")]
    pull: Option<String>,
    /// Use the image for this variant of the architecture
    #[arg(long, value_name = "VARIANT")]
    variant: Option<String>,
}

impl ImageOptions {
    /// The image by the pull policy. A local one for another platform than was asked for is none.
    pub(super) fn find(&self, ctx: &Context, name: &str) -> Result<Image> {
        let parts = Platform {
            os: self.os.clone(),
            arch: self.arch.clone(),
            variant: self.variant.clone(),
        };
        let platform = chosen_platform(self.platform.as_deref(), parts)?;
        let configured = ctx.config.containers_conf.engine.pull_policy.as_deref();
        let policy = self.pull.as_deref().or(configured).unwrap_or("missing");
        if !POLICIES.contains(&policy) {
            bail!(
                "unsupported pull policy {policy:?}: one of {}",
                POLICIES.join(", ")
            );
        }
        let local = match policy {
            "always" => None,
            _ => create::local_image(ctx, name)?.filter(|image| platform.takes(image)),
        };
        match (policy, local) {
            ("missing" | "never", Some(local)) => Ok(local),
            ("never", None) => bail!("{name}: image not known"),
            (_, local) => {
                let access = Access {
                    decryption_keys: self.decryption_key.clone(),
                    ..Access::from(self.access.clone())
                };
                let _asking = MoreTime::ask();
                let pulled = image::pull(ctx, name, &access, &platform);
                // A registry out of reach has nothing newer.
                match (pulled, local) {
                    (Err(_), Some(local)) => Ok(local),
                    (pulled, _) => pulled,
                }
            }
        }
    }
}
