//! The journal, played by a socket of the test's own in a mount namespace of the monitor's own.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{IoSliceMut, Read, Seek};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::net::UnixDatagram;

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
use tests::{Context as _, Result, bail, ensure, skip};

use tests::monitor::{Case, LIMIT, Launch};

struct Journal(UnixDatagram);

type Fields = BTreeMap<String, Vec<u8>>;

impl Journal {
    fn open(case: &Case) -> Result<Journal> {
        if !nix::unistd::geteuid().is_root() {
            return skip("only root may mount a journal's socket");
        }
        std::fs::create_dir_all(case.path("run/systemd/journal"))?;
        let socket = UnixDatagram::bind(case.path("run/systemd/journal/socket"))?;
        socket.set_read_timeout(Some(LIMIT))?;
        Ok(Journal(socket))
    }

    /// The next entry, in one datagram or in a sealed file.
    fn entry(&self) -> Result<Fields> {
        let mut buffer = vec![0; 1 << 20];
        let mut parts = [IoSliceMut::new(&mut buffer)];
        let mut space = nix::cmsg_space!([i32; 1]);
        let message = recvmsg::<()>(
            self.0.as_raw_fd(),
            &mut parts,
            Some(&mut space),
            MsgFlags::MSG_CMSG_CLOEXEC,
        )
        .context("no entry")?;
        for control in message.cmsgs()? {
            if let ControlMessageOwned::ScmRights(fds) = control {
                let fd = fds.first().copied().context("no descriptor")?;
                // SAFETY: the kernel has just installed it for this process.
                let mut file = unsafe { File::from_raw_fd(fd) };
                let seals = SealFlag::from_bits_retain(fcntl(&file, FcntlArg::F_GET_SEALS)?);
                let needed =
                    SealFlag::F_SEAL_WRITE | SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW;
                ensure!(seals.contains(needed), "sealed with {seals:?} only");
                let mut text = Vec::new();
                file.rewind()?;
                file.read_to_end(&mut text)?;
                return fields(&text);
            }
        }
        let length = message.bytes;
        fields(&buffer[..length])
    }

    fn message(&self, text: &str) -> Result<Fields> {
        let fields = self.entry()?;
        let is = String::from_utf8_lossy(fields.get("MESSAGE").context("no MESSAGE")?).into_owned();
        // libsystemd's caller hands the line's end over, too.
        ensure!(
            is.trim_end_matches('\n') == text,
            "{is:?} in place of {text:?}"
        );
        Ok(fields)
    }
}

/// `NAME=value` lines, and `NAME`, a length in 8 bytes, value where there are newlines.
fn fields(datagram: &[u8]) -> Result<Fields> {
    let mut fields = Fields::new();
    let mut rest = datagram;
    while !rest.is_empty() {
        let at = rest
            .iter()
            .position(|byte| matches!(byte, b'=' | b'\n'))
            .context("a field without an end")?;
        let name = String::from_utf8(rest[..at].to_vec())?;
        let (start, length) = if rest[at] == b'=' {
            let end = rest[at..]
                .iter()
                .position(|byte| *byte == b'\n')
                .context("no newline")?;
            (at + 1, end - 1)
        } else {
            let size = rest.get(at + 1..at + 9).context("a torn length")?;
            (at + 9, u64::from_le_bytes(size.try_into()?) as usize)
        };
        let value = rest.get(start..start + length).context("a torn value")?;
        if rest.get(start + length) != Some(&b'\n') {
            bail!("{name} does not end with a newline");
        }
        fields.insert(name, value.to_vec());
        rest = &rest[start + length + 1..];
    }
    Ok(fields)
}

/// A monitor that finds the journal's socket where it looks for one.
fn under_journal<'a>(case: &'a Case, program: &str) -> Launch<'a> {
    let mount = format!(
        "mount -t tmpfs tmpfs /run && mkdir /run/systemd && mount --rbind {} /run/systemd && exec \"$@\"",
        case.path("run/systemd").display()
    );
    case.container(program)
        .log("journald")
        .through(&["unshare", "-m", "sh", "-c", &mount, "sh"])
}

pub(crate) fn entries_carry_their_fields(case: &Case) -> Result<()> {
    let journal = Journal::open(case)?;
    let mut watched = under_journal(case, "echo said; sleep 0.1; echo failed >&2")
        .with("--log-tag tagged")
        .begin()?;
    watched.container()?;
    let said = journal.message("said")?;
    let id = case.cid();
    for (name, value) in [
        ("CONTAINER_ID_FULL", &id[..]),
        ("CONTAINER_ID", &id[..12]),
        ("CONTAINER_NAME", "name"),
        ("CONTAINER_TAG", "tagged"),
        ("SYSLOG_IDENTIFIER", "tagged"),
        ("PRIORITY", "6"),
    ] {
        let is = said.get(name).map(|value| String::from_utf8_lossy(value));
        ensure!(is.as_deref() == Some(value), "{name} is {is:?}");
    }
    ensure!(
        !said.contains_key("CONTAINER_PARTIAL_MESSAGE"),
        "marked as a part"
    );
    let failed = journal.message("failed")?;
    ensure!(failed["PRIORITY"] == b"3", "an error's priority");
    watched.end()?;

    case.since(&[2, 1, 8], "does not know --log-label for journald")?;
    let mut watched = under_journal(case, "echo labelled")
        .with("--log-label A_1=x --log-label B=y")
        .begin()?;
    let labelled = journal.message("labelled")?;
    ensure!(
        labelled["A_1"] == b"x" && labelled["B"] == b"y",
        "the labels"
    );
    ensure!(
        labelled["SYSLOG_IDENTIFIER"] == b"name",
        "without a tag the name identifies"
    );
    watched.end()
}

pub(crate) fn a_prefix_names_the_priority(case: &Case) -> Result<()> {
    case.since(&[2, 2], "does not look for priorities")?;
    let journal = Journal::open(case)?;
    let mut watched = under_journal(
        case,
        "echo '<4>warned'; sleep 0.1; echo '<7>told' >&2; sleep 0.1; echo '<9>odd'; echo '<1'; sleep 0.1; echo '<2>'",
    )
    .begin()?;
    for (text, priority) in [
        ("warned", b"4"),
        ("told", b"7"),
        ("<9>odd", b"6"),
        ("<1", b"6"),
        ("", b"2"),
    ] {
        let fields = journal.message(text)?;
        ensure!(
            fields["PRIORITY"] == priority,
            "{text} has {:?}",
            fields["PRIORITY"]
        );
    }
    watched.end()
}

/// A line in two writes is one entry; one that is too long, or never ends, is in marked parts.
pub(crate) fn parts_of_lines_are_marked(case: &Case) -> Result<()> {
    let journal = Journal::open(case)?;
    let mut watched = under_journal(
        case,
        "printf 'one '; sleep 0.1; echo entry; sleep 0.1; head -c 20000 /dev/zero | tr '\\0' x; echo; sleep 0.1; printf rest",
    )
    .begin()?;
    let whole = journal.message("one entry")?;
    ensure!(
        !whole.contains_key("CONTAINER_PARTIAL_MESSAGE"),
        "a whole line is marked"
    );
    let mut text = Vec::new();
    loop {
        let fields = journal.entry()?;
        let part = &fields["MESSAGE"];
        text.extend_from_slice(part.strip_suffix(b"\n").unwrap_or(part));
        if !fields.contains_key("CONTAINER_PARTIAL_MESSAGE") {
            break;
        }
        ensure!(fields["CONTAINER_PARTIAL_MESSAGE"] == b"true", "the mark");
    }
    ensure!(text == vec![b'x'; 20_000], "{} bytes", text.len());
    let rest = journal.message("rest")?;
    ensure!(
        rest.contains_key("CONTAINER_PARTIAL_MESSAGE"),
        "the rest is not marked"
    );
    watched.end()
}

pub(crate) fn parts_are_not_marked_where_unwanted(case: &Case) -> Result<()> {
    case.since(&[2, 2], "does not know --no-container-partial-message")?;
    let journal = Journal::open(case)?;
    let mut watched = under_journal(case, "printf rest")
        .with("--no-container-partial-message")
        .begin()?;
    let rest = journal.message("rest")?;
    ensure!(!rest.contains_key("CONTAINER_PARTIAL_MESSAGE"), "marked");
    watched.end()
}

pub(crate) fn a_large_entry_comes_whole(case: &Case) -> Result<()> {
    case.since(&[2, 1, 8], "does not know --log-label for journald")?;
    let journal = Journal::open(case)?;
    let mut launch = under_journal(case, "echo small");
    for n in 0..6 {
        launch = launch
            .arg("--log-label")
            .arg(format!("LABEL_{n}={}", "y".repeat(100_000)));
    }
    let mut watched = launch.begin()?;
    let fields = journal.entry()?;
    ensure!(fields["LABEL_5"].len() == 100_000, "a label is cut");
    ensure!(fields["MESSAGE"].starts_with(b"small"), "the message");
    watched.end()
}

pub(crate) fn the_log_file_is_written_as_well(case: &Case) -> Result<()> {
    let journal = Journal::open(case)?;
    let file = format!("k8s-file:{}", case.path("log").display());
    let mut watched = under_journal(case, "echo twice")
        .with(&format!("-l {file}"))
        .begin()?;
    journal.message("twice")?;
    watched.end()?;
    ensure!(
        watched.log()?.ends_with(" stdout F twice\n"),
        "{}",
        watched.log()?
    );
    Ok(())
}
