//! The attach socket.

use std::fs;
use std::io::IoSlice;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, Shutdown, SockFlag, SockType, UnixAddr, connect, recv, sendmsg,
    shutdown, socket,
};
use tests::{Result, bail, ensure};

use crate::case::{Case, LIMIT, Watched};

/// One of those who watch.
pub(crate) struct Client(OwnedFd);

impl Client {
    pub(crate) fn connect(path: &Path) -> Result<Client> {
        let socket = socket(
            AddressFamily::Unix,
            SockType::SeqPacket,
            SockFlag::SOCK_CLOEXEC,
            None,
        )?;
        connect(socket.as_raw_fd(), &UnixAddr::new(path)?)?;
        Ok(Client(socket))
    }

    pub(crate) fn write(&self, bytes: &[u8]) -> Result<()> {
        sendmsg::<()>(
            self.0.as_raw_fd(),
            &[IoSlice::new(bytes)],
            &[],
            MsgFlags::MSG_NOSIGNAL,
            None,
        )?;
        Ok(())
    }

    pub(crate) fn end_input(&self) -> Result<()> {
        Ok(shutdown(self.0.as_raw_fd(), Shutdown::Write)?)
    }

    /// The next message: stream and text; None at the end.
    pub(crate) fn message(&self) -> Result<Option<(u8, Vec<u8>)>> {
        let mut fds = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        if poll(&mut fds, PollTimeout::try_from(LIMIT)?)? == 0 {
            bail!("no message within {LIMIT:?}");
        }
        // One byte, and as much as clients have room for.
        let mut buffer = [0; 8193];
        match recv(self.0.as_raw_fd(), &mut buffer, MsgFlags::MSG_TRUNC)? {
            0 => Ok(None),
            length if length > buffer.len() => bail!("a message of {length} bytes"),
            length => Ok(Some((buffer[0], buffer[1..length].to_vec()))),
        }
    }

    /// Waits for this text on one stream, however it is cut.
    pub(crate) fn expect(&self, stream: u8, text: &[u8]) -> Result<()> {
        let mut seen = Vec::new();
        while seen.len() < text.len() {
            match self.message()? {
                Some((from, part)) if from == stream => seen.extend(part),
                other => bail!("{other:?} after {:?}", String::from_utf8_lossy(&seen)),
            }
        }
        ensure!(
            seen == text,
            "{:?} in place of {:?}",
            String::from_utf8_lossy(&seen),
            String::from_utf8_lossy(text)
        );
        Ok(())
    }
}

impl Watched<'_> {
    pub(crate) fn client(&self, case: &Case) -> Result<Client> {
        Client::connect(&case.path("sockets").join(case.cid()).join("attach"))
    }
}

pub(crate) fn every_client_gets_marked_messages(case: &Case) -> Result<()> {
    let mut watched = case
        .container("echo out; read line; echo err >&2; read line; exit")
        .with("-i")
        .created_only()
        .begin()?;
    watched.container()?;
    let clients = [
        watched.client(case)?,
        watched.client(case)?,
        watched.client(case)?,
    ];
    // A connection may still wait to be accepted.
    let input = &clients[0];
    watched.start()?;
    for client in &clients {
        client.expect(2, b"out\n")?;
    }
    let late = watched.client(case)?;
    input.write(b"go\n")?;
    for client in &clients {
        client.expect(3, b"err\n")?;
    }
    input.write(b"go\n")?;
    watched.end()?;
    for client in clients.iter().chain([&late]) {
        while let Some((stream, text)) = client.message()? {
            ensure!((stream, &text[..]) == (3, b"err\n"), "{stream} {text:?}");
        }
    }
    Ok(())
}

pub(crate) fn what_a_client_writes_is_read(case: &Case) -> Result<()> {
    let mut watched = case
        .container("head -c 300000 | md5sum; exit 6")
        .with("-i")
        .begin()?;
    watched.container()?;
    let client = watched.client(case)?;
    let text: Vec<u8> = (0..300_000u32).map(|n| (n % 251) as u8).collect();
    for part in text.chunks(30_000) {
        client.write(part)?;
    }
    let sum = tests::Cmd::new("md5sum").stdin(text).ok()?;
    client.expect(2, sum.stdout.as_bytes())?;
    let code = watched.code()?;
    ensure!(code == "6", "{code}");
    watched.end()
}

pub(crate) fn the_end_of_a_client_ends_input(case: &Case) -> Result<()> {
    let mut watched = case.container("cat; echo over").with("-i").begin()?;
    watched.container()?;
    let client = watched.client(case)?;
    client.write(b"text without end")?;
    client.end_input()?;
    client.expect(2, b"text without endover\n")?;
    watched.end()
}

pub(crate) fn input_stays_open_where_asked(case: &Case) -> Result<()> {
    let mut watched = case
        .container("read one; echo $one; read two; echo $two")
        .with("-i --leave-stdin-open")
        .begin()?;
    watched.container()?;
    let first = watched.client(case)?;
    first.write(b"first\n")?;
    first.expect(2, b"first\n")?;
    first.end_input()?;
    drop(first);
    let second = watched.client(case)?;
    second.write(b"second\n")?;
    second.expect(2, b"second\n")?;
    watched.end()
}

pub(crate) fn a_client_that_goes_stops_nobody(case: &Case) -> Result<()> {
    let mut watched = case
        .container("for n in 1 2 3 4 5 6 7 8 9; do echo $n; sleep 0.02; done; exit 8")
        .created_only()
        .begin()?;
    watched.container()?;
    let stays = watched.client(case)?;
    let goes = watched.client(case)?;
    watched.start()?;
    goes.message()?;
    drop(goes);
    stays.expect(2, b"1\n2\n3\n4\n5\n6\n7\n8\n9\n")?;
    let code = watched.code()?;
    ensure!(code == "8", "{code}");
    watched.end()
}

pub(crate) fn long_paths_are_reached_through_a_link(case: &Case) -> Result<()> {
    let long = case.path("bundle").join("long-name/".repeat(15));
    fs::create_dir_all(&long)?;
    let mut watched = case
        .container("echo said")
        .without("-b")
        .arg("-b")
        .arg(&long)
        .created_only()
        .begin()?;
    watched.container()?;
    let link = case.path("sockets").join(case.cid());
    ensure!(fs::read_link(&link)? == long, "the link points elsewhere");
    let client = watched.client(case)?;
    watched.start()?;
    client.expect(2, b"said\n")?;
    watched.end()?;
    case.since(&[2, 2], "leaves the link behind")?;
    ensure!(link.symlink_metadata().is_err(), "the link is still there");
    Ok(())
}

pub(crate) fn a_full_path_is_a_socket_in_the_bundle(case: &Case) -> Result<()> {
    let long = case.path("bundle").join("long-name/".repeat(15));
    fs::create_dir_all(&long)?;
    let mut watched = case
        .container("echo said")
        .without("-b")
        .arg("-b")
        .arg(&long)
        .with("--full-attach")
        .created_only()
        .begin()?;
    watched.container()?;
    ensure!(
        fs::read_dir(case.path("sockets"))?.next().is_none(),
        "there is a link"
    );
    // As a client does that cannot name it whole.
    let dir = fs::File::open(&long)?;
    let near = format!("/proc/self/fd/{}/attach", dir.as_raw_fd());
    let client = Client::connect(Path::new(&near))?;
    watched.start()?;
    client.expect(2, b"said\n")?;
    watched.end()?;
    ensure!(!long.join("attach").exists(), "the socket is still there");
    Ok(())
}
