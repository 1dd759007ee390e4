//! Which accounts the container has besides its image's.

use anyhow::Result;
use clap::Args;

use crate::cli::ExitStatus;
use crate::engine::container::record::{Accounts, Container};
use crate::users;

#[derive(Args, Debug)]
pub(super) struct AccountOptions {
    /// Entry to write to /etc/group
    #[arg(long, value_name = "ENTRY")]
    group_entry: Option<String>,
    /// Host user account to add to /etc/passwd within container
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    hostuser: Vec<String>,
    /// Entry to write to /etc/passwd
    #[arg(long, value_name = "ENTRY")]
    passwd_entry: Option<String>,
}

impl AccountOptions {
    pub(super) fn apply(&self, c: &mut Container) -> Result<()> {
        for name in &self.hostuser {
            if users::by_name_or_id(name)?.is_none() {
                // As if the container could not be started, which is when podman finds out.
                let message =
                    format!("--hostuser {name}: user: unknown user {name}: see getent passwd");
                return Err(ExitStatus { code: 126, message }.into());
            }
        }
        c.accounts = Accounts {
            added: c.accounts.added,
            passwd_entry: self.passwd_entry.clone(),
            group_entry: self.group_entry.clone(),
            host_users: self.hostuser.clone(),
        };
        Ok(())
    }
}
