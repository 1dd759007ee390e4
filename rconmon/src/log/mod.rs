//! The container's log: which drivers, and what goes to them.

mod driver;
mod entry;
mod journald;
mod k8s_file;
mod timestamp;

use anyhow::Result;

pub(crate) use driver::Plan;

use crate::streams::Stream;
use journald::Journal;
use k8s_file::K8sFile;

/// The open logs of one container.
pub(crate) struct Logs {
    file: Option<K8sFile>,
    journal: Option<Journal>,
}

impl Logs {
    pub(crate) fn open(plan: &Plan) -> Result<Self> {
        let file = plan.file.as_ref().map(K8sFile::open).transpose()?;
        let journal = plan.journal.as_ref().map(Journal::open).transpose()?;
        Ok(Self { file, journal })
    }

    /// Logs what was read from one stream. A log that cannot be written does
    /// not stop the container: see each driver for what it does instead.
    pub(crate) fn write(&mut self, stream: Stream, bytes: &[u8]) {
        if let Some(file) = &mut self.file {
            file.write(stream, bytes);
        }
        if let Some(journal) = &mut self.journal {
            journal.write(stream, bytes);
        }
    }

    /// Opens the file anew, or rotates it: the `2 0 0` of the control fifo.
    pub(crate) fn reopen(&mut self) {
        if let Some(file) = &mut self.file {
            file.turn_over();
        }
    }

    /// Gives memory back until the next write.
    pub(crate) fn release(&mut self) {
        if let Some(file) = &mut self.file {
            file.release();
        }
    }

    /// At the end: unfinished lines go out, and the file to the disk.
    pub(crate) fn finish(&mut self, sync: bool) {
        if let Some(journal) = &mut self.journal {
            journal.finish();
        }
        if let Some(file) = self.file.as_mut().filter(|_| sync) {
            file.sync();
        }
    }
}
