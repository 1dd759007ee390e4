//! `list`: every container below the root.

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::{List, ListFormat};
use crate::container::{Root, State, Status};

/// # Errors
/// The root cannot be read.
pub(super) fn run(root: &Root, options: &List) -> Result<ExitCode> {
    let ids = root.ids()?;
    if options.quiet {
        return super::print(&ids.iter().map(|id| format!("{id}\n")).collect::<String>());
    }
    let mut containers = Vec::with_capacity(ids.len());
    for id in &ids {
        // Deleted in between, or half made: not to be listed.
        let Ok(container) = root.find(id) else {
            continue;
        };
        let Some(state) = container.load()? else {
            continue;
        };
        containers.push((container.status(&state)?, state));
    }
    match options.format {
        ListFormat::Table => super::print(&table(&containers)),
        ListFormat::Json => {
            let states: Vec<_> = containers
                .iter()
                .map(|(status, state)| state.for_people(*status))
                .collect();
            super::print(&if states.is_empty() {
                "null".to_owned()
            } else {
                serde_json::to_string(&states)?
            })
        }
    }
}

/// Columns as wide as their longest cell, three blanks between, at least
/// twelve wide.
fn table(containers: &[(Status, State)]) -> String {
    let header = ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"].map(str::to_owned);
    let rows = containers.iter().map(|(status, state)| {
        let pid = if *status == Status::Stopped {
            0
        } else {
            state.pid
        };
        [
            state.id.clone(),
            pid.to_string(),
            status.name().to_owned(),
            state.bundle.display().to_string(),
            state.created.clone(),
            state.owner_name(),
        ]
    });
    let rows: Vec<[String; 6]> = std::iter::once(header).chain(rows).collect();
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].len() + 3)
            .max()
            .unwrap_or(0)
            .max(12)
    };
    let widths: Vec<usize> = (0..5).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        for (cell, width) in row.iter().zip(&widths) {
            text.push_str(&format!("{cell:<width$}"));
        }
        text.push_str(&row[5]);
        text.push('\n');
    }
    text
}
