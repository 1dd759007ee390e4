//! Output that is long, binary, or has no room.

use std::fs;
use std::io::Write;
use std::path::Path;

use nix::mount::{MsFlags, mount};
use tests::monitor::{Case, Watched, appears};
use tests::{Context as _, Result, ensure, skip};

/// What a reader of the log puts together: text of the entries, with a newline after whole ones.
pub(crate) fn text(log: &[u8]) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    for line in log.split_inclusive(|byte| *byte == b'\n') {
        let mut fields = line.splitn(4, |byte| *byte == b' ');
        let tag = fields.nth(2).context("a torn entry")?;
        let content = fields.next().context("a torn entry")?;
        let content = match tag {
            b"F" => content,
            _ => content.strip_suffix(b"\n").context("a torn entry")?,
        };
        text.extend_from_slice(content);
    }
    Ok(text)
}

fn run<'a>(case: &'a Case, program: &str, options: &str) -> Result<Watched<'a>> {
    let mut watched = case.container(program).with(options).begin()?;
    watched.container()?;
    watched.end()?;
    Ok(watched)
}

fn numbers(range: std::ops::RangeInclusive<u32>) -> String {
    range.map(|n| format!("{n}\n")).collect()
}

pub(crate) fn lines_of_a_megabyte_are_whole() -> Result<()> {
    let case = Case::new("rconmon")?;
    run(
        &case,
        "for c in a b c; do head -c 1048576 /dev/zero | tr '\\0' $c; echo; done; head -c 1048576 /dev/zero | tr '\\0' d",
        "",
    )?;
    let lines: String = ["a", "b", "c"]
        .map(|c| format!("{}\n", c.repeat(1 << 20)))
        .concat();
    let expected = lines + &"d".repeat(1 << 20);
    let got = text(&fs::read(case.path("log"))?)?;
    ensure!(got == expected.as_bytes(), "{} bytes", got.len());
    Ok(())
}

pub(crate) fn binary_output_is_kept_byte_for_byte() -> Result<()> {
    let case = Case::new("rconmon")?;
    // Any bytes, with newlines as often as chance has it.
    let bytes: Vec<u8> = (0..2_000_000u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let path = case.scratch.write("bytes", &bytes)?;
    let mut watched = case
        .container(&format!("cat {}", path.display()))
        .created_only()
        .begin()?;
    watched.container()?;
    let client = watched.client()?;
    watched.start()?;
    client.expect(2, &bytes)?;
    watched.end()?;
    ensure!(
        text(&fs::read(case.path("log"))?)? == bytes,
        "the log has other bytes"
    );
    Ok(())
}

pub(crate) fn rotation_loses_no_line() -> Result<()> {
    let case = Case::new("rconmon")?;
    run(
        &case,
        "seq 200000",
        "--log-size-max 100000 --log-rotate --log-max-files 1000",
    )?;
    let mut log = Vec::new();
    for n in (1..=1000).rev() {
        let path = case.path(format!("log.{n}"));
        if path.exists() {
            ensure!(
                path.metadata()?.len() <= 100_000,
                "{} is too long",
                path.display()
            );
            log.extend(fs::read(path)?);
        }
    }
    log.extend(fs::read(case.path("log"))?);
    ensure!(
        text(&log)? == numbers(1..=200_000).as_bytes(),
        "lines are missing or doubled"
    );
    Ok(())
}

/// As a kubelet does it: rename the log, then ask for a new one.
pub(crate) fn reopening_loses_no_line() -> Result<()> {
    let case = Case::new("rconmon")?;
    let mut watched = case
        .container("for n in $(seq 2000); do seq $((n * 100 - 99)) $((n * 100)); done; read over")
        .with("-i")
        .begin()?;
    watched.container()?;
    let mut ctl = fs::OpenOptions::new()
        .write(true)
        .open(case.path("bundle/ctl"))?;
    let mut parts = Vec::new();
    let is_over =
        |name: &Path| fs::read(name).is_ok_and(|log| log.ends_with(b" stdout F 200000\n"));
    while !is_over(&case.path("log")) {
        let part = case.path(format!("part{}", parts.len()));
        fs::rename(case.path("log"), &part)?;
        ctl.write_all(b"2 0 0\n")?;
        tests::monitor::eventually("there is a new log", || case.path("log").exists())?;
        let over = is_over(&part);
        parts.push(part);
        if over {
            break;
        }
    }
    watched.client()?.write(b"\n")?;
    watched.end()?;
    ensure!(parts.len() > 1, "it was over too soon");
    let mut log = Vec::new();
    for part in parts.iter().chain([&case.path("log")]) {
        log.extend(fs::read(part)?);
    }
    ensure!(
        text(&log)? == numbers(1..=200_000).as_bytes(),
        "lines are missing or doubled"
    );
    Ok(())
}

/// The container goes on, the log keeps whole entries, and says how many are missing once there is room.
pub(crate) fn a_full_disk_loses_what_it_says() -> Result<()> {
    let case = Case::new("rconmon")?;
    let small = case.path("small");
    fs::create_dir(&small)?;
    let size = Some("size=4m");
    if mount(Some("tmpfs"), &small, Some("tmpfs"), MsFlags::empty(), size).is_err() {
        return skip("no tmpfs can be mounted here");
    }
    fs::write(small.join("filler"), vec![0; 4_000_000])?;
    let mut watched = case
        // More than pipe and disk hold together: whoever sees OUT knows that entries were lost.
        // Lines of eight bytes: no buffer's end cuts one into two entries, which would be counted as two.
        .container("seq 1000001 1050000; echo > $OUT; read room; seq 1050001 1051000; exit 4")
        .with("-i")
        .env("OUT", case.path("reached"))
        .log(&format!("k8s-file:{}", small.join("log").display()))
        .begin()?;
    watched.container()?;
    let client = watched.client()?;
    appears(&case.path("reached"))?;
    fs::remove_file(small.join("filler"))?;
    client.write(b"\n")?;
    watched.end()?;
    let code = watched.code()?;
    ensure!(code == "4", "{code}");

    let log = String::from_utf8(text(&fs::read(small.join("log"))?)?)?;
    let (mut there, mut lost, mut last) = (0, 0, 1_000_000);
    for line in log.lines() {
        if let Ok(number) = line.parse::<u32>() {
            ensure!(number > last, "{number} after {last}");
            (there, last) = (there + 1, number);
        } else {
            let count = line
                .strip_prefix("[conmon: ")
                .and_then(|rest| rest.strip_suffix(" log entries lost: no space]"))
                .with_context(|| format!("a torn line: {line:?}"))?;
            lost += count.parse::<u32>()?;
        }
    }
    ensure!(lost > 0, "nothing is said to be lost");
    ensure!(there + lost == 51_000, "{there} entries and {lost} lost");
    ensure!(last == 1_051_000, "the log ends with {last}");
    Ok(())
}
