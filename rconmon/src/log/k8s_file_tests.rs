#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn plan(path: &Path) -> FilePlan {
    FilePlan {
        path: path.to_owned(),
        size_max: None,
        global_size_max: None,
        rotate: None,
    }
}

/// Text of all entries, joined as a reader of the log joins them.
fn joined(log: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for line in log.split_inclusive(|byte| *byte == b'\n') {
        let mut fields = line.splitn(4, |byte| *byte == b' ');
        assert_eq!(
            fields.next().unwrap().len(),
            super::super::timestamp::LENGTH
        );
        assert_eq!(fields.next().unwrap(), b"stdout");
        let partial = fields.next().unwrap() == b"P";
        let content = fields.next().unwrap();
        text.extend_from_slice(if partial {
            &content[..content.len() - 1]
        } else {
            content
        });
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However the output is cut into reads, the log holds the same text.
    #[test]
    fn no_split_changes_the_text(
        output in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..20_000),
        cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..20),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ctr.log");
        let mut log = K8sFile::open(&plan(&path)).unwrap();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(output.len() + 1)).collect();
        cuts.sort_unstable();
        let mut from = 0;
        for to in cuts.into_iter().chain([output.len()]) {
            log.write(Stream::Stdout, &output[from..to]);
            from = to;
        }
        prop_assert_eq!(joined(&fs::read(&path).unwrap()), output);
    }
}

#[test]
fn long_lines_go_out_in_parts() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ctr.log");
    let mut line = vec![b'#'; 20_000];
    line.push(b'\n');
    K8sFile::open(&plan(&path))
        .unwrap()
        .write(Stream::Stdout, &line);
    let log = fs::read(&path).unwrap();
    assert_eq!(joined(&log), line);
    let tags: Vec<u8> = log
        .split(|b| *b == b'\n')
        .filter_map(|l| l.get(43).copied())
        .collect();
    assert_eq!(tags, b"PPF");
}

#[test]
fn rotation_keeps_every_line_within_the_limit() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ctr.log");
    let mut log = K8sFile::open(&FilePlan {
        size_max: Some(500),
        rotate: Some(100),
        ..plan(&path)
    })
    .unwrap();
    let output: String = (0..100).map(|n| format!("line {n}\n")).collect();
    log.write(Stream::Stdout, output.as_bytes());
    let mut text = Vec::new();
    for n in (1..=100).rev() {
        if let Ok(old) = fs::read(beside(&path, format!(".{n}").as_bytes())) {
            assert!(old.len() <= 500);
            text.extend(joined(&old));
        }
    }
    text.extend(joined(&fs::read(&path).unwrap()));
    assert_eq!(String::from_utf8(text).unwrap(), output);
}

#[test]
fn entries_that_fit_no_file_push_no_empty_ones_out() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ctr.log");
    let mut log = K8sFile::open(&FilePlan {
        size_max: Some(10),
        rotate: Some(2),
        ..plan(&path)
    })
    .unwrap();
    log.write(Stream::Stdout, b"one\ntwo\nthree\n");
    for (name, text) in [(".2", "one\n"), (".1", "two\n"), ("", "three\n")] {
        let file = fs::read(beside(&path, name.as_bytes())).unwrap();
        assert_eq!(joined(&file), text.as_bytes());
    }
}

#[test]
fn truncation_starts_anew_and_the_global_limit_ends_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ctr.log");
    let mut log = K8sFile::open(&FilePlan {
        size_max: Some(150),
        ..plan(&path)
    })
    .unwrap();
    for n in 0..10 {
        log.write(Stream::Stdout, format!("line {n}\n").as_bytes());
    }
    assert_eq!(joined(&fs::read(&path).unwrap()), b"line 8\nline 9\n");

    let mut log = K8sFile::open(&FilePlan {
        global_size_max: Some(1),
        ..plan(&path)
    })
    .unwrap();
    log.write(Stream::Stdout, b"no room\n");
    assert!(joined(&fs::read(&path).unwrap()).ends_with(b"line 9\n"));
}
