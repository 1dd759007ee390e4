//! Where the container's output is kept: podman-run(1), "--log-driver".

use std::io::IsTerminal as _;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::CREATE_OPTION;
use crate::engine::Context;
use crate::engine::container::log_marks::parse_label;
use crate::engine::container::record::Container;
use crate::output::parse_decimal_size;

const JOURNALD: &str = "journald";

const DRIVERS: [&str; 6] = [
    "k8s-file",
    "json-file",
    JOURNALD,
    "none",
    "passthrough",
    "passthrough-tty",
];

#[derive(Args, Debug)]
pub(super) struct LogOptions {
    /// Logging driver for the container (journald, k8s-file, passthrough, passthrough-tty, none)
    #[arg(long, value_name = "DRIVER")]
    log_driver: Option<String>,
    /// Logging driver options (max-size=SIZE, path=FILE, tag=TAG, label=KEY=VALUE)
    #[arg(long, value_name = "NAME=VALUE")]
    log_opt: Vec<String>,
}

impl LogOptions {
    pub(super) fn apply(&self, ctx: &Context, c: &mut Container) -> Result<()> {
        let driver = self.log_driver.as_deref().filter(|name| !name.is_empty());
        c.log_driver = driver.unwrap_or_else(|| ctx.log_driver()).to_owned();
        let conf = &ctx.config.containers_conf.containers;
        c.log_size_max = conf.log_size_max.filter(|size| *size > 0);
        let mut tag = None;
        for option in &self.log_opt {
            let (key, value) = option
                .split_once('=')
                .with_context(|| format!("invalid log option {option:?}"))?;
            match key.to_ascii_lowercase().as_str() {
                "driver" => c.log_driver = value.to_owned(),
                "max-size" => c.log_size_max = Some(size(value)?),
                "path" => {
                    c.log_file = Some(std::path::absolute(value).context("--log-opt path")?);
                }
                "tag" => tag = Some(value),
                "label" => {
                    let (key, value) = parse_label(option, value)?;
                    c.log_labels.insert(key, value);
                }
                _ => bail!(
                    "invalid log option {option:?}: max-size=SIZE, path=FILE, tag=TAG and label=KEY=VALUE are known"
                ),
            }
        }
        check(&c.log_driver)?;
        if c.log_file.is_none() && matches!(c.log_driver.as_str(), "k8s-file" | "json-file") {
            c.log_file.clone_from(&conf.log_path);
        }
        match tag {
            _ if c.log_driver == JOURNALD => {
                c.log_tag = tag.map(str::to_owned).or_else(|| conf.log_tag.clone());
            }
            Some(_) => {
                bail!("--log-opt tag: only journald's entries have tags: say --log-driver journald")
            }
            None => {}
        }
        if c.log_driver != JOURNALD && !c.log_labels.is_empty() {
            bail!(
                "log labels can only be used with journald log driver: say --log-driver journald"
            );
        }
        Ok(())
    }
}

fn size(text: &str) -> Result<i64> {
    let size = parse_decimal_size(text).and_then(|bytes| i64::try_from(bytes).ok());
    size.with_context(|| format!("invalid size: '{text}'"))
}

fn check(driver: &str) -> Result<()> {
    if !DRIVERS.contains(&driver) {
        bail!(
            "{CREATE_OPTION}invalid log driver: invalid argument: {driver:?} is none of {}",
            DRIVERS.join(", ")
        );
    }
    // Whoever has a terminal can type at it for its owner, and so has to be meant to.
    if driver == "passthrough" && has_terminal() {
        bail!(
            "the '--log-driver passthrough' option cannot be used on a TTY.  If you really want it, use '--log-driver passthrough-tty'"
        );
    }
    Ok(())
}

fn has_terminal() -> bool {
    std::io::stdin().is_terminal()
        || std::io::stdout().is_terminal()
        || std::io::stderr().is_terminal()
}
