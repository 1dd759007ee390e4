//! As archivers write them, in either form.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::MetadataExt;

use super::*;

#[test]
fn whiteouts_hide_lower_layers_only() {
    let mut ground = Ground::new(Form::Flat);
    let lower = Tar::new()
        .dir("d")
        .file("d/lower", "")
        .dir("d/sub")
        .file("d/sub/lower", "")
        .file("f", "lower")
        .file("g", "");
    ground.apply(lower).unwrap();
    let upper = Tar::new()
        .file("d/sub/upper", "")
        .file("d/.wh..wh..opq", "")
        .file("d/new", "")
        .file("f", "upper")
        .file(".wh.f", "")
        .file(".wh.g", "")
        .file(".wh.never", "")
        .file(".wh..wh.plnk", "");
    ground.apply(upper).unwrap();
    for name in ["d/sub/upper", "d/new", "f"] {
        assert!(ground.has(name), "{name}");
    }
    for name in ["d/lower", "d/sub/lower", "g", ".wh.g", ".wh..wh.plnk"] {
        assert!(!ground.has(name), "{name}");
    }
    assert_eq!(ground.text("f"), "upper");
}

#[test]
fn overlay_form_keeps_whiteouts() {
    let mut ground = Ground::new(Form::Overlay);
    let tar = Tar::new()
        .file(".wh.gone", "")
        .dir("opaque")
        .file("opaque/.wh..wh..opq", "")
        .file(".wh.replaced", "")
        .dir("replaced")
        .file(".wh.parent", "")
        .file("parent/child", "")
        .dir("late")
        .file(".wh.late", "")
        .file("kept", "")
        .file(".wh.kept", "");
    ground.apply(tar).unwrap();
    assert!(is_whiteout(&ground.path("gone")));
    for name in ["opaque", "replaced", "parent", "late"] {
        assert!(is_opaque(&ground.path(name)), "{name}");
    }
    assert!(ground.path("parent/child").is_file() && ground.path("kept").is_file());
}

#[test]
fn what_a_layer_leaves_open_comes_from_below() {
    let mut lower = Ground::new(Form::Overlay);
    lower
        .apply(
            Tar::new()
                .entry(EntryType::Directory, "tmp", "", b"", 0o1777)
                .file("tmp/target", "content"),
        )
        .unwrap();
    let mut upper = Ground::new(Form::Overlay);
    let unsettled = upper
        .apply(Tar::new().file("tmp/new", "").link("link", "tmp/target"))
        .unwrap();
    assert!(!unsettled.is_empty());
    upper.settle(unsettled, &lower).unwrap();
    assert_eq!(upper.mode("tmp"), 0o1777);
    assert_eq!(upper.text("link"), "content");
    assert_eq!(fs::metadata(upper.path("tmp/target")).unwrap().nlink(), 2);
    assert_eq!(fs::metadata(lower.path("tmp/target")).unwrap().nlink(), 1);
}

#[test]
fn a_link_to_nothing_below_is_refused() {
    let mut lower = Ground::new(Form::Overlay);
    lower
        .apply(Tar::new().file("target", "").symlink("s", "/etc/passwd"))
        .unwrap();
    for tar in [
        Tar::new().link("l", "missing"),
        Tar::new().link("l", "s"),
        Tar::new().file(".wh.target", "").link("l", "other"),
    ] {
        let mut upper = Ground::new(Form::Overlay);
        let unsettled = upper.apply(tar).unwrap();
        assert!(upper.settle(unsettled, &lower).is_err());
    }
}

#[test]
fn directories_keep_their_times() {
    let mut ground = Ground::new(Form::Flat);
    ground
        .apply(
            Tar::new()
                .dir("a")
                .file("a/x", "")
                .dir("b")
                .file("b/x", "")
                .file("a/y", ""),
        )
        .unwrap();
    for name in ["a", "b", "a/y"] {
        assert_eq!(
            fs::metadata(ground.path(name)).unwrap().mtime(),
            1000,
            "{name}"
        );
    }
}

#[test]
fn sparse_files_have_holes() {
    let mut ground = Ground::new(Form::Flat);
    let tar = Tar::new()
        .pax("GNU.sparse.map", b"1048576,3")
        .pax("GNU.sparse.size", b"2097152")
        .pax("GNU.sparse.name", b"sparse")
        .file("x", "abc");
    ground.apply(tar).unwrap();
    let meta = fs::metadata(ground.path("sparse")).unwrap();
    assert_eq!(meta.len(), 2 << 20);
    assert!(meta.blocks() * 512 < 1 << 20);
    assert_eq!(
        &fs::read(ground.path("sparse")).unwrap()[1 << 20..][..4],
        b"abc\0"
    );
    let lie = Tar::new()
        .pax("GNU.sparse.map", b"0,9")
        .pax("GNU.sparse.size", b"9")
        .file("x", "abc");
    assert!(ground.apply(lie).is_err());
}

#[test]
fn the_diff_id_is_checked() {
    let mut ground = Ground::new(Form::Flat);
    let tar = Tar::new().file("a", &"x".repeat(600_000)).done();
    let right = crate::digest::Digest::sha256(&tar);
    apply(&tar[..], Some(&right), &mut ground.extractor).unwrap();
    let packed = zstd::encode_all(&tar[..], 1).unwrap();
    apply(&packed[..], Some(&right), &mut ground.extractor).unwrap();
    let wrong = crate::digest::Digest::sha256(b"");
    assert!(matches!(
        apply(&tar[..], Some(&wrong), &mut ground.extractor),
        Err(LayerError::DiffId { .. })
    ));
}
