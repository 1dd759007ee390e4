//! That a container was checkpointed or restored: `checkpoint.json` in its directory, which the next plain start removes.

use std::path::Path;

use anyhow::Result;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::forget;
use crate::store::record::{self, Durability};

const NAME: &str = "checkpoint.json";

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    pub checkpointed: Option<Timestamp>,
    pub restored: Option<Timestamp>,
    /// criu's log is kept.
    pub log: bool,
}

/// What is known of it; nothing for most containers.
pub fn of(home: &Path) -> Result<State> {
    Ok(record::load_if_there(&home.join(NAME))?.unwrap_or_default())
}

pub(super) fn note_checkpoint(home: &Path, log: bool) -> Result<()> {
    let state = State {
        checkpointed: Some(Timestamp::now()),
        restored: None,
        log,
    };
    record::save(&home.join(NAME), &state, Durability::Disk)
}

pub(super) fn note_restore(home: &Path, log: bool) -> Result<()> {
    let state = State {
        checkpointed: None,
        restored: Some(Timestamp::now()),
        log,
    };
    record::save(&home.join(NAME), &state, Durability::Disk)
}

/// It is started from its beginning.
pub fn clear(home: &Path) -> Result<()> {
    forget(home, &[NAME])
}
