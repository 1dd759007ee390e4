//! The command line: catatonit(1)'s options, and none at all for a pause.

use crate::bytes;
use crate::strings::Strings;

/// What was asked for.
pub(crate) enum Command {
    Pause,
    Init(Program),
    Help,
    Version,
    License,
}

/// The program to run as init's child.
#[derive(Clone, Copy)]
pub(crate) struct Program {
    /// `argv[0]` is the name or path of the program.
    pub(crate) argv: Strings,
    /// Signals go to its process group, not only to it.
    pub(crate) group: bool,
}

/// Options stop at the first operand, as POSIX has it, so that PROG's own
/// options are never ours. The error is the argument that is not known.
pub(crate) fn parse(argv: Strings) -> Result<Command, &'static [u8]> {
    let mut rest = argv.tail();
    let mut group = false;
    let mut pause = rest.first().is_none();

    while let Some(arg) = rest.first() {
        if bytes::equal(arg, b"--") {
            rest = rest.tail();
            break;
        }
        if arg.first() != Some(&b'-') || arg.len() == 1 {
            break;
        }
        if bytes::equal(arg, b"--version") {
            return Ok(Command::Version);
        }
        if bytes::equal(arg, b"--help") {
            return Ok(Command::Help);
        }
        for letter in &arg[1..] {
            match letter {
                b'g' => group = true,
                b'P' => pause = true,
                b'h' => return Ok(Command::Help),
                b'V' => return Ok(Command::Version),
                b'L' => return Ok(Command::License),
                _ => return Err(arg),
            }
        }
        rest = rest.tail();
    }

    if pause {
        return Ok(Command::Pause);
    }
    if rest.first().is_none() {
        return Err(b"(missing program name)");
    }
    Ok(Command::Init(Program { argv: rest, group }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> Result<Command, &'static [u8]> {
        parse(Strings::leak(args.iter().map(|a| a.as_bytes().to_vec())))
    }

    #[test]
    fn nothing_means_pause() {
        assert!(matches!(parsed(&["/pause"]), Ok(Command::Pause)));
        assert!(matches!(parsed(&["/pause", "-P"]), Ok(Command::Pause)));
    }

    #[test]
    fn options_end_at_the_program() {
        let Ok(Command::Init(program)) = parsed(&["rpause", "-g", "sh", "-P"]) else {
            panic!("not init");
        };
        assert!(program.group);
        assert_eq!(program.argv.first(), Some(&b"sh"[..]));
        let Ok(Command::Init(program)) = parsed(&["rpause", "--", "-g"]) else {
            panic!("not init");
        };
        assert!(!program.group);
        assert_eq!(program.argv.first(), Some(&b"-g"[..]));
    }

    #[test]
    fn the_unknown_option_is_named() {
        assert_eq!(parsed(&["rpause", "-gx"]).err(), Some(&b"-gx"[..]));
        assert!(parsed(&["rpause", "-g"]).is_err());
    }
}
