//! As an attacker would write them.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};

use super::*;

#[test]
fn names_that_lead_out_are_refused() {
    for form in [Form::Flat, Form::Overlay] {
        for name in ["../outside", "a/../../outside", "/../outside", ".."] {
            let error = Ground::new(form)
                .apply(Tar::new().file(name, "pwned"))
                .unwrap_err();
            assert!(error.to_string().contains("leads out"), "{name}: {error}");
        }
        for name in ["../.wh.outside", ".wh...", ".wh..", ".wh.", "a/.wh..."] {
            assert!(
                Ground::new(form)
                    .apply(Tar::new().dir("a").file(name, ""))
                    .is_err(),
                "{name}"
            );
        }
        for target in ["../outside", "../../../etc/passwd", "/", "."] {
            assert!(
                Ground::new(form)
                    .apply(Tar::new().link("x", target))
                    .is_err(),
                "{target}"
            );
        }
    }
}

#[test]
fn absolute_names_are_taken_from_the_root() {
    let mut ground = Ground::new(Form::Flat);
    ground
        .apply(
            Tar::new()
                .file("/etc/passwd", "x")
                .link("copy", "/etc/passwd"),
        )
        .unwrap();
    assert_eq!(ground.text("etc/passwd"), "x");
    assert_eq!(fs::metadata(ground.path("copy")).unwrap().nlink(), 2);
}

#[test]
fn symlinked_parents_stay_inside() {
    for target in ["..", "../..", "/", "../../../../../.."] {
        let mut ground = Ground::new(Form::Flat);
        ground
            .apply(
                Tar::new()
                    .symlink("l", target)
                    .file("l/outside", "inside")
                    .file("l/.wh.gone", ""),
            )
            .unwrap();
        assert_eq!(ground.text("outside"), "inside");
    }
    let mut ground = Ground::new(Form::Flat);
    let tar = Tar::new()
        .dir("usr/lib")
        .symlink("lib", "usr/lib")
        .file("lib/a", "a")
        .symlink("abs", "/usr/lib")
        .file("abs/b", "b");
    ground.apply(tar).unwrap();
    assert_eq!(
        (ground.text("usr/lib/a"), ground.text("usr/lib/b")),
        ("a".into(), "b".into())
    );
}

#[test]
fn the_last_component_is_never_followed() {
    let mut ground = Ground::new(Form::Flat);
    let outside = ground.directory.path().join("outside");
    symlink(&outside, ground.path("file")).unwrap();
    symlink(&outside, ground.path("dir")).unwrap();
    symlink(&outside, ground.path("node")).unwrap();
    let tar =
        Tar::new()
            .file("file", "new")
            .dir("dir")
            .entry(EntryType::Fifo, "node", "", b"", 0o600);
    ground.apply(tar).unwrap();
    assert_eq!(ground.text("file"), "new");
    assert!(ground.path("dir").symlink_metadata().unwrap().is_dir());
    assert!(
        ground
            .path("node")
            .symlink_metadata()
            .unwrap()
            .file_type()
            .is_fifo()
    );
}

#[test]
fn a_hard_link_does_not_follow_its_target() {
    let mut ground = Ground::new(Form::Flat);
    ground
        .apply(Tar::new().symlink("l", "/../outside").link("h", "l"))
        .unwrap();
    assert!(ground.path("h").symlink_metadata().unwrap().is_symlink());
    let error = ground
        .apply(Tar::new().symlink("up", "../..").link("x", "up/outside"))
        .unwrap_err();
    assert!(error.to_string().contains("does not exist"), "{error}");
}

#[test]
fn symlink_loops_end() {
    let mut ground = Ground::new(Form::Flat);
    assert!(
        ground
            .apply(
                Tar::new()
                    .symlink("a", "b")
                    .symlink("b", "a")
                    .file("a/x", "")
            )
            .is_err()
    );
}

#[test]
fn the_root_stays_a_directory() {
    for kind in [EntryType::Symlink, EntryType::Regular, EntryType::Char] {
        assert!(
            Ground::new(Form::Flat)
                .apply(Tar::new().entry(kind, ".", "/", b"", 0o755))
                .is_err()
        );
    }
    let mut ground = Ground::new(Form::Flat);
    ground
        .apply(Tar::new().entry(EntryType::Directory, "./", "", b"", 0o711))
        .unwrap();
    assert_eq!(ground.mode(""), 0o711);
}

#[test]
fn the_last_of_duplicates_counts() {
    let mut ground = Ground::new(Form::Flat);
    let tar = Tar::new()
        .file("a", "long content")
        .file("a", "2")
        .dir("d")
        .file("d/x", "")
        .file("d", "file")
        .file("e", "")
        .dir("e");
    ground.apply(tar).unwrap();
    assert_eq!(
        (ground.text("a"), ground.text("d")),
        ("2".into(), "file".into())
    );
    assert!(ground.path("e").is_dir());
}

#[test]
fn a_file_cannot_be_a_parent() {
    assert!(
        Ground::new(Form::Flat)
            .apply(Tar::new().file("a", "").file("a/b", ""))
            .is_err()
    );
}

#[test]
fn overlay_attributes_are_refused() {
    for name in ["trusted.overlay.redirect", "user.overlay.opaque"] {
        let tar = Tar::new()
            .pax(&format!("SCHILY.xattr.{name}"), b"y")
            .file("a", "");
        let error = Ground::new(Form::Overlay).apply(tar).unwrap_err();
        assert!(error.to_string().contains("overlay"), "{error}");
    }
    let tar = Tar::new().entry(EntryType::Char, "dev", "", b"", 0o600);
    assert!(Ground::new(Form::Overlay).apply(tar).is_err());
}

#[test]
fn setuid_survives_the_change_of_owner() {
    let mut ground = Ground::new(Form::Flat);
    ground
        .apply(
            Tar::new()
                .entry(EntryType::Regular, "su", "", b"x", 0o4755)
                .entry(EntryType::Directory, "tmp", "", b"", 0o1777),
        )
        .unwrap();
    assert_eq!(ground.mode("su"), 0o4755);
    assert_eq!(ground.mode("tmp"), 0o1777);
}

#[test]
fn twins_stay_apart() {
    let mut ground = Ground::new(Form::Flat);
    // The same letter, composed and not.
    let (composed, decomposed) = ("\u{e9}", "e\u{301}");
    ground
        .apply(
            Tar::new()
                .file("name", "small")
                .file("NAME", "large")
                .file(composed, "one")
                .file(decomposed, "two"),
        )
        .unwrap();
    for (name, text) in [
        ("name", "small"),
        ("NAME", "large"),
        (composed, "one"),
        (decomposed, "two"),
    ] {
        assert_eq!(ground.text(name), text);
    }
}

#[test]
fn bombs_meet_limits() {
    let limits = Limits {
        ratio: u64::MAX,
        entries: 2,
        bytes: 10,
    };
    let error = Ground::with(Form::Flat, limits)
        .apply(Tar::new().dir("a").dir("b").dir("c"))
        .unwrap_err();
    assert!(error.to_string().contains("--max-entries"), "{error}");
    let error = Ground::with(Form::Flat, limits)
        .apply(Tar::new().file("a", "01234567890"))
        .unwrap_err();
    assert!(error.to_string().contains("--max-bytes"), "{error}");
}

#[test]
fn deep_trees_are_refused() {
    let mut ground = Ground::new(Form::Flat);
    let step = "d/".repeat(40);
    let mut tar = Tar::new();
    // Every round goes 40 deeper through a symlink, with short names all the while.
    for round in 0..30 {
        let from = if round == 0 {
            String::new()
        } else {
            format!("l{}/", round - 1)
        };
        tar = tar
            .dir(&format!("{from}{step}"))
            .symlink(&format!("l{round}"), &format!("{from}{step}"));
    }
    assert!(
        ground
            .apply(tar)
            .unwrap_err()
            .to_string()
            .contains("directories deep")
    );
}
