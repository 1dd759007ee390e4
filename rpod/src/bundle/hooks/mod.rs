//! Hooks that the host's administrator adds to containers: oci-hooks(5).
//!
//! Each `NAME.json` of a hooks directory describes one; of two files of one name that of the later directory counts. Those that
//! match the container go into `config.json`, in the order of their files' names. A `precreate` hook is not the runtime's: it is
//! started here, reads `config.json` and answers with the one that counts.

mod precreate;
mod schema;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::engine::Context;
use crate::engine::container::record::Container;
use crate::store::directory::entries;
use schema::{Description, Stage};

const DEFAULT: [&str; 2] = [
    "/usr/share/containers/oci/hooks.d",
    "/etc/containers/oci/hooks.d",
];

/// What a hook's conditions are about.
struct Subject<'a> {
    annotations: &'a Value,
    command: &'a str,
    has_bind_mounts: bool,
}

/// Adds to `config.json` the hooks that match, and lets `precreate` hooks change it.
pub(super) fn inject(ctx: &Context, container: &Container, config: &mut Value) -> Result<()> {
    let descriptions = load(ctx)?;
    if descriptions.is_empty() {
        return Ok(());
    }
    let annotations = config["annotations"].clone();
    let command = config["process"]["args"][0]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let subject = Subject {
        annotations: &annotations,
        command: &command,
        has_bind_mounts: container.mounts.iter().any(|mount| mount.kind == "bind"),
    };
    let matching: Vec<&Description> = descriptions
        .iter()
        .filter(|description| description.matches(&subject))
        .collect();
    for description in &matching {
        for stage in description.stages.iter().filter_map(Stage::of_runtime) {
            let hooks = &mut config["hooks"][stage];
            match hooks.as_array_mut() {
                Some(hooks) => hooks.push(description.hook.as_json()),
                None => *hooks = json!([description.hook.as_json()]),
            }
        }
    }
    let before = matching
        .into_iter()
        .filter(|description| description.stages.contains(&Stage::Precreate));
    for description in before {
        let hook = &description.hook;
        *config = precreate::run(hook, config)
            .with_context(|| format!("executing precreate hook {}", hook.path.display()))?;
    }
    Ok(())
}

fn load(ctx: &Context) -> Result<Vec<Description>> {
    let given = Some(&ctx.globals.hooks_dir).filter(|given| !given.is_empty());
    let configured = ctx.config.containers_conf.engine.hooks_dir.as_ref();
    let directories = match given.or(configured) {
        Some(directories) => directories.clone(),
        None => DEFAULT.map(PathBuf::from).to_vec(),
    };
    let mut files = BTreeMap::new();
    for directory in &directories {
        for path in entries(directory)? {
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
                && let Some(name) = path.file_name()
            {
                files.insert(name.to_owned(), path);
            }
        }
    }
    let read = |path: PathBuf| {
        Description::read(&path).with_context(|| format!("parsing hook {}", path.display()))
    };
    files.into_values().map(read).collect()
}
