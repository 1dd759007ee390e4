//! `docker-credential-*` programs: what they are asked comes on their stdin, what they answer is JSON on their stdout.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::Credentials;

/// A helper by its short name: `secretservice`, `pass`, `ecr-login`.
#[derive(Clone, Debug)]
pub struct Helper {
    name: String,
    program: String,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Secret {
    #[serde(rename = "ServerURL", default)]
    server: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

/// The user name that stands for "the secret is an identity token".
const TOKEN: &str = "<token>";

impl Helper {
    pub fn named(name: &str) -> Result<Self> {
        if name.is_empty() || name.contains('/') {
            bail!("{name:?} is not the name of a credential helper");
        }
        Ok(Self {
            name: name.to_owned(),
            program: format!("docker-credential-{name}"),
        })
    }

    /// None if the helper knows nothing of `server`.
    pub fn get(&self, server: &str) -> Result<Option<Credentials>> {
        let answer = match self.ask("get", server)? {
            Answer::Done(answer) => answer,
            Answer::Unknown => return Ok(None),
        };
        let Secret {
            username, secret, ..
        } = serde_json::from_str(&answer)
            .with_context(|| format!("parsing the answer of {}", self.program))?;
        Ok(match username.as_str() {
            "" if secret.is_empty() => None,
            TOKEN => Some(Credentials::IdentityToken {
                token: secret,
                plain: None,
            }),
            _ => Some(Credentials::Password {
                user: username,
                password: secret,
            }),
        })
    }

    pub fn store(&self, server: &str, user: &str, password: &str) -> Result<()> {
        let secret = Secret {
            server: server.to_owned(),
            username: user.to_owned(),
            secret: password.to_owned(),
        };
        self.ask("store", &serde_json::to_string(&secret)?)?;
        Ok(())
    }

    /// False if the helper knew nothing of `server`.
    pub fn erase(&self, server: &str) -> Result<bool> {
        Ok(matches!(self.ask("erase", server)?, Answer::Done(_)))
    }

    /// The servers that it knows. A helper that is not installed knows none.
    pub fn list(&self) -> Result<Vec<String>> {
        let answer = match self.ask("list", "") {
            Ok(Answer::Done(answer)) => answer,
            Ok(Answer::Unknown) => return Ok(Vec::new()),
            Err(error) if is_missing(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let users: BTreeMap<String, String> = serde_json::from_str(&answer)
            .with_context(|| format!("parsing the answer of {}", self.program))?;
        Ok(users.into_keys().collect())
    }

    fn ask(&self, verb: &str, input: &str) -> Result<Answer> {
        let program = &self.program;
        let running = || format!("running the credential helper {program}");
        let mut child = Command::new(program)
            .arg(verb)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(running)?;
        // Closed at once, so that the helper sees the end. One that reads nothing is judged by its answer.
        let sent = child
            .stdin
            .take()
            .map_or(Ok(()), |mut stdin| stdin.write_all(input.as_bytes()));
        let output = child.wait_with_output().with_context(running)?;
        let answer = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if output.status.success() {
            match sent {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
                sent => sent.with_context(running)?,
            }
            return Ok(Answer::Done(answer));
        }
        if answer.contains("credentials not found") {
            return Ok(Answer::Unknown);
        }
        bail!("{program} {verb} failed ({}): {answer}", output.status)
    }
}

impl fmt::Display for Helper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "credential helper: {}", self.name)
    }
}

fn is_missing(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<io::Error>();
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::NotFound)
}

enum Answer {
    Done(String),
    Unknown,
}
