//! Pipes into which a thread each writes what the client asked for.

use std::collections::HashMap;
use std::io::{self, Cursor, PipeWriter, Read, Write};
use std::os::fd::AsRawFd;
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, anyhow};
use serde::Serialize;
use serde_json::Value;

use super::socket::Answer;
use super::{code, json};
use crate::fatal;
use crate::manifest::Descriptor;
use crate::transport::BlobStream;

/// Pipes whose end the client has to ask for, by the number of their descriptor here.
#[derive(Default)]
pub struct Pipes(HashMap<u64, JoinHandle<Written>>);

/// The pipe ends when this is dropped, and not before.
type Written = (PipeWriter, Result<()>);

/// What is told of a raw blob that failed.
#[derive(Serialize)]
struct Failure {
    code: &'static str,
    message: String,
}

impl Pipes {
    pub fn bytes(&mut self, value: Value, bytes: Vec<u8>) -> Result<Answer> {
        self.copy(value, Cursor::new(bytes))
    }

    /// Bytes that must be those of the blob that is wanted; `told` is how many there are.
    pub fn verified(
        &mut self,
        told: u64,
        reader: Box<dyn Read + Send>,
        wanted: &Descriptor,
    ) -> Result<Answer> {
        self.copy(told.into(), BlobStream::verified(reader, wanted))
    }

    fn copy(&mut self, value: Value, mut reader: impl Read + Send + 'static) -> Result<Answer> {
        let (ours, mut theirs) = io::pipe().context("making a pipe")?;
        let id = theirs.as_raw_fd();
        let thread = thread::Builder::new()
            .spawn(move || {
                let copied = io::copy(&mut reader, &mut theirs);
                (theirs, copied.map(drop).map_err(Into::into))
            })
            .context("starting a thread for a pipe")?;
        let id = u32::try_from(id)?;
        self.0.insert(id.into(), thread);
        Ok(Answer {
            value,
            pipe_id: id,
            descriptors: vec![ours.into()],
            ..Answer::default()
        })
    }

    /// Waits until all is written, and ends the pipe.
    pub fn finish(&mut self, id: u64) -> Result<()> {
        let thread = self.0.remove(&id);
        let thread = thread.with_context(|| format!("finishpipe: no active pipe {id}"))?;
        let (writer, result) = thread
            .join()
            .map_err(|_| anyhow!("the pipe's thread has died"))?;
        drop(writer);
        result
    }
}

/// Bytes that the client verifies, and a second pipe for what went wrong. Both end by themselves.
pub fn raw(mut reader: Box<dyn Read + Send>, size: u64) -> Result<Answer> {
    let (data, mut data_end) = io::pipe().context("making a pipe")?;
    let (errors, mut errors_end) = io::pipe().context("making a pipe")?;
    thread::Builder::new()
        .spawn(move || {
            let Err(error) = io::copy(&mut reader, &mut data_end) else {
                return;
            };
            let error = anyhow::Error::from(error);
            let failure = Failure {
                code: code(&error),
                message: fatal::with_go_causes(&format!("{error:#}")),
            };
            // A client that is gone does not want to know.
            json(&failure)
                .and_then(|text| Ok(errors_end.write_all(&text)?))
                .ok();
        })
        .context("starting a thread for a pipe")?;
    Ok(Answer {
        value: size.into(),
        descriptors: vec![data.into(), errors.into()],
        ..Answer::default()
    })
}
