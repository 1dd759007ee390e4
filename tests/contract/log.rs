//! The k8s-file log.

use std::fs;

use tests::{Context as _, Result, ensure};

use tests::monitor::{Case, Launch};

/// One entry, taken apart.
struct Entry {
    stream: String,
    tag: String,
    text: String,
}

/// Runs the container to its end and takes the file apart.
fn logged(case: &Case, launch: Launch<'_>, file: &str) -> Result<Vec<Entry>> {
    let mut watched = launch.begin()?;
    watched.container()?;
    watched.end()?;
    entries(&case.read(file)?)
}

fn entries(log: &str) -> Result<Vec<Entry>> {
    log.split_inclusive('\n').map(entry).collect()
}

/// `2024-01-31T23:59:59.123456789+01:00 stdout F text`
fn entry(line: &str) -> Result<Entry> {
    let text = line.strip_suffix('\n').context("a line without an end")?;
    let mut fields = text.splitn(4, ' ');
    let mut field = || fields.next().context("a field is missing");
    let (time, stream, tag, text) = (field()?, field()?, field()?, field()?);
    let form = "dddd-dd-ddTdd:dd:dd.ddddddddd+dd:dd";
    let fits = time.len() == form.len()
        && time.chars().zip(form.chars()).all(|(is, form)| match form {
            'd' => is.is_ascii_digit(),
            '+' => is == '+' || is == '-',
            form => is == form,
        });
    ensure!(fits, "the time {time}");
    Ok(Entry {
        stream: stream.to_owned(),
        tag: tag.to_owned(),
        text: text.to_owned(),
    })
}

/// The text as a reader puts it together.
fn text(entries: &[Entry]) -> String {
    let ends = |entry: &Entry| if entry.tag == "F" { "\n" } else { "" };
    entries
        .iter()
        .map(|entry| format!("{}{}", entry.text, ends(entry)))
        .collect()
}

pub(crate) fn entries_have_their_form(case: &Case) -> Result<()> {
    let container =
        case.container("echo out; sleep 0.1; echo err >&2; sleep 0.1; echo; printf 'a b  c\\n'");
    let entries = logged(case, container, "log")?;
    let shown: Vec<String> = entries
        .iter()
        .map(|entry| format!("{} {} {}", entry.stream, entry.tag, entry.text))
        .collect();
    ensure!(
        shown
            == [
                "stdout F out",
                "stderr F err",
                "stdout F ",
                "stdout F a b  c"
            ],
        "{shown:?}"
    );
    Ok(())
}

pub(crate) fn parts_of_lines_are_marked(case: &Case) -> Result<()> {
    let container = case.container("head -c 20000 /dev/zero | tr '\\0' x; echo");
    let entries = logged(case, container, "log")?;
    let line = format!("{}\n", "x".repeat(20_000));
    ensure!(text(&entries) == line, "the text is not the same");
    let (last, parts) = entries.split_last().context("nothing was logged")?;
    ensure!(
        last.tag == "F" && !parts.is_empty(),
        "the last is {}",
        last.tag
    );
    ensure!(
        parts
            .iter()
            .all(|part| part.tag == "P" && part.text.len() <= 8192),
        "the parts"
    );
    Ok(())
}

pub(crate) fn what_is_left_at_the_end_is_logged(case: &Case) -> Result<()> {
    let container =
        case.container("printf 'no newline'; printf '\\377\\376' >&2; (sleep 600 &) ; exit 0");
    let mut watched = container.begin()?;
    watched.container()?;
    watched.end()?;
    let log = fs::read(case.path("log"))?;
    let has = |what: &[u8]| log.windows(what.len()).any(|window| window == what);
    ensure!(
        has(b" stdout P no newline\n"),
        "{}",
        String::from_utf8_lossy(&log)
    );
    ensure!(
        has(b" stderr P \xff\xfe\n"),
        "{}",
        String::from_utf8_lossy(&log)
    );
    Ok(())
}

pub(crate) fn a_full_file_is_replaced(case: &Case) -> Result<()> {
    let container = case
        .container("for n in $(seq 100); do echo line $n; done")
        .with("--log-size-max 1000");
    let entries = logged(case, container, "log")?;
    ensure!(
        case.path("log").metadata()?.len() <= 1000,
        "the file is too long"
    );
    ensure!(
        entries.last().is_some_and(|last| last.text == "line 100"),
        "the end is missing"
    );
    ensure!(!case.path("log.1").exists(), "there is an old file");
    Ok(())
}

pub(crate) fn a_full_file_is_rotated(case: &Case) -> Result<()> {
    case.since(&[2, 2], "does not know --log-rotate")?;
    let container = case
        .container("for n in $(seq 1000); do echo line $n; done")
        .with("--log-size-max 4000 --log-rotate --log-max-files 100");
    let mut watched = container.begin()?;
    watched.container()?;
    watched.end()?;
    let mut all = String::new();
    for n in (1..=100).rev() {
        let name = format!("log.{n}");
        if case.path(&name).exists() {
            ensure!(
                case.path(&name).metadata()?.len() <= 4000,
                "{name} is too long"
            );
            all.push_str(&case.read(&name)?);
        }
    }
    all.push_str(&case.read("log")?);
    let expected: String = (1..=1000).map(|n| format!("line {n}\n")).collect();
    ensure!(
        text(&entries(&all)?) == expected,
        "lines are missing or doubled"
    );

    fs::remove_file(case.path("monitor.pid"))?;
    let container = case
        .container("for n in $(seq 1000); do echo line $n; done")
        .with("--log-size-max 4000 --log-rotate --log-max-files 2")
        .log(&format!("k8s-file:{}", case.path("few").display()));
    logged(case, container, "few")?;
    ensure!(
        case.path("few.2").exists() && !case.path("few.3").exists(),
        "not two old files"
    );
    Ok(())
}

pub(crate) fn all_of_it_has_a_limit(case: &Case) -> Result<()> {
    case.since(&[2, 1, 8], "does not know --log-global-size-max")?;
    let container = case
        .container("for n in $(seq 100); do echo line $n; done; exit 4")
        .with("--log-global-size-max 1000");
    let entries = logged(case, container, "log")?;
    ensure!(entries[0].text == "line 1", "the beginning is missing");
    ensure!(
        case.path("log").metadata()?.len() < 1100,
        "the file is too long"
    );
    Ok(())
}

pub(crate) fn no_log_is_kept_where_none_is_wanted(case: &Case) -> Result<()> {
    for driver in ["none", "off", "null"] {
        let mut watched = case.container("echo unheard; exit 1").log(driver).begin()?;
        watched.container()?;
        watched.end()?;
        ensure!(
            !case.path("runtime").join(driver).exists(),
            "{driver} is a file"
        );
    }
    for file in ["plain", ":none"] {
        let container = case.container("echo heard").log(file);
        let name = format!("runtime/{}", file.trim_start_matches(':'));
        let entries = logged(case, container, &name)?;
        ensure!(text(&entries) == "heard\n", "{file}");
    }
    Ok(())
}

pub(crate) fn an_old_log_is_appended_to(case: &Case) -> Result<()> {
    for text in ["first", "second"] {
        let mut watched = case.container(&format!("echo {text}")).begin()?;
        watched.container()?;
        watched.end()?;
    }
    let entries = entries(&case.read("log")?)?;
    ensure!(text(&entries) == "first\nsecond\n", "{}", text(&entries));
    case.since(&[2, 2], "makes logs for root alone")?;
    let mode = std::os::unix::fs::PermissionsExt::mode(&case.path("log").metadata()?.permissions());
    ensure!(mode & 0o777 == 0o640, "mode {mode:o}");
    Ok(())
}
