//! From words to [`Options`].

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use super::table::{Entry, Slot, TABLE};
use super::{Error, Options, Request};

/// Parses the arguments after the program's name.
pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<Request, Error> {
    let mut options = Options::default();
    let mut args = args;
    while let Some(arg) = args.next() {
        match arg.as_bytes() {
            b"--" => break,
            b"--help-all" | b"-?" => return Ok(Request::Help),
            [b'-', b'-', long @ ..] => parse_long(&mut options, long, &mut args)?,
            [b'-', letters @ ..] if !letters.is_empty() => {
                parse_letters(&mut options, letters, &mut args)?;
            }
            _ => {}
        }
        if options.help {
            return Ok(Request::Help);
        }
    }
    if options.version {
        return Ok(Request::Version);
    }
    check(&options)?;
    Ok(Request::Run(Box::new(options)))
}

/// What conmon checks before anything else.
fn check(options: &Options) -> Result<(), Error> {
    match options.log_max_files {
        Some(count) if count < 0 => return Err(Error::NegativeMaxFiles(count)),
        Some(0) if options.log_rotate => return Err(Error::NoFilesToRotate),
        _ => {}
    }
    if options.cid.is_none() {
        return Err(Error::NoContainerId);
    }
    Ok(())
}

fn parse_long(
    options: &mut Options,
    arg: &[u8],
    args: &mut impl Iterator<Item = OsString>,
) -> Result<(), Error> {
    let mut parts = arg.splitn(2, |byte| *byte == b'=');
    let name = parts.next().unwrap_or_default();
    let inline = parts
        .next()
        .map(|value| OsStr::from_bytes(value).to_owned());
    let shown = format!("--{}", String::from_utf8_lossy(name));
    let Some(entry) = TABLE.iter().find(|entry| entry.long.as_bytes() == name) else {
        return Err(Error::Unknown(shown));
    };
    if !entry.takes_value() && inline.is_some() {
        return Err(Error::UnwantedValue(shown));
    }
    entry.store(options, shown, inline, args)
}

/// One cluster; the next argument is the value of at most one of its letters.
fn parse_letters(
    options: &mut Options,
    letters: &[u8],
    args: &mut impl Iterator<Item = OsString>,
) -> Result<(), Error> {
    let mut value_taken = false;
    for letter in letters {
        let shown = format!("-{}", char::from(*letter));
        let Some(entry) = TABLE.iter().find(|entry| entry.short == Some(*letter)) else {
            return Err(Error::Unknown(shown));
        };
        if entry.takes_value() && std::mem::replace(&mut value_taken, true) {
            return Err(Error::SecondValue(shown));
        }
        entry.store(options, shown, None, args)?;
    }
    Ok(())
}

impl Entry {
    /// Sets the option; a value that is not `inline` is the next argument.
    fn store(
        &self,
        options: &mut Options,
        name: String,
        inline: Option<OsString>,
        args: &mut impl Iterator<Item = OsString>,
    ) -> Result<(), Error> {
        let value = || {
            let missing = || Error::MissingValue(name.clone());
            inline.or_else(|| args.next()).ok_or_else(missing)
        };
        match &self.slot {
            Slot::Flag(field) => *field(options) = true,
            Slot::Text(field) => *field(options) = Some(value()?),
            Slot::Path(field) => *field(options) = Some(value()?.into()),
            Slot::List(field) => field(options).push(value()?),
            Slot::Paths(field) => field(options).push(value()?.into()),
            Slot::Count(field) => *field(options) = Some(number(&name, value()?)?),
            Slot::Size(field) => *field(options) = Some(number(&name, value()?)?),
        }
        Ok(())
    }
}

fn number<N: TryFrom<i128>>(name: &str, value: OsString) -> Result<N, Error> {
    let name = name.to_owned();
    let value = String::from_utf8_lossy(&value.into_vec()).into_owned();
    let Some(number) = integer(&value) else {
        return Err(Error::NotANumber { name, value });
    };
    N::try_from(number).map_err(|_| Error::OutOfRange { name, value })
}

/// strtoll(3) with base 0: decimal, 0x hexadecimal, 0 octal. What is out of
/// every range becomes a number that is.
fn integer(text: &str) -> Option<i128> {
    let text = text.trim_start();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let hexadecimal = digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"));
    let (radix, digits) = match (hexadecimal, digits.strip_prefix('0')) {
        (Some(digits), _) => (16, digits),
        (None, Some(digits)) if !digits.is_empty() => (8, digits),
        _ => (10, digits),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let number = i128::from_str_radix(digits, radix).unwrap_or(i128::MAX);
    Some(if negative { -number } else { number })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(line: &str) -> impl Iterator<Item = OsString> {
        line.split_whitespace().map(OsString::from)
    }

    fn options(line: &str) -> Options {
        match parse(words(line)).unwrap() {
            Request::Run(options) => *options,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_spelling_of_a_value() {
        for line in ["-c id", "-ic id", "-ci id", "--cid id", "--cid=id"] {
            assert_eq!(options(line).cid.unwrap(), "id", "{line}");
        }
    }

    #[test]
    fn letters_cluster_and_operands_are_ignored() {
        let options = options("--api-version 1 -itc id -T 5");
        assert!(options.api_version && options.stdin && options.terminal);
        assert_eq!(options.timeout, Some(5));
    }

    #[test]
    fn lists_keep_their_order() {
        let options = options("-c x --exit-command-arg --root --exit-command-arg=/a -l a -l b");
        assert_eq!(options.exit_command_args, ["--root", "/a"]);
        assert_eq!(options.log_paths, ["a", "b"]);
    }

    #[test]
    fn help_comes_before_all_that_follows() {
        for line in ["--help --nope", "-?", "--help-all", "-th"] {
            assert!(matches!(parse(words(line)), Ok(Request::Help)), "{line}");
        }
    }

    #[test]
    fn numbers_are_those_of_c() {
        for (text, value) in [("10", 10), (" 0x1F", 31), ("010", 8), ("-1", -1), ("+0", 0)] {
            assert_eq!(integer(text), Some(value), "{text}");
        }
        for text in ["", "-", "0x", "1k", "08", "5 ", "1.5"] {
            assert_eq!(integer(text), None, "{text}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let error = |line: &str| parse(words(line)).unwrap_err().to_string();
        assert!(error("--nope").ends_with("Unknown option --nope"));
        assert!(error("-c").ends_with("Missing argument for -c"));
        assert!(error("-cb x").ends_with("Error parsing option -b"));
        assert!(error("-c x --timeout ten").contains("“ten” for --timeout"));
        assert!(error("-c x --timeout 99999999999").ends_with("for --timeout out of range"));
        assert!(
            error("--log-size-max 99999999999999999999999999999999999999999").contains("range")
        );
        assert!(error("-t").contains("Use --cid"));
        assert!(error("-c x --log-rotate --log-max-files 0").contains("at least 1"));
    }

    proptest! {
        /// No words break the parser.
        #[test]
        fn any_words_end_in_an_answer(
            line in proptest::collection::vec("(-{0,2}[a-zA-Z?0-9=-]{0,12}|-[citTpl]{1,5})", 0..12)
        ) {
            let _ = parse(line.into_iter().map(OsString::from));
        }

        #[test]
        fn a_decimal_number_is_itself(number in any::<i64>()) {
            prop_assert_eq!(integer(&number.to_string()), Some(i128::from(number)));
        }
    }
}
