//! rpod under the name of a systemd generator: `rpod-system-generator`, `rpod-user-generator` (podman-systemd.unit(5)).

use std::ffi::OsString;
use std::path::Path;

use anyhow::{Result, bail};

use crate::systemd::quadlet::generator::{self, Request};

/// True if that is what the program was started as.
pub fn is_meant(program: &OsString) -> bool {
    name(program).ends_with("-generator")
}

fn name(program: &OsString) -> String {
    let name = Path::new(program).file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Does what systemd asks for; the answer is the exit code.
pub fn run(args: impl Iterator<Item = OsString>) -> Result<u8> {
    let Some(request) = parse(args)? else {
        println!("{}", env!("CARGO_PKG_VERSION"));
        return Ok(0);
    };
    Ok(u8::from(!generator::run(&request)))
}

/// Options as Go's programs have them: with one dash or two, before the first word. Nothing if only the version is asked for.
fn parse(mut args: impl Iterator<Item = OsString>) -> Result<Option<Request>> {
    let program = args.next().unwrap_or_default();
    let mut request = Request {
        program: program.to_string_lossy().into_owned(),
        of_user: name(&program).contains("user"),
        ..Request::default()
    };
    let mut version = false;
    for arg in args {
        let text = arg.to_string_lossy();
        let option = text.strip_prefix("--").or(text.strip_prefix('-'));
        // The first word is the output directory; systemd gives two more, which are not used.
        let Some(option) = option.filter(|option| !option.is_empty()) else {
            request.output = Some(arg.into());
            break;
        };
        let (option, value) = option.split_once('=').unwrap_or((option, "true"));
        let value = match value {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => true,
            "0" | "f" | "F" | "false" | "FALSE" | "False" => false,
            _ => bail!("invalid boolean value {value:?} for -{option}"),
        };
        match option {
            "v" => request.verbose = value,
            "user" => request.of_user = value,
            "dryrun" => request.dry_run = value,
            "no-kmsg-log" => request.no_kernel_log = value,
            "version" => version = value,
            _ => bail!(
                "flag provided but not defined: -{option}: -v, -user, -dryrun, -no-kmsg-log and -version are"
            ),
        }
    }
    Ok((!version).then_some(request))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn options_with_one_dash_or_two() {
        let parse = |text: &str| parse(text.split(' ').map(OsString::from));
        let request = parse("/x/rpod-user-generator -dryrun --v=false /out /early /late")
            .unwrap()
            .unwrap();
        assert!(request.of_user && request.dry_run && !request.verbose);
        assert_eq!(request.output.as_deref(), Some(Path::new("/out")));
        assert!(parse("rpod-system-generator -version").unwrap().is_none());
        assert!(parse("rpod-system-generator -x").is_err());
        assert!(is_meant(&"/a/rpod-system-generator".into()) && !is_meant(&"rpod".into()));
    }
}
