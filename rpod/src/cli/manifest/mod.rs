//! Commands on manifest lists: podman-manifest(1).

mod add;
mod annotate;
mod create;
mod exists;
mod inspect;
mod push;
mod remove;
mod rm;

use anyhow::{Result, bail};

pub use add::Add;
pub use annotate::Annotate;
pub use create::Create;
pub use exists::Exists;
pub use inspect::Inspect;
pub use push::Push;
pub use remove::Remove;
pub use rm::Rm;

/// `KEY=VALUE` of `--annotation`.
pub fn annotations(texts: &[String]) -> Result<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    for text in texts {
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => pairs.push((key.to_owned(), value.to_owned())),
            _ => bail!("no value given for annotation {text:?}: want KEY=VALUE"),
        }
    }
    Ok(pairs)
}
