//! `search REGISTRY [TERM]`: which repositories a registry has, as JSON.

use anyhow::Result;

use crate::cli::{Global, Search};
use crate::go_json;
use crate::retry::retrying;
use crate::terminal;
use crate::transport;

pub fn run(global: &Global, args: &Search) -> Result<()> {
    let access = args.access.resolve(global)?;
    let found = retrying(&args.retry, || {
        transport::search(&args.registry, &args.term, args.limit, &access)
    })?;
    terminal::line(format_args!("{}", go_json::indented(&found)?))?;
    Ok(())
}
