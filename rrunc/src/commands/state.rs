//! `state`: the container's state as JSON.

use std::process::ExitCode;

use anyhow::Result;

use crate::container::Root;

/// # Errors
/// There is no such container.
pub(super) fn run(root: &Root, id: &str) -> Result<ExitCode> {
    let container = root.find(id)?;
    let state = container.state()?;
    let status = container.status(&state)?;
    super::print(&(serde_json::to_string_pretty(&state.for_people(status))? + "\n"))
}
