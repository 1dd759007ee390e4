//! What many containers do: most of them do not run, which one look at the directory of all run directories tells.

use std::collections::HashSet;

use anyhow::{Context as _, Result};

use super::status::Status;
use crate::store::record::Records;
use crate::store::{Noun, Store};

#[derive(Debug)]
pub struct Statuses<'a> {
    store: &'a Store,
    with_run_dir: HashSet<String>,
    /// What lies in ROOT of them, if there are any.
    records: Option<Records>,
}

impl Store {
    pub fn statuses(&self) -> Result<Statuses<'_>> {
        let run_ids = self.run_ids(Noun::Container);
        Ok(Statuses {
            store: self,
            with_run_dir: run_ids.context("listing what runs")?.into_iter().collect(),
            records: Records::below(self.all(Noun::Container))?,
        })
    }
}

impl Statuses<'_> {
    /// The same as [`Store::status`].
    pub fn of(&mut self, id: &str) -> Result<Status> {
        if self.with_run_dir.contains(id) {
            let run = self.store.run(Noun::Container, id);
            if let Some(status) = self.store.status_in_run_dir(id, &run)? {
                return Ok(status);
            }
        }
        let last = match &mut self.records {
            Some(records) => records.load_if_there(&format!("{id}/last.json")),
            None => Ok(None),
        };
        self.store.status_at_last(id, last)
    }
}
