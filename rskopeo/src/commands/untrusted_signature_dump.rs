//! `untrusted-signature-dump-without-verification SIGNATURE`: what a signature says, whoever made it.

use anyhow::{Context, Result};
use serde::Serialize;

use super::read;
use crate::cli::UntrustedSignatureDump;
use crate::digest::Digest;
use crate::go_json;
use crate::signature::{Claims, Gpg, Kind};
use crate::terminal;

/// In skopeo's order.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Dump {
    untrusted_docker_manifest_digest: Digest,
    untrusted_docker_reference: String,
    #[serde(rename = "UntrustedCreatorID")]
    untrusted_creator_id: Option<String>,
    untrusted_timestamp: Option<String>,
    untrusted_short_key_identifier: String,
}

pub fn run(args: &UntrustedSignatureDump) -> Result<()> {
    let signature = read("untrusted signature from ", &args.signature)?;
    let what = "Error decoding untrusted signature";
    let (content, key) = Gpg::of_nobody()
        .context(what)?
        .unverified(&signature)
        .context(what)?;
    let claims = Claims::from_json(Kind::Simple, &content).context(what)?;
    let time = claims
        .timestamp
        .map(jiff::Timestamp::from_second)
        .transpose();
    let dump = Dump {
        untrusted_docker_manifest_digest: claims.digest,
        untrusted_docker_reference: claims.reference,
        untrusted_creator_id: claims.creator,
        untrusted_timestamp: time.context(what)?.map(|time| time.to_string()),
        untrusted_short_key_identifier: key,
    };
    terminal::line(format_args!("{}", go_json::indented(&dump)?))?;
    Ok(())
}
