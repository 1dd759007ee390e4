//! `--secret`: podman-run(1).

use anyhow::{Context as _, Result, bail};

use crate::engine::Context;
use crate::engine::secret::{self, attach::Attached};

/// `NAME[,type=mount|env][,target=…][,uid=…][,gid=…][,mode=…]`
pub(super) fn parse(ctx: &Context, text: &str) -> Result<Attached> {
    let (mut source, mut kind, mut target) = (None, None, None);
    let (mut uid, mut gid, mut mode) = (None, None, None);
    for (at, word) in text.split(',').enumerate() {
        let Some((key, value)) = word.split_once('=') else {
            if at == 0 {
                source = Some(word);
                continue;
            }
            bail!("option {word} must be in form option=value: parsing secret");
        };
        let number = |radix| {
            u32::from_str_radix(value, radix)
                .with_context(|| format!("{key} {value} invalid: parsing secret"))
        };
        match key {
            "source" => source = Some(value),
            "type" if kind.is_some() => {
                bail!("cannot set more than one secret type: parsing secret")
            }
            "type" => kind = Some(value),
            "target" => target = Some(value),
            "uid" | "UID" => uid = Some(number(10)?),
            "gid" | "GID" => gid = Some(number(10)?),
            "mode" => mode = Some(number(8)?),
            _ => bail!("option {word} invalid: parsing secret"),
        }
    }
    let source = source
        .filter(|source| !source.is_empty())
        // A word alone is the name of a secret, whatever it looks like.
        .or_else(|| (!text.contains(',')).then_some(text))
        .with_context(|| format!("no source found {text}: parsing secret"))?;
    let kind = kind.unwrap_or("mount");
    if !["env", "mount"].contains(&kind) {
        bail!("type {kind} is invalid: parsing secret");
    }
    let found = secret::find(ctx, source)?;
    let mut attached = Attached {
        id: found.id,
        name: found.name.clone(),
        uid: uid.unwrap_or(0),
        gid: gid.unwrap_or(0),
        mode: mode.unwrap_or(0o444),
        ..Attached::default()
    };
    match kind {
        "env" => {
            if uid.is_some() || gid.is_some() || mode.is_some() {
                bail!("UID, GID, Mode options cannot be set with secret type env: parsing secret");
            }
            attached.variable = Some(target.map_or(found.name, str::to_owned));
        }
        _ => {
            attached.target = match target.unwrap_or(&found.name) {
                path if path.starts_with('/') => path.to_owned(),
                name => format!("/run/secrets/{name}"),
            };
        }
    }
    Ok(attached)
}
