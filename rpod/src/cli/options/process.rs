//! The process inside: what it runs, as whom, and with which environment.

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::CREATE_OPTION;
use crate::bundle::time_zone;
use crate::config::Containers;
use crate::engine::Context;
use crate::engine::container::record::Container;

/// Instead of groups of the container: those that the caller has on the host.
const KEEP_GROUPS: &str = "keep-groups";

/// Variables of the host that say how the world is reached.
const PROXIES: [&str; 8] = [
    "http_proxy",
    "https_proxy",
    "ftp_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "FTP_PROXY",
    "NO_PROXY",
];

#[derive(Args, Debug)]
pub(super) struct ProcessOptions {
    /// Overwrite the default ENTRYPOINT of the image
    #[arg(long, value_name = "COMMAND")]
    entrypoint: Option<String>,
    /// Set environment variables in container
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// Read in a file of environment variables
    #[arg(long, value_name = "FILE")]
    env_file: Vec<std::path::PathBuf>,
    /// Use all current host environment variables in container
    #[arg(long)]
    env_host: bool,
    /// Change an environment variable of the image: NAME=VALUE, with ${OTHER} for its variables
    #[arg(long, value_name = "NAME=VALUE")]
    env_merge: Vec<String>,
    /// Add additional groups to the primary container process
    #[arg(long, value_name = "GROUP", value_delimiter = ',')]
    group_add: Vec<String>,
    /// Pass the host's proxy variables into the container (default true)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    http_proxy: Option<bool>,
    /// Make STDIN available to the contained process
    #[arg(short, long)]
    interactive: bool,
    /// Configure execution domain using personality (LINUX, LINUX32)
    #[arg(long, value_name = "DOMAIN")]
    personality: Option<String>,
    /// Allocate a pseudo-TTY for container
    #[arg(short, long)]
    tty: bool,
    /// Set timezone in container: an area and city, or local for the host's
    #[arg(long, value_name = "TIMEZONE")]
    tz: Option<String>,
    /// Set umask in container
    #[arg(long, value_name = "UMASK")]
    umask: Option<String>,
    /// Unset an environment variable of the image
    #[arg(long, value_name = "NAME")]
    unsetenv: Vec<String>,
    /// Unset all default environment variables, of the image and rpod's own
    #[arg(long)]
    unsetenv_all: bool,
    /// Username or UID (format: <name|uid>[:<group|gid>])
    #[arg(short, long, value_name = "USER")]
    user: Option<String>,
    /// Working directory inside the container
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
}

impl ProcessOptions {
    pub(super) fn is_interactive_terminal(&self) -> bool {
        self.tty && self.interactive
    }

    pub(super) fn apply(
        &self,
        conf: &Containers,
        c: &mut Container,
        command: &[String],
    ) -> Result<()> {
        let process = &mut c.process;
        process.command = command.to_vec();
        process.env.extend(environment(&self.env_file, &self.env)?);
        process.workdir = self.workdir.clone().unwrap_or_default();
        process.workdir_asked = self.workdir.is_some();
        if self
            .workdir
            .as_deref()
            .is_some_and(|dir| !dir.starts_with('/'))
        {
            bail!(
                "the working directory {:?} is invalid, it needs to be an absolute path",
                process.workdir
            );
        }
        process.user = self.user.clone().unwrap_or_default();
        process.groups = self.group_add.clone();
        if process.groups.iter().any(|group| group == KEEP_GROUPS) {
            if process.groups.len() > 1 {
                bail!(
                    "the '--group-add keep-groups' option is not allowed with any other --group-add options"
                );
            }
            process.groups.clear();
            c.annotations
                .insert("run.oci.keep_original_groups".to_owned(), "1".to_owned());
        }
        if let Some(umask) = &self.umask
            && (umask.is_empty()
                || umask.len() > 4
                || !umask.bytes().all(|b| matches!(b, b'0'..=b'7')))
        {
            bail!("{CREATE_OPTION}invalid umask string {umask}: invalid argument");
        }
        process.umask = self.umask.clone().or_else(|| conf.umask.clone());
        process.personality = self.personality.clone();
        process.tty = self.tty;
        process.stdin = self.interactive;
        process.unset_env = self.unsetenv.clone();
        process.unset_all_env = self.unsetenv_all;
        let asked = self.tz.as_ref().filter(|zone| !zone.is_empty());
        if let Some(zone) = asked.or(conf.tz.as_ref()).filter(|zone| !zone.is_empty()) {
            time_zone::of_host(zone).context("running container create option")?;
            c.time_zone.clone_from(zone);
        }
        Ok(())
    }

    /// What the image's environment becomes before that of the command line is added.
    pub(super) fn adapt(&self, ctx: &Context, env: &mut Vec<String>) -> Result<()> {
        let conf = &ctx.config.containers_conf.containers;
        let mut defaults = conf.env.clone().unwrap_or_default();
        if self.http_proxy.or(conf.http_proxy).unwrap_or(true) {
            for name in PROXIES {
                defaults.extend(variables(name)?);
            }
        }
        env.splice(0..0, defaults);
        if self.unsetenv_all {
            env.clear();
        }
        env.retain(|variable| !self.unsetenv.iter().any(|name| *name == name_of(variable)));
        if self.env_host || conf.env_host {
            // A value that is no UTF-8 cannot stand in config.json.
            let host = std::env::vars_os().filter_map(|(key, value)| {
                Some(format!(
                    "{}={}",
                    key.into_string().ok()?,
                    value.into_string().ok()?
                ))
            });
            env.splice(0..0, host);
        }
        for text in &self.env_merge {
            let (name, value) = text
                .split_once('=')
                .with_context(|| format!("missing `=` for --env-merge substitution {text}"))?;
            let merged = format!("{name}={}", expanded(value, env));
            env.retain(|variable| name_of(variable) != name);
            env.push(merged);
        }
        Ok(())
    }

    /// Nothing where the image's is meant.
    pub(super) fn entrypoint(&self) -> Option<Vec<String>> {
        self.entrypoint.as_deref().map(entrypoint)
    }
}

fn name_of(variable: &str) -> &str {
    variable.split('=').next().unwrap_or_default()
}

/// `$NAME` and `${NAME}` replaced by what the environment has; nothing for what it has not.
fn expanded(text: &str, env: &[String]) -> String {
    let value_of = |name: &str| {
        let found = env.iter().rev().find(|variable| name_of(variable) == name);
        found
            .and_then(|variable| variable.split_once('='))
            .map_or("", |(_, value)| value)
    };
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let braced = after
            .strip_prefix('{')
            .and_then(|inner| inner.split_once('}'));
        let end = after
            .find(|c: char| c != '_' && !c.is_ascii_alphanumeric())
            .unwrap_or(after.len());
        rest = match braced {
            Some((name, rest)) => {
                out.push_str(value_of(name));
                rest
            }
            None if end > 0 => {
                out.push_str(value_of(&after[..end]));
                &after[end..]
            }
            // As Go's os.Expand, which podman asks: a brace that is not closed goes with its dollar.
            None if after.starts_with('{') => &after[1..],
            None => {
                out.push('$');
                after
            }
        };
    }
    out + rest
}

/// A JSON list or, as what is none, one word; empty clears the image's.
fn entrypoint(text: &str) -> Vec<String> {
    match serde_json::from_str(text) {
        Ok(words) => words,
        Err(_) if text.is_empty() => Vec::new(),
        Err(_) => vec![text.to_owned()],
    }
}

/// Variables of the files, then of the options.
pub(in crate::cli) fn environment(
    files: &[std::path::PathBuf],
    options: &[String],
) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for path in files {
        let parsing = || format!("parsing file {:?}", path.display().to_string());
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("open {}", path.display()))
            .with_context(parsing)?;
        for line in text.lines().map(str::trim_start) {
            if !line.is_empty() && !line.starts_with('#') {
                all.extend(variables(line).with_context(parsing)?);
            }
        }
    }
    for text in options {
        all.extend(variables(text)?);
    }
    Ok(all)
}

/// `NAME=VALUE`; `NAME` alone takes the caller's value, if there is one, and `NAME*` all that begin so.
fn variables(text: &str) -> Result<Vec<String>> {
    if text.starts_with('=') {
        bail!("invalid variable: {text:?}");
    }
    if text.contains('=') {
        return Ok(vec![text.to_owned()]);
    }
    let Some(start) = text.strip_suffix('*') else {
        let value = std::env::var(text).ok();
        let variable = value.map(|value| format!("{text}={value}"));
        return Ok(variable.into_iter().collect());
    };
    let all = std::env::vars_os().filter_map(|(name, value)| {
        let (name, value) = (name.into_string().ok()?, value.into_string().ok()?);
        name.starts_with(start).then(|| format!("{name}={value}"))
    });
    Ok(all.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_expanded() {
        let env = ["A=1".to_owned(), "B=two".to_owned()];
        for (text, expected) in [
            ("${A}-$B", "1-two"),
            ("$", "$"),
            ("x$NONE.y", "x.y"),
            ("${A", "A"),
            ("plain", "plain"),
        ] {
            assert_eq!(expanded(text, &env), expected, "{text}");
        }
    }
}
