//! A command line of rpod's, taken apart by the definition that it was parsed by.

use anyhow::{Context as _, Result, bail};
use clap::{Arg, Command};

use crate::cli::root;
use crate::systemd::generate::command_line::{CommandLine, Given};

pub(super) fn take_apart(line: &[String]) -> Result<CommandLine> {
    let mut root = root();
    root.build();
    let (globals, mut rest) = options(&root, line.get(1..).unwrap_or_default())?;
    let mut command = &root;
    let mut verbs = Vec::new();
    while command.has_subcommands() {
        let (name, after) = rest.split_first().context("it names no command")?;
        command = command
            .find_subcommand(name)
            .with_context(|| format!("{name:?} is no command of rpod's"))?;
        verbs.push(command.get_name());
        rest = after;
    }
    let (options, words) = options(command, rest)?;
    let verb = verbs.join(" ");
    Ok(CommandLine {
        globals: globals.into_iter().flat_map(|given| given.text).collect(),
        verb: verb.strip_prefix("container ").unwrap_or(&verb).to_owned(),
        options,
        words: words.to_vec(),
    })
}

/// The options that stand first, and what follows them.
fn options<'a>(command: &Command, mut words: &'a [String]) -> Result<(Vec<Given>, &'a [String])> {
    let mut all = Vec::new();
    while let [word, rest @ ..] = words {
        words = match word.strip_prefix('-') {
            None | Some("" | "-") => break,
            Some(letters) => match letters.strip_prefix('-') {
                Some(long) => {
                    let (name, value) = match long.split_once('=') {
                        Some((name, value)) => (name, Some(value)),
                        None => (long, None),
                    };
                    let arg = argument(command, word, |arg| is_called(arg, name))?;
                    take(&mut all, arg, word.clone(), value, rest)?
                }
                None => cluster(command, &mut all, letters, rest)?,
            },
        };
    }
    Ok((all, words))
}

/// `-it`, `-vVALUE`, `-d=false`.
fn cluster<'a>(
    command: &Command,
    all: &mut Vec<Given>,
    letters: &str,
    rest: &'a [String],
) -> Result<&'a [String]> {
    let mut text = String::from("-");
    let first = all.len();
    for (at, letter) in letters.char_indices() {
        let arg = argument(command, &format!("-{letter}"), |arg| {
            arg.get_short() == Some(letter)
        })?;
        let after = &letters[at + letter.len_utf8()..];
        let equals = after.strip_prefix('=');
        if equals.is_some() || has_value(arg) {
            // What has a value has a word of its own.
            if let Some(earlier) = all.get_mut(first) {
                earlier.text.push(text);
            }
            let value = equals.or_else(|| (!after.is_empty()).then_some(after));
            return take(all, arg, format!("-{letter}{after}"), value, rest);
        }
        text.push(letter);
        all.push(given(arg)?);
    }
    if let Some(earlier) = all.get_mut(first) {
        earlier.text.push(text);
    }
    Ok(rest)
}

/// An option whose value may be in the next word.
fn take<'a>(
    all: &mut Vec<Given>,
    arg: &Arg,
    word: String,
    value: Option<&str>,
    rest: &'a [String],
) -> Result<&'a [String]> {
    let mut given = given(arg)?;
    given.value = value.map(str::to_owned);
    given.text.push(word);
    let mut rest = rest;
    if value.is_none() && has_value(arg) {
        let (next, after) = rest
            .split_first()
            .with_context(|| format!("--{} has no value", given.name))?;
        given.value = Some(next.clone());
        given.text.push(next.clone());
        rest = after;
    }
    all.push(given);
    Ok(rest)
}

fn given(arg: &Arg) -> Result<Given> {
    let name = arg.get_long().context("an option without a long name")?;
    Ok(Given {
        name: name.to_owned(),
        ..Given::default()
    })
}

fn has_value(arg: &Arg) -> bool {
    arg.get_action().takes_values() && !arg.is_require_equals_set()
}

fn argument<'a>(command: &'a Command, word: &str, is_it: impl Fn(&Arg) -> bool) -> Result<&'a Arg> {
    match command
        .get_opts()
        .chain(command.get_arguments())
        .find(|arg| is_it(arg))
    {
        Some(arg) => Ok(arg),
        None => bail!("unknown flag: {word}"),
    }
}

fn is_called(arg: &Arg, name: &str) -> bool {
    let aliases = arg.get_all_aliases().unwrap_or_default();
    arg.get_long() == Some(name) || aliases.contains(&name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn apart(line: &str) -> CommandLine {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        take_apart(&words).unwrap()
    }

    #[test]
    fn each_option_with_its_value() {
        let line = apart(
            "/bin/rpod --root /r --runtime=crun container run -dit --name one --rm=false -v/a:/b -e A --net none image sh -c run",
        );
        assert_eq!(line.globals, ["--root", "/r", "--runtime=crun"]);
        assert_eq!(line.verb, "run");
        assert_eq!(line.words, ["image", "sh", "-c", "run"]);
        let all: Vec<_> = line
            .options
            .iter()
            .map(|given| {
                (
                    given.name.as_str(),
                    given.value.as_deref(),
                    given.text.join(" "),
                )
            })
            .collect();
        assert_eq!(
            all,
            [
                ("detach", None, "-dit".to_owned()),
                ("interactive", None, String::new()),
                ("tty", None, String::new()),
                ("name", Some("one"), "--name one".to_owned()),
                ("rm", Some("false"), "--rm=false".to_owned()),
                ("volume", Some("/a:/b"), "-v/a:/b".to_owned()),
                ("env", Some("A"), "-e A".to_owned()),
                ("network", Some("none"), "--net none".to_owned()),
            ]
        );
    }

    #[test]
    fn a_letter_with_a_value_leaves_the_others() {
        let line = apart("rpod run -itd=false -- image");
        let texts: Vec<_> = line
            .options
            .iter()
            .map(|given| given.text.join(" "))
            .collect();
        assert_eq!(texts, ["-it", "", "-d=false"]);
        assert_eq!(line.words, ["--", "image"]);
    }

    #[test]
    fn a_pod_and_what_is_no_command() {
        let line = apart("rpod pod create -p 80:80 mine");
        assert_eq!(
            (line.verb.as_str(), line.words.as_slice()),
            ("pod create", &["mine".to_owned()][..])
        );
        for wrong in [
            &["rpod"][..],
            &["rpod", "nope"],
            &["rpod", "run", "--nope"],
            &["rpod", "run", "--name"],
        ] {
            let words: Vec<String> = wrong.iter().map(|word| (*word).to_owned()).collect();
            assert!(take_apart(&words).is_err(), "{wrong:?}");
        }
    }
}
