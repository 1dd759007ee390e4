//! HTTP over a socket in the file system.

use std::fmt;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
};

/// Connects to one socket, whatever host the URL names. Nobody's patience ends: a daemon may work for minutes before it answers.
#[derive(Debug)]
pub struct UnixConnector(PathBuf);

impl UnixConnector {
    pub fn to(path: &Path) -> Self {
        Self(path.to_owned())
    }
}

impl Connector<()> for UnixConnector {
    type Out = Socket;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _chained: Option<()>,
    ) -> Result<Option<Socket>, Error> {
        let stream = UnixStream::connect(&self.0).map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", self.0.display()))
        })?;
        let config = details.config;
        Ok(Some(Socket {
            stream,
            buffers: LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size()),
        }))
    }
}

pub struct Socket {
    stream: UnixStream,
    buffers: LazyBuffers,
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stream.fmt(f)
    }
}

impl Transport for Socket {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _timeout: NextTimeout) -> Result<(), Error> {
        let output = &self.buffers.output()[..amount];
        Ok(self.stream.write_all(output)?)
    }

    fn await_input(&mut self, _timeout: NextTimeout) -> Result<bool, Error> {
        let amount = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    /// One connection serves one request: a local one costs nothing.
    fn is_open(&mut self) -> bool {
        false
    }
}
