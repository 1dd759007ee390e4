//! The program that the process becomes: where it is, what it is told.

use std::env;
use std::ffi::CString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::unistd::{AccessFlags, faccessat};

use crate::kernel::exec::{Strings, exec};
use crate::spec::Process;

/// A program found, with its arguments and environment ready.
#[derive(Debug)]
pub(super) struct Program {
    path: CString,
    arguments: Strings,
    environment: Strings,
}

impl Program {
    /// Look in the container's file system, as the container's user.
    ///
    /// # Errors
    /// runc's texts, which engines turn into the exit codes 126 and 127.
    pub(super) fn find(process: &Process) -> Result<Program> {
        let name = process
            .args
            .first()
            .ok_or_else(|| anyhow!("process.args is empty"))?;
        let path = locate(name, &process.env)?;
        let environment = environment_of(process);
        Ok(Program {
            path: CString::new(path.as_os_str().as_bytes())?,
            arguments: Strings::new(process.args.iter().map(String::as_str))?,
            environment: Strings::new(environment.iter().map(String::as_str))?,
        })
    }

    /// Become it; returns only when that failed.
    pub(super) fn start(&self) -> NotExecuted {
        let errno = exec(&self.path, &self.arguments, &self.environment);
        let path = self.path.to_string_lossy();
        NotExecuted(format!("exec {path}: {}", text_of(errno)))
    }
}

/// execve(2) failed, as all but the last step of a process that runs; in
/// runc's words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotExecuted(pub(super) String);

impl NotExecuted {
    /// The exit code of such a process.
    pub(crate) const CODE: u8 = 255;
}

/// The process's environment: of two of a name the last, and always a HOME.
pub(super) fn environment_of(process: &Process) -> Vec<String> {
    let name = |pair: &'_ str| {
        pair.split_once('=')
            .map_or(pair.len(), |(name, _)| name.len())
    };
    let mut environment: Vec<String> = Vec::with_capacity(process.env.len() + 1);
    for (index, pair) in process.env.iter().enumerate() {
        let named = &pair[..name(pair)];
        let again = process.env[index + 1..]
            .iter()
            .any(|later| &later[..name(later)] == named);
        if !again && pair != "HOME=" {
            environment.push(pair.clone());
        }
    }
    if !environment.iter().any(|pair| pair.starts_with("HOME=")) {
        environment.push(format!("HOME={}", home_of(process.user.uid)));
    }
    environment
}

/// runc prints Go's texts, in lower case.
fn text_of(errno: Errno) -> String {
    errno.desc().to_lowercase()
}

fn locate(name: &str, environment: &[String]) -> Result<PathBuf> {
    if name.contains('/') {
        return check(Path::new(name)).map_err(|text| anyhow!("exec: {name:?}: {text}"));
    }
    let search = environment
        .iter()
        .rev()
        .find_map(|pair| pair.strip_prefix("PATH="))
        .unwrap_or_default();
    let mut refused = false;
    for directory in env::split_paths(search) {
        let directory = if directory.as_os_str().is_empty() {
            PathBuf::from(".")
        } else {
            directory
        };
        match check(&directory.join(name)) {
            Ok(path) => return Ok(path),
            Err(text) => refused |= text == REFUSED,
        }
    }
    if refused {
        bail!("exec: {name:?}: {REFUSED}");
    }
    bail!("exec: {name:?}: executable file not found in $PATH")
}

const REFUSED: &str = "permission denied";

/// A regular file that this user may execute.
fn check(path: &Path) -> Result<PathBuf, String> {
    let metadata = fs::metadata(path).map_err(|error| {
        let errno = Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO));
        format!("stat {}: {}", path.display(), text_of(errno))
    })?;
    if metadata.is_dir() {
        // Engines make their exit code of runc's words.
        return Err(format!("{REFUSED}: it is a directory"));
    }
    let executable = metadata.permissions().mode() & 0o111 != 0 && may_execute(path);
    if executable {
        Ok(path.to_owned())
    } else {
        Err(REFUSED.to_owned())
    }
}

/// By the powers that execve(2) will have, and not as the real user. A profile that is older than faccessat2(2) answers in its place;
/// then execve tells, which such a profile knows.
fn may_execute(path: &Path) -> bool {
    matches!(
        faccessat(AT_FDCWD, path, AccessFlags::X_OK, AtFlags::AT_EACCESS),
        Ok(()) | Err(Errno::EPERM | Errno::ENOSYS)
    )
}

/// The home directory in the container's /etc/passwd, else `/`.
fn home_of(uid: u32) -> String {
    // Opened as what it may be in an image: a fifo, say.
    let file = fs::File::options()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open("/etc/passwd")
        .ok()
        .filter(|file| {
            file.metadata()
                .is_ok_and(|metadata| metadata.is_file() && metadata.size() < 1 << 20)
        });
    let wanted = uid.to_string();
    let found = file
        .into_iter()
        .flat_map(|file| BufReader::new(file).lines().map_while(Result::ok))
        .find_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            (fields.get(2) == Some(&wanted.as_str()))
                .then(|| fields.get(5).copied().unwrap_or_default().to_owned())
        });
    found
        .filter(|home| !home.is_empty())
        .unwrap_or_else(|| "/".to_owned())
}

/// Go into the process's working directory, which must be in the container.
///
/// # Errors
/// It is not there, or leads outside: a leaked descriptor reached through
/// /proc/self/fd would leave the process on the host's side of the root.
pub(super) fn enter_directory(path: &Path) -> Result<()> {
    nix::unistd::chdir(path).with_context(|| {
        format!(
            "chdir to cwd ({:?}) set in config.json failed",
            path.display().to_string()
        )
    })?;
    check_inside()
}

/// The kernel reports a directory that is not below the root as unreachable.
pub(super) fn check_inside() -> Result<()> {
    let here = nix::unistd::getcwd()
        .context("current working directory is outside of container mount namespace root")?;
    if !here.is_absolute() {
        bail!(
            "current working directory is outside of container mount namespace root -- possible container breakout detected"
        );
    }
    Ok(())
}
