//! `rpod container runlabel`: podman-container-runlabel(1).

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::image::RegistryOptions;
use super::{Globals, Verb};
use crate::engine::Context;
use crate::engine::container::{create, find, remove};
use crate::engine::image::{self, Access, Platform};

#[derive(Args, Debug)]
pub struct RunLabel {
    #[command(flatten)]
    registry: RegistryOptions,
    /// Print the command and do not run it
    #[arg(long)]
    display: bool,
    /// What NAME stands for in the label; the image's name, if not given
    #[arg(short, long, value_name = "NAME")]
    name: Option<String>,
    /// What OPT1 stands for
    #[arg(long, value_name = "WORD", default_value = "", hide = true)]
    opt1: String,
    /// What OPT2 stands for
    #[arg(long, value_name = "WORD", default_value = "", hide = true)]
    opt2: String,
    /// What OPT3 stands for
    #[arg(long, value_name = "WORD", default_value = "", hide = true)]
    opt3: String,
    /// Show no progress when the image is pulled
    #[arg(short, long)]
    quiet: bool,
    /// Replace a container with the name
    #[arg(long)]
    replace: bool,
    /// LABEL IMAGE [ARG...]
    #[arg(required = true, num_args = 2.., trailing_var_arg = true, value_name = "LABEL IMAGE [ARG...]")]
    words: Vec<String>,
}

impl Verb for RunLabel {
    const NAME: &'static str = "runlabel";
    const ABOUT: &'static str = "Execute the command described by an image label";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let [label, name, arguments @ ..] = &self.words[..] else {
            bail!("a label and an image have to be named");
        };
        let image = match create::local_image(&ctx, name)? {
            Some(image) => image,
            None => {
                let access = Access {
                    quiet: self.quiet,
                    ..Access::from(self.registry)
                };
                image::pull(&ctx, name, &access, &Platform::default())?
            }
        };
        let labels = image.config.config.as_ref().and_then(|c| c.labels.as_ref());
        let text = labels
            .and_then(|labels| labels.get(label))
            .with_context(|| format!("cannot find the value of label: {label} in image: {name}"))?;
        let full = image.names.first().unwrap_or(&image.id);
        let called = self.name.clone().unwrap_or_else(|| base(full).to_owned());
        let options = [
            ("OPT1", &self.opt1),
            ("OPT2", &self.opt2),
            ("OPT3", &self.opt3),
        ];
        let mut values = vec![("IMAGE", full.as_str()), ("NAME", &called)];
        // Where they were not given, the shell that is started finds them empty.
        let given = options.iter().filter(|(_, value)| !value.is_empty());
        values.extend(given.map(|(name, value)| (*name, value.as_str())));
        let words = command(text, &values, arguments)?;
        let shown = words.join(" ");
        if self.display {
            println!("command: {shown}");
            return Ok(0);
        }
        if self.replace
            && let Some(name) = name_of(&words)
            && let Ok(old) = find(&ctx, name)
        {
            remove::remove(&ctx, &old, true, None)?;
        }
        let (program, rest) = words.split_first().context("the label is empty")?;
        let program = match program.rsplit('/').next() {
            // The engine that is asked is the one that is meant.
            Some("podman" | "docker" | "rpod") => {
                std::env::current_exe().context("finding rpod's own executable")?
            }
            _ => PathBuf::from(program),
        };
        let status = Command::new(&program)
            .args(rest)
            .env("IMAGE", full)
            .env("NAME", &called)
            .envs(options)
            .status()
            .with_context(|| format!("starting {}", program.display()))?;
        Ok(status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .unwrap_or(125))
    }
}

/// The words of the label with what they stand for, and more arguments behind them.
fn command(text: &str, values: &[(&str, &str)], arguments: &[String]) -> Result<Vec<String>> {
    let directory = std::env::current_dir().context("finding the working directory")?;
    let directory = directory.to_string_lossy();
    let values = [values, &[("PWD", &*directory)]].concat();
    let words = text.split_whitespace().map(|word| {
        let mut word = word.to_owned();
        for &(variable, value) in &values {
            if word == variable {
                word = value.to_owned();
            }
            word = word
                .replace(&format!("${{{variable}}}"), value)
                .replace(&format!("${variable}"), value)
                .replace(&format!("={variable}"), &format!("={value}"));
        }
        word
    });
    Ok(words.chain(arguments.iter().cloned()).collect())
}

/// The last part of a name, without its tag.
fn base(name: &str) -> &str {
    let last = name.rsplit('/').next().unwrap_or(name);
    last.split([':', '@']).next().unwrap_or(last)
}

/// What the command calls its container.
fn name_of(words: &[String]) -> Option<&str> {
    let place = words.iter().position(|word| word.starts_with("--name"))?;
    match words[place].split_once('=') {
        Some((_, name)) => Some(name),
        None => words.get(place + 1).map(String::as_str),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn labels_become_commands() {
        let words = command(
            "podman run --name NAME -e X=IMAGE ${IMAGE} $NAME OPT1",
            &[("IMAGE", "a/b:1"), ("NAME", "b"), ("OPT1", "one")],
            &["more".to_owned()],
        );
        let words = words.unwrap();
        assert_eq!(
            words,
            [
                "podman", "run", "--name", "b", "-e", "X=a/b:1", "a/b:1", "b", "one", "more"
            ]
        );
        assert_eq!((name_of(&words), base("x/y/z:1")), (Some("b"), "z"));
    }
}
