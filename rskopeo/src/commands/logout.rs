//! `logout REGISTRY`: kept credentials are forgotten.

use std::fs;

use anyhow::{Context, Result, bail};

use super::login::credentials_key;
use crate::cli::Logout;
use crate::config::{AuthPlace, given_authfile};
use crate::terminal;
use crate::transport::{self, Access};

pub fn run(args: &Logout) -> Result<()> {
    let place = AuthPlace::new(args.authfile.as_deref(), args.compat_auth_file.as_deref())?;
    let compat = args.compat_auth_file.clone();
    if let Some(file) = compat.or_else(|| given_authfile(args.authfile.as_deref())) {
        fs::metadata(&file).with_context(|| {
            format!(
                "credential file is not accessible: faccessat {}",
                file.display()
            )
        })?;
    }
    if args.all {
        place.forget_all()?;
        terminal::line(format_args!("Removed login credentials for all registries"))?;
        return Ok(());
    }
    let registry = args
        .registry
        .as_deref()
        .context("please provide a registry to logout from")?;
    let key = credentials_key(registry);
    if place.forget(key)? {
        terminal::line(format_args!("Removed login credentials for {key}"))?;
        return Ok(());
    }
    if !is_known_elsewhere(args, &place, key)? {
        bail!("not logged into {key}");
    }
    terminal::line(format_args!(
        "Not logged into {key} with current tool. \
         Existing credentials were established via docker login. Please use docker logout instead."
    ))?;
    Ok(())
}

/// Whether another file has credentials that the registry still takes.
fn is_known_elsewhere(args: &Logout, place: &AuthPlace, key: &str) -> Result<bool> {
    let Some(credentials) = place.known(key)? else {
        return Ok(false);
    };
    let access = Access {
        tls_verify: args.tls_verify,
        credentials: Some(credentials),
        ..Access::default()
    };
    let host = key.split('/').next().unwrap_or(key);
    // A registry that cannot be asked does not take them either.
    Ok(transport::is_let_in(host, &access).unwrap_or(false))
}
