//! `list-tags docker://REPOSITORY`, `list-tags docker-archive:PATH`; beyond skopeo, `oci:` and `oci-archive:`, whose names
//! nothing else would tell.

use anyhow::{Context, Result, bail};
use serde::Serialize;

use crate::cli::{Global, ListTags};
use crate::go_json;
use crate::reference::Reference;
use crate::retry::retrying;
use crate::terminal;
use crate::transport;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Tags {
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<String>,
    tags: Vec<String>,
}

pub fn run(global: &Global, args: &ListTags) -> Result<()> {
    let Some((transport, rest)) = args.repository.split_once(':') else {
        bail!(
            "Invalid {:?}: does not specify a transport",
            args.repository
        );
    };
    if !["docker", "docker-archive", "oci", "oci-archive"].contains(&transport) {
        bail!(
            "Unsupported transport '{transport}' for tag listing. Only supported: docker, docker-archive, oci, oci-archive"
        );
    }
    if transport == "docker" && !rest.starts_with("//") {
        bail!(
            "docker: image reference {} does not start with docker://",
            args.repository
        );
    }
    let reference: Reference = args
        .repository
        .parse()
        .with_context(|| format!("Error parsing repository name {:?}", args.repository))?;
    let access = args.access.resolve(global)?;
    let repository = match &reference {
        Reference::Docker(name) => {
            let written = args.repository.trim_start_matches("docker://");
            let tagged = written
                .rsplit('/')
                .next()
                .is_some_and(|last| last.contains([':', '@']));
            if tagged {
                bail!("No tag or digest allowed in reference docker://{written}");
            }
            Some(name.repository())
        }
        _ => None,
    };
    let tags = retrying(&args.retry, || {
        let tags = transport::list_tags(&reference, &access);
        match &reference {
            Reference::Docker(_) => tags.context("Error listing repository tags"),
            _ => tags,
        }
    })?;
    terminal::line(format_args!(
        "{}",
        go_json::indented(&Tags { repository, tags })?
    ))?;
    Ok(())
}
