//! Simple signing: OpenPGP messages, made and read by the gpg program.
//!
//! Keys of a policy are imported into a home of their own, made for this and removed afterwards, so that nothing of the caller's
//! keyring counts. What gpg finds is taken from its status lines (gnupg's doc/DETAILS), never from what it tells people.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};
use std::thread;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

/// gpg with one home.
#[derive(Debug)]
pub struct Gpg {
    /// A home of its own; else the caller's is used.
    home: Option<TempDir>,
    /// Fingerprints of the primary keys that were imported.
    imported: Vec<String>,
}

/// A message that was signed by one good key.
#[derive(Clone, Debug)]
pub struct Verified {
    pub content: Vec<u8>,
    /// Fingerprint of the key, or subkey, that signed.
    pub fingerprint: String,
    pub primary: String,
}

impl Gpg {
    /// With the caller's own keys (`GNUPGHOME`).
    pub fn of_caller() -> Self {
        Self {
            home: None,
            imported: Vec::new(),
        }
    }

    /// With no key at all.
    pub fn of_nobody() -> Result<Self> {
        Ok(Self {
            home: Some(scratch()?),
            imported: Vec::new(),
        })
    }

    /// With the keys of these keyrings and no others.
    pub fn with_keys(keyrings: &[Vec<u8>]) -> Result<Self> {
        let mut gpg = Self::of_nobody()?;
        for keyring in keyrings {
            let output = gpg.run(&["--import".as_ref()], keyring)?;
            for line in Status::of(&output).lines("IMPORT_OK") {
                gpg.imported
                    .extend(line.get(1).map(|key| (*key).to_owned()));
            }
        }
        if gpg.imported.is_empty() {
            bail!("No public keys imported");
        }
        Ok(gpg)
    }

    /// Fingerprints of the imported keys.
    pub fn imported(&self) -> &[String] {
        &self.imported
    }

    /// Makes a signed message of `content`.
    pub fn sign(&self, content: &[u8], key: &str, passphrase: Option<&str>) -> Result<Vec<u8>> {
        let scratch = scratch()?;
        let (content_file, message) = (
            scratch.path().join("content"),
            scratch.path().join("signed"),
        );
        fs::write(&content_file, content).context("writing what is to be signed")?;
        let mut arguments = vec!["--local-user".as_ref(), key.as_ref()];
        if passphrase.is_some() {
            let by_pipe = ["--pinentry-mode", "loopback", "--passphrase-fd", "0"];
            arguments.extend(by_pipe.map(OsStr::new));
        }
        arguments.extend(["--output".as_ref(), message.as_os_str(), "--sign".as_ref()]);
        arguments.push(content_file.as_os_str());
        let output = self.run(&arguments, passphrase.unwrap_or_default().as_bytes())?;
        if !output.status.success() {
            bail!("gpg cannot sign with key {key}: {}", last_words(&output));
        }
        fs::read(&message).context("reading what gpg signed")
    }

    /// The content of a message, if exactly one good signature by a key of this home is on it.
    pub fn verify(&self, message: &[u8]) -> Result<Verified> {
        let scratch = scratch()?;
        let content = scratch.path().join("content");
        let arguments = [
            "--output".as_ref(),
            content.as_os_str(),
            "--verify".as_ref(),
        ];
        let output = self.run(&arguments, message)?;
        let status = Status::of(&output);
        let once = |keyword| status.lines(keyword).len() == 1;
        let never = |keyword| status.lines(keyword).is_empty();
        let bad = [
            "BADSIG",
            "ERRSIG",
            "EXPSIG",
            "EXPKEYSIG",
            "REVKEYSIG",
            "NODATA",
        ];
        let good = output.status.success()
            && ["GOODSIG", "VALIDSIG", "PLAINTEXT"].into_iter().all(once)
            && bad.into_iter().all(never);
        let valid = status.lines("VALIDSIG").pop().unwrap_or_default();
        let (Some(fingerprint), Some(primary), true) = (valid.first(), valid.get(9), good) else {
            bail!("Invalid GPG signature: {}", last_words(&output));
        };
        Ok(Verified {
            content: fs::read(&content).context("reading what was signed")?,
            fingerprint: (*fingerprint).to_owned(),
            primary: (*primary).to_owned(),
        })
    }

    /// The content of a message and the ID of the key that it says it is signed by. Nobody has checked either.
    pub fn unverified(&self, message: &[u8]) -> Result<(Vec<u8>, String)> {
        let scratch = scratch()?;
        let content = scratch.path().join("content");
        let arguments = [
            "--output".as_ref(),
            content.as_os_str(),
            "--verify".as_ref(),
        ];
        let output = self.run(&arguments, message)?;
        let status = Status::of(&output);
        let key = status
            .lines("ERRSIG")
            .pop()
            .and_then(|line| line.first().copied());
        let (Some(key), Ok(content)) = (key, fs::read(&content)) else {
            bail!("no signed message: {}", last_words(&output));
        };
        Ok((content, key.to_owned()))
    }

    /// Status lines are all that comes on stdout.
    fn run(&self, arguments: &[&OsStr], stdin: &[u8]) -> Result<Output> {
        let mut command = Command::new("gpg");
        command.args([
            "--batch",
            "--no-tty",
            "--status-fd",
            "1",
            "--trust-model",
            "always",
        ]);
        if let Some(home) = &self.home {
            command.arg("--homedir").arg(home.path());
            command.args(["--no-autostart", "--no-options", "--no-auto-check-trustdb"]);
        }
        let mut child = command
            .args(arguments)
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("running gpg, which simple signing needs: install gnupg")?;
        let pipe = child.stdin.take();
        thread::scope(|scope| {
            // gpg may end without reading all: it then says why.
            scope.spawn(move || pipe.map(|mut pipe| pipe.write_all(stdin).ok()));
            child.wait_with_output().context("running gpg")
        })
    }
}

/// A directory for nobody else's eyes, as gpg wants its home to be.
fn scratch() -> Result<TempDir> {
    tempfile::Builder::new()
        .prefix("rskopeo-gpg-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir()
        .context("creating a temporary directory for gpg")
}

/// The `[GNUPG:] KEYWORD …` lines.
struct Status(String);

impl Status {
    fn of(output: &Output) -> Self {
        Self(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The words after the keyword, of each line that has it.
    fn lines(&self, keyword: &str) -> Vec<Vec<&str>> {
        let of_keyword = |line: &'_ str| {
            line.strip_prefix("[GNUPG:] ")?
                .strip_prefix(keyword)
                .map(str::len)
        };
        let lines = self.0.lines().filter_map(|line| {
            let rest = &line[line.len() - of_keyword(line)?..];
            (rest.is_empty() || rest.starts_with(' ')).then(|| rest.split_whitespace().collect())
        });
        lines.collect()
    }
}

/// What gpg tells people, on one line.
fn last_words(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    lines.join("; ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// None where gpg is not installed.
    fn armoured_key(home: &TempDir) -> Option<Vec<u8>> {
        let gpg = |arguments: &[&str]| {
            let mut command = Command::new("gpg");
            command
                .args(["--batch", "--passphrase", ""])
                .args(arguments);
            command.env("GNUPGHOME", home.path()).output().ok()
        };
        let made = gpg(&[
            "--quick-generate-key",
            "alice@example.com",
            "ed25519",
            "sign",
            "never",
        ])?;
        made.status.success().then_some(())?;
        Some(gpg(&["--armor", "--export"])?.stdout)
    }

    #[test]
    fn a_message_is_signed_and_verified() {
        let home = tempfile::Builder::new().tempdir_in("/tmp").unwrap();
        let Some(key) = armoured_key(&home) else {
            eprintln!("SKIP: gpg is not installed");
            return;
        };
        let signed = Command::new("gpg")
            .args(["--batch", "--sign"])
            .env("GNUPGHOME", home.path())
            .stdin(fs::File::open("/etc/hostname").unwrap())
            .output()
            .unwrap();
        let gpg = Gpg::with_keys(&[key]).unwrap();
        let verified = gpg.verify(&signed.stdout).unwrap();
        assert_eq!(verified.content, fs::read("/etc/hostname").unwrap());
        assert_eq!(gpg.imported(), [verified.primary]);
        let mut spoiled = signed.stdout;
        let last = spoiled.len() - 1;
        spoiled[last] ^= 1;
        assert!(gpg.verify(&spoiled).is_err());
        assert!(gpg.verify(b"hello").is_err());
        Command::new("gpgconf")
            .args(["--kill", "all"])
            .env("GNUPGHOME", home.path())
            .status()
            .unwrap();
    }

    #[test]
    fn no_key_is_an_error() {
        let error = Gpg::with_keys(&[b"no key".to_vec()]).unwrap_err();
        assert!(error.to_string().contains("No public keys imported"));
    }
}
