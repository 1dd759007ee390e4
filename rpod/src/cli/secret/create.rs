//! `rpod secret create`: podman-secret-create(1).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::cli::options::{labels, pairs};
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::secret::{self, Existing, Secret};

#[derive(Args, Debug)]
pub struct Create {
    /// Where the secret is kept: file (the default) or shell
    #[arg(short, long, value_name = "DRIVER")]
    driver: Option<String>,
    /// Options of the driver
    #[arg(long, value_name = "KEY=VALUE", value_delimiter = ',')]
    driver_opts: Vec<String>,
    /// Read the secret from the environment variable that the last argument names
    #[arg(long)]
    env: bool,
    /// Leave a secret of the same name as it is
    #[arg(long)]
    ignore: bool,
    /// Set metadata of the secret
    #[arg(short, long, value_name = "KEY=VALUE")]
    label: Vec<String>,
    /// Replace a secret of the same name
    #[arg(long)]
    replace: bool,
    /// Name of the new secret
    #[arg(value_name = "NAME")]
    name: String,
    /// File of the secret; - reads standard input
    #[arg(value_name = "FILE|-")]
    source: String,
}

impl Verb for Create {
    const NAME: &'static str = "create";
    const ABOUT: &'static str = "Create a new secret";

    fn call(self, globals: &Globals) -> Result<u8> {
        let existing = match (self.ignore, self.replace) {
            (true, true) => bail!("cannot use --ignore and --replace flags together"),
            (true, _) => Existing::Keep,
            (_, true) => Existing::Replace,
            _ => Existing::Refuse,
        };
        let ctx = Context::new(globals)?;
        let configured = &ctx.config.containers_conf.secrets;
        let driver = self.driver.clone().or_else(|| configured.driver.clone());
        let mut driver_options: BTreeMap<String, String> = pairs(&self.driver_opts).collect();
        if driver_options.is_empty() {
            driver_options.clone_from(&configured.opts);
        }
        let data = self.data()?;
        let secret = Secret {
            name: self.name.clone(),
            driver: driver.unwrap_or_else(|| "file".to_owned()),
            driver_options,
            labels: labels(&[], &self.label)?,
            ..Secret::default()
        };
        println!("{}", secret::create(&ctx, secret, &data, existing)?);
        Ok(0)
    }
}

impl Create {
    fn data(&self) -> Result<Vec<u8>> {
        if self.env {
            let value = std::env::var_os(&self.source).filter(|value| !value.is_empty());
            let value = value.with_context(|| {
                format!(
                    "cannot create store secret data: environment variable {} is not set",
                    self.source
                )
            })?;
            return Ok(value.into_encoded_bytes());
        }
        let mut data = Vec::new();
        // One byte more than may be tells that it is too large.
        let limit = 512_000;
        let read = match self.source.as_str() {
            "-" | "/dev/stdin" => std::io::stdin().take(limit).read_to_end(&mut data),
            path => {
                let file = File::open(path).with_context(|| format!("open {path}"))?;
                file.take(limit).read_to_end(&mut data)
            }
        };
        read.with_context(|| format!("reading {}", self.source))?;
        Ok(data)
    }
}
