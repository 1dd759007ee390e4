//! Command lines that make no sense, and what is said about them.

use std::fs;

use tests::{Result, ensure};

use tests::monitor::Case;

pub(crate) fn mistakes_are_refused_with_one_line(case: &Case) -> Result<()> {
    case.since(&[2, 2], "complains on standard output")?;
    let mistakes = [
        ("--nope", "Unknown option --nope"),
        ("--timeout", "Missing argument for --timeout"),
        ("-c x --timeout ten", "for --timeout"),
        ("-c x --exit-delay 99999999999", "out of range"),
        ("", "Container ID not provided. Use --cid"),
        ("-c x", "Container UUID not provided. Use --cuuid"),
        ("-c x -u y", "Runtime path not provided. Use --runtime"),
        (
            "-c x -u y -r /no/such/runtime",
            "Runtime path /no/such/runtime is not valid",
        ),
        (
            "-c x -u y -r /bin/true",
            "Log driver not provided. Use --log-path",
        ),
        (
            "-c x -u y -r /bin/true -l log --exit-delay -1",
            "greater than or equal to 0",
        ),
        (
            "-c x -u y -r /bin/true -l log --log-level loud",
            "No such log level loud",
        ),
        ("-c x --exec -r /bin/true -l log", "Use --exec-process-spec"),
        (
            "-c x --exec --restore y -r /bin/true",
            "Cannot use 'exec' and 'restore'",
        ),
        (
            "-c x -u y --exec-attach -r /bin/true",
            "Attach can only be specified with exec",
        ),
        (
            "-c x --exec --exec-attach -r /bin/true",
            "Attach can only be specified for a non-legacy exec session",
        ),
    ];
    for (line, complaint) in mistakes {
        let refused = case.say(line).exits(1)?;
        refused.complains(complaint)?.is("")?;
        ensure!(
            refused.stderr.lines().count() == 1,
            "more than one line\n{refused}"
        );
        ensure!(refused.stderr.contains("conmon"), "who says so?\n{refused}");
    }
    Ok(())
}

pub(crate) fn version_has_two_lines(case: &Case) -> Result<()> {
    let said = case.say("--version").ok()?;
    let lines: Vec<&str> = said.stdout.lines().collect();
    ensure!(
        matches!(lines[..], [version, commit]
            if version.starts_with("conmon version ") && commit.starts_with("commit: ")),
        "{said}"
    );
    Ok(())
}

pub(crate) fn log_drivers_that_make_no_sense_are_refused(case: &Case) -> Result<()> {
    let id = case.cid();
    let base = format!("-c {id} -u {id} -r /bin/true");
    let mistakes = [
        ("-l ''", "log-path must not be empty"),
        ("-l :", "log-path must not be empty"),
        ("-l k8s-file", "k8s-file requires a filename"),
        ("-l k8s-file:", "k8s-file requires a filename"),
        ("-l nope:/x", "No such log driver nope"),
        (
            "-l k8s-file:log --log-tag x",
            "k8s-file doesn't support --log-tag",
        ),
        ("-l k8s-file:/no/such/dir/log", "Failed to open log file"),
    ];
    for (line, complaint) in mistakes {
        let refused = case.say(&format!("{base} {line}")).exits(1)?;
        refused.complains(complaint)?;
    }
    case.since(&[2, 1, 8], "does not know --log-label for journald")?;
    for (line, complaint) in [
        (
            "-l k8s-file:log --log-label A=b",
            "k8s-file doesn't support --log-label",
        ),
        ("-l journald --log-label =b", "no LABEL present in '=b'"),
        (
            "-l journald --log-label A=b=c",
            "more than one '=' present in 'A=b=c'",
        ),
        (
            "-l journald --log-label a=b",
            "uppercase letters, numbers and underscore (in 'a=b')",
        ),
    ] {
        let refused = case.say(&format!("{base} {line}")).exits(1)?;
        refused.complains(complaint)?;
    }
    Ok(())
}

/// conmon looks only when it rotates; a log that may not be there is better not begun.
pub(crate) fn logs_stay_in_the_allowed_directories(case: &Case) -> Result<()> {
    case.since(&[2, 2], "does not know --log-allowlist-dir")?;
    fs::create_dir(case.path("logs"))?;
    fs::create_dir(case.path("logs/below"))?;
    let log = format!("k8s-file:{}", case.path("logs/below/log").display());
    let dir = case.path("logs");
    let mut inside = case
        .container("echo said")
        .log(&log)
        .arg("--log-allowlist-dir")
        .arg(dir)
        .begin()?;
    inside.container()?;
    inside.end()?;
    ensure!(
        case.read("logs/below/log")?.contains("said"),
        "nothing was logged"
    );
    Ok(())
}
