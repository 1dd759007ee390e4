//! `rpod port`: podman-port(1).

use anyhow::{Result, bail};
use clap::Args;

use super::selection::Selection;
use super::{Globals, Verb};
use crate::engine::Context;
use crate::engine::network::port;
use crate::output::parse_number;

#[derive(Args, Debug)]
pub struct Port {
    /// Display port information for all running containers
    #[arg(short, long)]
    all: bool,
    /// Act on the latest container
    #[arg(short, long)]
    latest: bool,
    /// CONTAINER [PORT[/PROTOCOL]]
    #[arg(value_name = "CONTAINER [PORT[/PROTOCOL]]")]
    words: Vec<String>,
}

impl Verb for Port {
    const NAME: &'static str = "port";
    const ABOUT: &'static str = "List port mappings or a specific mapping for the container";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let (names, port) = match (&self.words[..], self.all || self.latest) {
            ([], true) => (Vec::new(), None),
            ([port], true) if self.latest => (Vec::new(), Some(port)),
            ([name], false) => (vec![name.clone()], None),
            ([name, port], false) => (vec![name.clone()], Some(port)),
            ([], false) => bail!("you must supply a running container name or id"),
            _ if self.words.len() > 2 => bail!("`port` accepts at most 2 arguments"),
            _ if self.all => bail!("no arguments are needed with --all"),
            _ => bail!("--latest and containers cannot be used together"),
        };
        let wanted = port.map(|port| wanted(port)).transpose()?;
        let selection = Selection {
            running: self.all,
            all: self.all,
            latest: self.latest,
            names,
            ..Selection::default()
        };
        for chosen in selection.choose(&ctx)? {
            let mut found = false;
            let prefix = match self.all {
                true => format!("{}\t", crate::store::id::short(&chosen.container.id)),
                false => String::new(),
            };
            for mapping in port::of(&ctx, &chosen.container)? {
                for (port, ip, host_port) in mapping.each() {
                    let ip = port::shown_ip(ip);
                    match &wanted {
                        None => println!("{prefix}{port} -> {ip}:{host_port}"),
                        Some(wanted) if *wanted == port => {
                            found = true;
                            println!("{ip}:{host_port}");
                        }
                        Some(_) => {}
                    }
                }
            }
            if let (Some(wanted), false) = (&wanted, found) {
                bail!("failed to find published port {wanted:?}");
            }
        }
        Ok(0)
    }
}

/// `80/tcp`
fn wanted(port: &str) -> Result<String> {
    let (number, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
    if protocol.contains('/') {
        bail!("port formats are port/protocol. '{port}' is invalid");
    }
    let number: u16 = parse_number("ParseUint", number)?;
    Ok(format!("{number}/{protocol}"))
}
