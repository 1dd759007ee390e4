//! `login REGISTRY`: credentials are tried at the registry, then kept.

use std::io::{self, Read};

use anyhow::{Context, Result, bail};

use crate::cli::Login;
use crate::config::{AuthPlace, Credentials};
use crate::terminal;
use crate::transport::{self, Access};

pub fn run(args: &Login) -> Result<()> {
    let registry = args
        .registry
        .as_deref()
        .context("please provide a registry to login to")?;
    let key = credentials_key(registry);
    let host = key.split('/').next().unwrap_or(key);
    let place = AuthPlace::new(args.authfile.as_deref(), args.compat_auth_file.as_deref())?;
    let known = place.known(key)?;
    if args.get_login {
        let known = known.with_context(|| format!("not logged into {key}"))?;
        terminal::line(format_args!("{}", known.user()))?;
        return Ok(());
    }
    if let Some(Credentials::IdentityToken { .. }) = known {
        bail!("currently logged in, auth file contains an Identity token");
    }
    let given = args.username.is_some() || args.password.is_some() || args.password_stdin;
    if let (Some(known), false) = (&known, given) {
        terminal::line(format_args!(
            "Authenticating with existing credentials for {key}"
        ))?;
        if is_let_in(args, host, known.clone())? {
            terminal::line(format_args!(
                "Existing credentials are valid. Already logged in to {host}"
            ))?;
            return Ok(());
        }
        terminal::line(format_args!(
            "Existing credentials are invalid, please enter valid username and password"
        ))?;
    }
    let (user, password) = ask(args, known.as_ref()).context("getting username and password")?;
    let credentials = Credentials::Password {
        user: user.clone(),
        password: password.clone(),
    };
    if !is_let_in(args, host, credentials)? {
        bail!("logging into {key:?}: invalid username/password");
    }
    let kept = place.keep(key, &user, &password)?;
    if args.verbose {
        terminal::line(format_args!("Used:  {kept}"))?;
    }
    terminal::line(format_args!("Login Succeeded!"))?;
    Ok(())
}

/// `https://quay.io/` is kept as `quay.io`; a repository may follow.
pub fn credentials_key(registry: &str) -> &str {
    let name = registry
        .strip_prefix("https://")
        .or_else(|| registry.strip_prefix("http://"));
    name.unwrap_or(registry).trim_end_matches('/')
}

fn is_let_in(args: &Login, host: &str, credentials: Credentials) -> Result<bool> {
    let access = Access {
        tls_verify: args.tls_verify,
        credentials: Some(credentials),
        cert_dir: args.cert_dir.clone(),
        ..Access::default()
    };
    transport::is_let_in(host, &access)
        .with_context(|| format!("authenticating creds for {host:?}"))
}

fn ask(args: &Login, known: Option<&Credentials>) -> Result<(String, String)> {
    if args.password_stdin {
        if args.password.is_some() {
            bail!("Can't specify both --password-stdin and --password");
        }
        let user = args
            .username
            .clone()
            .context("Must provide --username with --password-stdin")?;
        let mut password = String::new();
        io::stdin()
            .read_to_string(&mut password)
            .context("reading the password from stdin")?;
        return Ok((user, password.trim_end().to_owned()));
    }
    let user = match &args.username {
        Some(user) => user.clone(),
        None => ask_user(known.map(Credentials::user))?,
    };
    let password = match &args.password {
        Some(password) => password.clone(),
        None => ask_password()?,
    };
    Ok((user, password))
}

fn ask_user(known: Option<&str>) -> Result<String> {
    let known = known.unwrap_or_default();
    match known {
        "" => terminal::write(b"Username: ")?,
        known => terminal::write(format!("Username ({known}): ").as_bytes())?,
    }
    let mut line = String::new();
    io::stdin()
        .read_line(&mut line)
        .context("reading username")?;
    match line.trim() {
        "" if known.is_empty() => bail!("reading username: none given: use --username"),
        "" => Ok(known.to_owned()),
        user => Ok(user.to_owned()),
    }
}

fn ask_password() -> Result<String> {
    terminal::ask_hidden("Password: ").context("reading password: use --password-stdin")
}
