//! Whose store it is, and the program that reaches it.

use std::fmt;
use std::fs::File;
use std::io::{Seek as _, SeekFrom};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use nix::unistd::geteuid;

use super::argument::{Argument, Side};
use crate::engine::Context;
use crate::engine::container::supervision::own_command;
use crate::engine::system::connection;
use crate::users::{self, User};

#[derive(Clone, Debug)]
pub(super) enum Place {
    /// This rpod's own store.
    Own,
    /// Another user's, where root asks.
    User(User),
    /// Root's, where an ordinary user asks.
    Root,
    /// Another host's, by ssh.
    Host(Host),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Host {
    user: Option<String>,
    name: String,
    port: Option<u16>,
    identity: Option<PathBuf>,
}

impl Place {
    pub(super) fn of(argument: &Argument) -> Result<Place> {
        match &argument.side {
            Side::Own => Ok(Place::Own),
            Side::User(name) => Place::of_user(name),
            Side::Host(name) => Host::find(name).map(Place::Host),
        }
    }

    fn of_user(name: &str) -> Result<Place> {
        // `UID:GID` is a user, too.
        let name = name.split(':').next().unwrap_or_default();
        let user = users::by_name_or_id(name)?.with_context(|| format!("unknown user {name}"))?;
        if user.uid == geteuid() {
            return Ok(Place::Own);
        }
        match (geteuid().is_root(), user.uid.is_root()) {
            (true, _) => Ok(Place::User(user)),
            (false, true) => Ok(Place::Root),
            (false, false) => bail!("{name}: only root reaches another user's images"),
        }
    }

    /// Where an image goes that comes from here, if nothing else was said.
    pub(super) fn opposite(&self) -> Result<Place> {
        match self {
            Place::Own if geteuid().is_root() => match std::env::var("SUDO_USER") {
                Ok(user) => Place::of_user(&user),
                Err(_) => bail!("must specify a destination: invalid argument"),
            },
            Place::Own => bail!("must specify a destination: invalid argument"),
            Place::User(_) | Place::Root | Place::Host(_) => Ok(Place::Own),
        }
    }

    /// rpod there, or podman, with these words.
    pub(super) fn command(&self, ctx: &Context, words: &[&str]) -> Result<Command> {
        let mut command = match self {
            Place::Own => {
                let own = own_command(ctx)?;
                let mut command = Command::new(&own[0]);
                command.args(&own[1..]);
                command
            }
            Place::User(user) => as_user(user, &own_program(ctx)?),
            Place::Root => {
                let mut command = Command::new("sudo");
                command.arg(own_program(ctx)?);
                command
            }
            Place::Host(host) => {
                for word in words {
                    // A shell reads them there.
                    ensure!(is_plain(word), "{word:?} is no name of an image");
                }
                host.ssh()
            }
        };
        command.args(words);
        Ok(command)
    }

    /// Lets it open the archive by a path of its own.
    pub(super) fn give(&self, archive: &File) -> Result<()> {
        match self {
            Place::User(user) => nix::unistd::fchown(archive, Some(user.uid), Some(user.gid))
                .context("giving the archive to the user"),
            _ => Ok(()),
        }
    }
}

fn own_program(ctx: &Context) -> Result<String> {
    Ok(own_command(ctx)?.swap_remove(0))
}

/// With the environment of a login, and nothing of root's.
fn as_user(user: &User, program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .uid(user.uid.as_raw())
        .gid(user.gid.as_raw())
        .current_dir("/")
        .env_clear()
        .env("HOME", &user.home)
        .env("USER", &user.name)
        .env("LOGNAME", &user.name);
    for name in ["PATH", "TERM"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    let runtime = PathBuf::from(format!("/run/user/{}", user.uid));
    if runtime.is_dir() {
        command.env("XDG_RUNTIME_DIR", runtime);
    }
    command
}

fn is_plain(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._:/@-".contains(c);
    word.chars().all(plain)
}

pub(super) fn from_its_start(archive: &File) -> Result<File> {
    let mut archive = archive.try_clone().context("duplicating the archive")?;
    archive
        .seek(SeekFrom::Start(0))
        .context("going to the archive's start")?;
    Ok(archive)
}

impl Host {
    /// A connection that is known, or what the name says itself.
    fn find(name: &str) -> Result<Host> {
        let known = connection::all()?;
        match known.connections.get(name) {
            Some(found) => {
                let host = Host::parse(&found.uri)
                    .with_context(|| format!("connection {name}: {}", found.uri))?;
                let identity = Some(&found.identity).filter(|identity| !identity.is_empty());
                Ok(Host {
                    identity: identity.map(PathBuf::from),
                    ..host
                })
            }
            None => {
                eprintln!(
                    "Unknown connection name given. Please use system connection add to specify the default remote socket location"
                );
                Host::parse(&format!("ssh://{name}"))
            }
        }
    }

    /// `ssh://[USER@]HOST[:PORT][/PATH]`
    fn parse(uri: &str) -> Result<Host> {
        let Some(rest) = uri.strip_prefix("ssh://") else {
            bail!("images are copied by ssh alone: it has to be ssh://[USER@]HOST[:PORT]");
        };
        let authority = rest.split('/').next().unwrap_or_default();
        let (user, address) = match authority.rsplit_once('@') {
            Some((user, address)) => (user.split(':').next(), address),
            None => (None, authority),
        };
        let (name, port) = match address.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
            _ => (address, None),
        };
        let port = port.map(|port| {
            port.parse()
                .with_context(|| format!("{port:?} is no port of {name}"))
        });
        let name = name.trim_start_matches('[').trim_end_matches(']');
        let is_option = |word: &str| word.is_empty() || word.starts_with('-');
        if is_option(name) || user.is_some_and(is_option) {
            bail!("{authority:?} names no host");
        }
        Ok(Host {
            user: user.map(str::to_owned),
            name: name.to_owned(),
            port: port.transpose()?,
            identity: None,
        })
    }

    fn ssh(&self) -> Command {
        let mut command = Command::new("ssh");
        if let Some(user) = &self.user {
            command.arg("-l").arg(user);
        }
        if let Some(port) = self.port {
            command.arg("-p").arg(port.to_string());
        }
        if let Some(identity) = &self.identity {
            command.arg("-i").arg(identity);
        }
        command.args(["--", &self.name, "podman"]);
        command
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Own => f.write_str("this host"),
            Place::User(user) => write!(f, "{}@localhost", user.name),
            Place::Root => f.write_str("root@localhost"),
            Place::Host(host) => f.write_str(&host.name),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn hosts_are_read() {
        let host = Host::parse("ssh://me@example.com:2222/run/podman/podman.sock").unwrap();
        assert_eq!(
            (host.user.as_deref(), host.name.as_str(), host.port),
            (Some("me"), "example.com", Some(2222))
        );
        assert_eq!(Host::parse("ssh://[::1]").unwrap().name, "::1");
        for bad in [
            "unix:///x",
            "ssh://",
            "ssh://-oProxyCommand=x",
            "ssh://-x@h",
            "ssh://h:x",
        ] {
            assert!(Host::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn words_for_a_shell_are_plain() {
        assert!(is_plain("quay.io/a/b:1") && is_plain("--format"));
        assert!(!is_plain("a;b") && !is_plain("$(x)") && !is_plain("a b"));
    }
}
