//! `rpod login`, `rpod logout`: podman-login(1), podman-logout(1). rskopeo does it, as it does all that is said to a registry.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::{Globals, Verb};
use crate::engine::secret::{self, driver};
use crate::engine::{Context, copier, image};
use crate::rootless::Needs;

/// Where logins are kept, and how the registry is reached.
#[derive(Args, Debug)]
struct Place {
    /// Path of the authentication file
    #[arg(long, value_name = "PATH")]
    authfile: Option<PathBuf>,
    /// Path of a docker configuration file to update instead
    #[arg(long, value_name = "PATH")]
    compat_auth_file: Option<PathBuf>,
    /// Require HTTPS and verify certificates when contacting registries
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    tls_verify: Option<bool>,
    /// The registry, as HOST[:PORT][/NAMESPACE]
    #[arg(value_name = "REGISTRY")]
    registry: Option<String>,
}

impl Place {
    /// Where none is named, the first is meant in which images are looked for.
    fn registry(&self) -> Result<String> {
        if let Some(registry) = &self.registry {
            return Ok(registry.clone());
        }
        let first = image::search_registries()?.into_iter().next();
        first.context("no registries found in registries.conf, a registry must be provided")
    }

    fn words(self) -> Vec<OsString> {
        let mut words = Vec::new();
        add(&mut words, "--authfile", self.authfile);
        add(&mut words, "--compat-auth-file", self.compat_auth_file);
        words.extend(
            self.tls_verify
                .map(|verify| format!("--tls-verify={verify}").into()),
        );
        words
    }

    fn check(&self) -> Result<()> {
        if self.authfile.is_some() && self.compat_auth_file.is_some() {
            bail!(
                "options for paths to the credential file and to the Docker-compatible credential file can not be set simultaneously"
            );
        }
        Ok(())
    }
}

fn add(words: &mut Vec<OsString>, name: &str, value: Option<impl Into<OsString>>) {
    if let Some(value) = value {
        words.extend([name.into(), value.into()]);
    }
}

#[derive(Args, Debug)]
pub struct Login {
    /// Directory with TLS certificates for the registry
    #[arg(long, value_name = "DIR")]
    cert_dir: Option<PathBuf>,
    /// Print who is logged in to the registry
    #[arg(long)]
    get_login: bool,
    /// Password for the registry
    #[arg(short, long)]
    password: Option<String>,
    /// Take the password from standard input
    #[arg(long)]
    password_stdin: bool,
    /// Take the password from a secret, whose name is the user's if none is given
    #[arg(long, value_name = "NAME")]
    secret: Option<String>,
    /// Username for the registry
    #[arg(short, long)]
    username: Option<String>,
    /// Print where the credentials are kept
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    place: Place,
}

impl Verb for Login {
    const NAME: &'static str = "login";
    const ABOUT: &'static str = "Log in to a container registry";
    const NEEDS: Needs = Needs::Nothing;

    fn call(self, globals: &Globals) -> Result<u8> {
        self.place.check()?;
        if self.secret.is_some() && (self.password.is_some() || self.password_stdin) {
            bail!("--secret can not be used with --password options");
        }
        if self.password_stdin && self.password.is_some() {
            bail!("can't specify both --password-stdin and --password");
        }
        if self.password_stdin && self.username.is_none() {
            bail!("must provide --username with --password-stdin");
        }
        let registry = self.place.registry()?;
        let mut words: Vec<OsString> = vec!["login".into()];
        add(&mut words, "--cert-dir", self.cert_dir);
        add(
            &mut words,
            "--username",
            self.username.or_else(|| self.secret.clone()),
        );
        add(&mut words, "--password", self.password);
        for (name, given) in [
            ("--get-login", self.get_login),
            ("--verbose", self.verbose),
            (
                "--password-stdin",
                self.password_stdin || self.secret.is_some(),
            ),
        ] {
            words.extend(given.then(|| name.into()));
        }
        words.extend(self.place.words());
        words.push(registry.into());
        let password = self.secret.map(|name| looked_up(globals, &name));
        talk(words, password.transpose()?)
    }
}

#[derive(Args, Debug)]
pub struct Logout {
    /// Remove the credentials for all registries
    #[arg(short, long)]
    all: bool,
    #[command(flatten)]
    place: Place,
}

impl Verb for Logout {
    const NAME: &'static str = "logout";
    const ABOUT: &'static str = "Log out of a container registry";
    const NEEDS: Needs = Needs::Nothing;

    fn call(self, _: &Globals) -> Result<u8> {
        self.place.check()?;
        if self.all && self.place.registry.is_some() {
            bail!("--all takes no arguments");
        }
        let mut words: Vec<OsString> = vec!["logout".into()];
        words.push(match self.all {
            true => "--all".into(),
            false => self.place.registry()?.into(),
        });
        words.extend(self.place.words());
        talk(words, None)
    }
}

fn looked_up(globals: &Globals, name: &str) -> Result<Vec<u8>> {
    let ctx = Context::new(globals)?;
    let password = driver::lookup(&ctx, &secret::find(&ctx, name)?)?;
    if password.len() > LONGEST {
        bail!("secret {name} is no password: it has more than {LONGEST} bytes");
    }
    Ok(password)
}

/// Bytes of a password. A pipe holds as many until they are read.
const LONGEST: usize = libc::PIPE_BUF;

/// Lets rskopeo speak with the person, or tells it the password.
fn talk(words: Vec<OsString>, password: Option<Vec<u8>>) -> Result<u8> {
    let mut command = copier::rskopeo()?;
    command.args(words).stdout(Stdio::inherit());
    match password {
        None => command.stdin(Stdio::inherit()),
        Some(password) => {
            let (reader, mut writer) = std::io::pipe().context("making a pipe")?;
            writer
                .write_all(&password)
                .context("passing the password on")?;
            command.stdin(reader)
        }
    };
    copier::output_of(command)?;
    Ok(0)
}
