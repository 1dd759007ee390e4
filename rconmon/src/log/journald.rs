//! The journal, by its native protocol (systemd's JOURNAL_NATIVE_PROTOCOL): one
//! datagram an entry, or a sealed memfd where an entry is too large for one.

use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::os::fd::{AsRawFd, OwnedFd};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, UnixAddr, sendmsg, socket,
};

use super::driver::JournalPlan;
use super::entry::{self, ENTRY_MAX};
use crate::report;
use crate::streams::Stream;

const SOCKET: &str = "/run/systemd/journal/socket";

pub(crate) struct Journal {
    socket: OwnedFd,
    address: UnixAddr,
    /// The fields that do not change, encoded.
    fields: Vec<u8>,
    mark_partial: bool,
    /// Lines that have not ended yet, of stdout and stderr.
    unfinished: [Vec<u8>; 2],
    datagram: Vec<u8>,
    lost: u64,
}

impl Journal {
    pub(crate) fn open(plan: &JournalPlan) -> Result<Self> {
        Self::at(plan, SOCKET)
    }

    fn at(plan: &JournalPlan, path: &str) -> Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC;
        let socket = socket(AddressFamily::Unix, SockType::Datagram, flags, None)
            .context("cannot create a socket for the journal")?;
        let mut fields = Vec::new();
        for field in &plan.fields {
            let mut parts = field.splitn(2, |byte| *byte == b'=');
            let name = parts.next().unwrap_or_default();
            encode(&mut fields, name, parts.next().unwrap_or_default());
        }
        Ok(Self {
            socket,
            address: UnixAddr::new(path).context("cannot address the journal")?,
            datagram: Vec::with_capacity(fields.len() + 2 * ENTRY_MAX),
            fields,
            mark_partial: plan.mark_partial,
            unfinished: [Vec::with_capacity(ENTRY_MAX), Vec::with_capacity(ENTRY_MAX)],
            lost: 0,
        })
    }

    /// Whole lines go out; the rest waits for its end, or until it is too long.
    pub(crate) fn write(&mut self, stream: Stream, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(entry) = entry::next(&mut rest) {
            let waiting = self.unfinished[stream as usize].len();
            if entry.partial && waiting + entry.content.len() < ENTRY_MAX {
                self.unfinished[stream as usize].extend_from_slice(entry.content);
            } else {
                self.send(stream, entry.content, entry.partial);
            }
        }
    }

    /// Sends the lines that never ended.
    pub(crate) fn finish(&mut self) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            if !self.unfinished[stream as usize].is_empty() {
                self.send(stream, b"", true);
            }
        }
        if self.lost > 0 {
            report::warn(format_args!(
                "{} entries did not reach the journal",
                self.lost
            ));
        }
    }

    /// One entry: what waits of the stream's line, then `content`.
    fn send(&mut self, stream: Stream, content: &[u8], partial: bool) {
        let mut message = std::mem::take(&mut self.unfinished[stream as usize]);
        message.extend_from_slice(content);
        let (priority, text) = split_priority(&message, stream);

        self.datagram.clear();
        encode(&mut self.datagram, b"MESSAGE", text);
        encode(&mut self.datagram, b"PRIORITY", &[priority]);
        self.datagram.extend_from_slice(&self.fields);
        if partial && self.mark_partial {
            encode(&mut self.datagram, b"CONTAINER_PARTIAL_MESSAGE", b"true");
        }
        if let Err(error) = self.transmit() {
            self.lost += 1;
            report::debug(format_args!("cannot write to the journal: {error}"));
        }
        message.clear();
        self.unfinished[stream as usize] = message;
    }

    fn transmit(&self) -> io::Result<()> {
        loop {
            let parts = [IoSlice::new(&self.datagram)];
            let flags = MsgFlags::MSG_NOSIGNAL;
            match sendmsg(
                self.socket.as_raw_fd(),
                &parts,
                &[],
                flags,
                Some(&self.address),
            ) {
                Ok(_) => return Ok(()),
                Err(Errno::EINTR) => {}
                Err(Errno::EMSGSIZE | Errno::ENOBUFS) => return self.transmit_by_file(),
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    fn transmit_by_file(&self) -> io::Result<()> {
        let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
        let mut file = File::from(memfd_create(c"journal-entry", flags)?);
        file.write_all(&self.datagram)?;
        let seals = SealFlag::F_SEAL_SEAL
            | SealFlag::F_SEAL_SHRINK
            | SealFlag::F_SEAL_GROW
            | SealFlag::F_SEAL_WRITE;
        fcntl(&file, FcntlArg::F_ADD_SEALS(seals))?;
        let fds = [file.as_raw_fd()];
        let rights = [ControlMessage::ScmRights(&fds)];
        let flags = MsgFlags::MSG_NOSIGNAL;
        sendmsg(
            self.socket.as_raw_fd(),
            &[],
            &rights,
            flags,
            Some(&self.address),
        )?;
        Ok(())
    }
}

/// `<N>` at the start of a line names its priority (sd-daemon(3)); otherwise
/// stdout is info and stderr is an error.
fn split_priority(line: &[u8], stream: Stream) -> (u8, &[u8]) {
    match line {
        [b'<', digit @ b'0'..=b'7', b'>', rest @ ..] => (*digit, rest),
        _ if stream == Stream::Stdout => (b'6', line),
        _ => (b'3', line),
    }
}

/// `NAME=value`, or the form with a length where the value has a newline.
fn encode(datagram: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    datagram.extend_from_slice(name);
    if value.contains(&b'\n') {
        datagram.push(b'\n');
        datagram.extend_from_slice(&(value.len() as u64).to_le_bytes());
    } else {
        datagram.push(b'=');
    }
    datagram.extend_from_slice(value);
    datagram.push(b'\n');
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::*;

    fn journal(partial: bool) -> (Journal, UnixDatagram, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let server = UnixDatagram::bind(&path).unwrap();
        server.set_nonblocking(true).unwrap();
        let plan = JournalPlan {
            fields: vec![b"CONTAINER_ID=abc".to_vec()],
            mark_partial: partial,
        };
        (
            Journal::at(&plan, path.to_str().unwrap()).unwrap(),
            server,
            directory,
        )
    }

    fn received(server: &UnixDatagram) -> Vec<u8> {
        let mut buffer = vec![0; 100_000];
        let length = server.recv(&mut buffer).unwrap();
        buffer.truncate(length);
        buffer
    }

    #[test]
    fn a_line_in_two_reads_is_one_entry() {
        let (mut journal, server, _directory) = journal(true);
        journal.write(Stream::Stderr, b"<4>wa");
        assert!(server.recv(&mut [0]).is_err());
        journal.write(Stream::Stderr, b"rn\n");
        let expected = b"MESSAGE\n\x05\0\0\0\0\0\0\0warn\n\nPRIORITY=4\nCONTAINER_ID=abc\n";
        assert_eq!(received(&server), expected);
    }

    #[test]
    fn what_no_datagram_takes_comes_as_a_sealed_file() {
        let (mut journal, server, _directory) = journal(true);
        journal.fields = encoded(b"BIG", &vec![b'x'; 1 << 20]);
        journal.write(Stream::Stdout, b"small\n");
        let mut space = nix::cmsg_space!([i32; 1]);
        let message = nix::sys::socket::recvmsg::<()>(
            server.as_raw_fd(),
            &mut [],
            Some(&mut space),
            MsgFlags::empty(),
        )
        .unwrap();
        let nix::sys::socket::ControlMessageOwned::ScmRights(fds) =
            message.cmsgs().unwrap().next().unwrap()
        else {
            panic!("no descriptor");
        };
        let path = format!("/proc/self/fd/{}", fds[0]);
        let entry = std::fs::read(&path).unwrap();
        assert!(entry.starts_with(b"MESSAGE") && entry.len() > 1 << 20);
        assert!(
            File::options()
                .write(true)
                .open(&path)
                .is_ok_and(|mut file| { file.write_all(b"x").is_err() })
        );
        nix::unistd::close(fds[0]).unwrap();
    }

    fn encoded(name: &[u8], value: &[u8]) -> Vec<u8> {
        let mut field = Vec::new();
        encode(&mut field, name, value);
        field
    }

    #[test]
    fn what_never_ends_is_partial() {
        let (mut journal, server, _directory) = journal(true);
        journal.write(Stream::Stdout, b"$ ");
        journal.finish();
        let entry = received(&server);
        let expected =
            b"MESSAGE=$ \nPRIORITY=6\nCONTAINER_ID=abc\nCONTAINER_PARTIAL_MESSAGE=true\n";
        assert_eq!(entry, expected);
    }
}
