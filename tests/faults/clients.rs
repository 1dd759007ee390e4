//! Attach clients that never read, are many, or die.

use std::fs;
use std::thread;

use tests::monitor::{Case, Client, eventually};
use tests::{Error, Result, ensure};

use crate::output::text;

/// All that a client gets, in a thread of its own.
fn reader(client: Client) -> thread::JoinHandle<Result<Vec<u8>>> {
    thread::spawn(move || {
        let mut text = Vec::new();
        while let Some((_, part)) = client.message()? {
            text.extend(part);
        }
        Ok(text)
    })
}

fn joined(reader: thread::JoinHandle<Result<Vec<u8>>>) -> Result<Vec<u8>> {
    reader.join().map_err(|_| Error::msg("a reader panicked"))?
}

fn numbers(last: u32) -> String {
    (1..=last).map(|n| format!("{n}\n")).collect()
}

fn logged(case: &Case) -> Result<String> {
    Ok(String::from_utf8(text(&fs::read(case.path("log"))?)?)?)
}

/// It came to a container that ran already, so it may not hold it back for long.
pub(crate) fn a_client_that_never_reads_stops_nobody() -> Result<()> {
    let case = Case::new("rconmon")?;
    let mut watched = case
        .container("echo up; read go; seq 300000; exit 5")
        .with("-i")
        .created_only()
        .begin()?;
    watched.container()?;
    watched.start()?;
    eventually("it is up", || {
        case.read("log").is_ok_and(|log| log.contains("up"))
    })?;
    let reads = watched.client()?;
    let _never = watched.client()?;
    reads.write(b"go\n")?;
    let text = joined(reader(reads))?;
    ensure!(text == numbers(300_000).as_bytes(), "{} bytes", text.len());
    let code = watched.code()?;
    ensure!(code == "5", "{code}");
    watched.end()?;
    let whole = format!("up\n{}", numbers(300_000));
    ensure!(logged(&case)? == whole, "the log is not whole");
    Ok(())
}

pub(crate) fn a_hundred_clients_get_everything() -> Result<()> {
    let case = Case::new("rconmon")?;
    let mut watched = case.container("seq 20000").created_only().begin()?;
    watched.container()?;
    let mut readers = Vec::new();
    for _ in 0..100 {
        readers.push(reader(watched.client()?));
    }
    watched.start()?;
    let expected = numbers(20_000);
    for reader in readers {
        let text = joined(reader)?;
        ensure!(text == expected.as_bytes(), "{} bytes", text.len());
    }
    watched.end()
}

/// Half of the clients die in the middle; the others do not notice.
pub(crate) fn clients_that_die_stop_nobody() -> Result<()> {
    let case = Case::new("rconmon")?;
    let mut watched = case
        .container("seq 100000; exit 2")
        .created_only()
        .begin()?;
    watched.container()?;
    let mut readers = Vec::new();
    let mut mortal = Vec::new();
    for _ in 0..20 {
        readers.push(reader(watched.client()?));
        mortal.push(watched.client()?);
    }
    watched.start()?;
    for (n, client) in mortal.into_iter().enumerate() {
        for _ in 0..n {
            client.message()?;
        }
    }
    let expected = numbers(100_000);
    for reader in readers {
        let text = joined(reader)?;
        ensure!(text == expected.as_bytes(), "{} bytes", text.len());
    }
    let code = watched.code()?;
    ensure!(code == "2", "{code}");
    watched.end()
}

/// The only client of a program that waits for room goes, and the program goes on.
pub(crate) fn an_owner_that_dies_lets_the_container_go_on() -> Result<()> {
    let case = Case::new("rconmon")?;
    let mut watched = case
        .container("seq 300000; exit 6")
        .created_only()
        .begin()?;
    watched.container()?;
    let owner = watched.client()?;
    watched.start()?;
    owner.message()?;
    eventually("the program is held back", || {
        let size = || case.path("log").metadata().map_or(0, |log| log.len());
        let before = size();
        thread::sleep(std::time::Duration::from_millis(200));
        before > 0 && size() == before
    })?;
    ensure!(
        !case.path("exits").join(case.cid()).exists(),
        "it was not held back"
    );
    drop(owner);
    let code = watched.code()?;
    ensure!(code == "6", "{code}");
    watched.end()?;
    ensure!(logged(&case)? == numbers(300_000), "the log is not whole");
    Ok(())
}
