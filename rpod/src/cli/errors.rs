//! What is told when something went wrong, and with which code rpod ends.

use std::io;

use nix::errno::Errno;

use super::{ENGINE_ERROR, ExitStatus};

/// Prints an error once, as podman does, and says with which code to end.
pub fn report(error: &anyhow::Error) -> std::process::ExitCode {
    tell(error).into()
}

/// Prints an error and gives its exit code. For commands on several things, of which some may fail.
pub(super) fn tell(error: &anyhow::Error) -> u8 {
    eprintln!("Error: {}", worded(error));
    error
        .downcast_ref::<ExitStatus>()
        .map_or(ENGINE_ERROR, |status| status.code)
}

/// Does something with each, and prints what it is called, or why that failed. The answer is the exit code.
pub(super) fn tell_each<T>(
    things: impl IntoIterator<Item = T>,
    act: impl Fn(T) -> anyhow::Result<String>,
) -> u8 {
    let mut code = 0;
    for thing in things {
        match act(thing) {
            Ok(name) => println!("{name}"),
            Err(error) => code = tell(&error),
        }
    }
    code
}

/// For commands that show several things: what was not found of them. The first is rpod's error, and comes last.
pub(super) fn first_of(missing: Vec<anyhow::Error>) -> anyhow::Result<u8> {
    let mut missing = missing.into_iter();
    let Some(first) = missing.next() else {
        return Ok(0);
    };
    for error in missing {
        eprintln!("{}", worded(&error));
    }
    Err(first)
}

/// What failed, with the kernel's errors in the words that podman has for them.
pub(super) fn worded(error: &anyhow::Error) -> String {
    let mut text = format!("{error:#}");
    for cause in error.chain() {
        let number = match (
            cause.downcast_ref::<io::Error>(),
            cause.downcast_ref::<Errno>(),
        ) {
            (Some(error), _) => error.raw_os_error(),
            (_, Some(errno)) => Some(*errno as i32),
            _ => None,
        };
        if let Some(number) = number {
            let plain = Errno::from_raw(number).desc().to_lowercase();
            text = text.replace(&cause.to_string(), &plain);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    #[test]
    fn the_kernels_words_are_podmans() {
        let error = io::Error::from_raw_os_error(libc::ENOENT);
        let told = Err::<(), _>(error)
            .context("stat /x")
            .map_err(|error| worded(&error));
        assert_eq!(told, Err("stat /x: no such file or directory".to_owned()));
        let told = Err::<(), _>(Errno::EINVAL)
            .context("NOPE")
            .map_err(|error| worded(&error));
        assert_eq!(told, Err("NOPE: invalid argument".to_owned()));
    }
}
