//! `rpod network rm`: podman-network-rm(1).

use anyhow::Result;
use clap::Args;

use crate::cli::stop::Patience;
use crate::cli::{ExitStatus, Globals, Verb};
use crate::engine::Context;
use crate::engine::network::{self, Network, NetworkError, remove};
use crate::store::readable::Damaged;

#[derive(Args, Debug)]
pub struct Rm {
    /// Remove any containers using the network
    #[arg(short, long)]
    force: bool,
    #[command(flatten)]
    patience: Patience,
    /// Names or IDs of networks
    #[arg(required = true, value_name = "NETWORK")]
    networks: Vec<String>,
}

impl Verb for Rm {
    const NAME: &'static str = "rm";
    const ALIASES: &'static [&'static str] = &["remove"];
    const ABOUT: &'static str = "Remove networks";

    fn call(self, globals: &Globals) -> Result<u8> {
        self.patience.needs_force(self.force)?;
        let ctx = Context::new(globals)?;
        let timeout = self.patience.seconds();
        let mut code = 0;
        for name in &self.networks {
            let found = match network::find(&ctx, name) {
                Err(error)
                    if self.force
                        && matches!(error.downcast_ref(), Some(NetworkError::NotFound(_))) =>
                {
                    continue;
                }
                // Its name is all that it is known by.
                Err(error) if error.is::<Damaged>() => Ok(Network {
                    name: name.clone(),
                    ..Network::default()
                }),
                found => found,
            };
            match found.and_then(|one| remove::remove(&ctx, &one, self.force, timeout)) {
                Ok(()) => println!("{name}"),
                Err(error) => code = crate::cli::tell(&with_code(error)),
            }
        }
        Ok(code)
    }
}

/// 1 for a network that is not there, 2 for one that is in use.
fn with_code(error: anyhow::Error) -> anyhow::Error {
    let message = format!("{error:#}");
    let code = match error.downcast_ref() {
        Some(NetworkError::NotFound(_)) => 1,
        _ if message.ends_with("network is being used") => 2,
        _ => return error,
    };
    ExitStatus { code, message }.into()
}
