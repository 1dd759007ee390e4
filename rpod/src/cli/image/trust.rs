//! podman-image-trust(1)

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use crate::cli::{Globals, Verb};
use crate::engine::image::trust::{self, Trust};
use crate::output;
use crate::rootless::Needs;

#[derive(Args, Debug)]
pub struct Set {
    /// Path of an exported public key; as often as there are keys that have to have signed
    #[arg(short = 'f', long, value_name = "KEY")]
    pubkeysfile: Vec<PathBuf>,
    /// Path of the policy file that is changed
    #[arg(long, alias = "policypath", value_name = "PATH")]
    signature_policy: Option<PathBuf>,
    /// What is asked for
    #[arg(
        short = 't',
        long = "type",
        value_name = "TYPE",
        default_value = "signedBy"
    )]
    kind: String,
    /// A registry, a repository, or default
    #[arg(value_name = "REGISTRY[/REPOSITORY]")]
    scope: String,
}

impl Verb for Set {
    const NAME: &'static str = "set";
    const ABOUT: &'static str = "Set default trust policy or a new trust policy for a registry";
    const NEEDS: Needs = Needs::Nothing;

    fn call(self, _: &Globals) -> Result<u8> {
        let keys = self.pubkeysfile;
        let trust = match self.kind.as_str() {
            "accept" | "insecureAcceptAnything" | "reject" if !keys.is_empty() => {
                bail!("--pubkeysfile: nothing is signed where everything is accepted or rejected")
            }
            "signedBy" | "sigstoreSigned" if keys.is_empty() => {
                bail!(
                    "at least one public key must be defined for type '{}': name it with --pubkeysfile",
                    self.kind
                )
            }
            "accept" | "insecureAcceptAnything" => Trust::Accept,
            "reject" => Trust::Reject,
            "signedBy" => Trust::SignedBy(keys),
            "sigstoreSigned" => Trust::SigstoreSigned(keys),
            other => bail!(
                "invalid choice: {other} (choose from 'accept', 'reject', 'signedBy', 'sigstoreSigned')"
            ),
        };
        let is_scope = |c: char| c.is_ascii_alphanumeric() || "._-:/*@[]".contains(c);
        if self.scope.is_empty() || !self.scope.chars().all(is_scope) {
            bail!(
                "invalid registry uri {:?}: write HOST[:PORT][/REPOSITORY]",
                self.scope
            );
        }
        trust::set(
            &trust::policy_path(self.signature_policy),
            &self.scope,
            &trust,
        )?;
        Ok(0)
    }
}

#[derive(Args, Debug)]
pub struct Show {
    /// Output as JSON
    #[arg(short, long)]
    json: bool,
    /// Do not print column headings
    #[arg(short, long)]
    noheading: bool,
    /// Output the policy file as it is
    #[arg(long)]
    raw: bool,
    /// Directory of the registries' configuration
    #[arg(long, value_name = "DIR", hide = true)]
    registrypath: Option<PathBuf>,
    /// Path of the policy file that is shown
    #[arg(long, alias = "policypath", value_name = "PATH")]
    signature_policy: Option<PathBuf>,
    /// A registry: as by podman, all of the policy is shown in any case
    #[arg(value_name = "REGISTRY")]
    registry: Option<String>,
}

impl Verb for Show {
    const NAME: &'static str = "show";
    const ABOUT: &'static str = "Display trust policy for the system";
    const NEEDS: Needs = Needs::Nothing;

    fn call(self, _: &Globals) -> Result<u8> {
        let Show { registry: _, .. } = self;
        let policy = trust::read(&trust::policy_path(self.signature_policy))?;
        if self.raw {
            println!("{}", output::pretty(&policy, 4));
            return Ok(0);
        }
        let rows = trust::rows(&policy, self.registrypath.as_deref())?;
        if self.json {
            println!("{}", output::pretty(&serde_json::to_value(&rows)?, 2));
            return Ok(0);
        }
        let mut text = String::new();
        if !self.noheading {
            text.push_str("TRANSPORT\tNAME\tTYPE\tID\tSTORE\n");
        }
        for row in rows {
            let cells = [
                row.transport,
                row.repo_name,
                row.kind,
                row.gpg_id,
                row.sigstore,
            ];
            text.push_str(&(cells.join("\t") + "\n"));
        }
        print!("{}", output::align(&text));
        Ok(0)
    }
}
