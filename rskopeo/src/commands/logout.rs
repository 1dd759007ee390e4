//! `logout REGISTRY`: kept credentials are forgotten.

use anyhow::{Context, Result, bail};

use super::login::credentials_key;
use crate::cli::Logout;
use crate::config;

pub fn run(args: &Logout) -> Result<()> {
    let authfile = args.authfile.as_deref();
    if let Some(authfile) = authfile {
        std::fs::metadata(authfile)
            .with_context(|| format!("checking authfile: stat {}", authfile.display()))?;
    }
    if args.all {
        config::forget_all(authfile)?;
        println!("Removed login credentials for all registries");
        return Ok(());
    }
    let registry = args
        .registry
        .as_deref()
        .context("please provide a registry to logout from")?;
    let key = credentials_key(registry);
    if config::forget(key, authfile)? {
        println!("Removed login credentials for {key}");
        return Ok(());
    }
    let (host, path) = key.split_once('/').unwrap_or((key, ""));
    if config::credentials(host, path, authfile)?.is_none() {
        bail!("not logged into {key}");
    }
    println!(
        "Not logged into {key} with current tool. \
         Existing credentials were established via docker login. Please use docker logout instead."
    );
    Ok(())
}
