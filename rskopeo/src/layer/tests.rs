#![allow(clippy::unwrap_used)]
//! Layers as an attacker would write them, and as archivers do.

use std::fs::{self, File};
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::path::Path;

use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

use super::*;

/// A layer in the making.
struct Tar(Builder<Vec<u8>>);

impl Tar {
    fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    fn entry(mut self, kind: EntryType, name: &str, link: &str, content: &[u8], mode: u32) -> Self {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        // set_path would refuse what is tested here.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1000);
        header.set_cksum();
        self.0.append(&header, content).unwrap();
        self
    }

    fn file(self, name: &str, content: &str) -> Self {
        self.entry(EntryType::Regular, name, "", content.as_bytes(), 0o644)
    }

    fn dir(self, name: &str) -> Self {
        self.entry(EntryType::Directory, name, "", b"", 0o755)
    }

    fn symlink(self, name: &str, target: &str) -> Self {
        self.entry(EntryType::Symlink, name, target, b"", 0o777)
    }

    fn link(self, name: &str, target: &str) -> Self {
        self.entry(EntryType::Link, name, target, b"", 0o644)
    }

    fn pax(mut self, key: &str, value: &[u8]) -> Self {
        self.0.append_pax_extensions([(key, value)]).unwrap();
        self
    }

    fn done(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

/// A root directory with a file beside it that no layer may reach.
struct Ground {
    directory: TempDir,
    extractor: Extractor,
}

impl Ground {
    fn new(form: Form) -> Self {
        Self::with(form, Limits::default())
    }

    fn with(form: Form, limits: Limits) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("root")).unwrap();
        fs::write(directory.path().join("outside"), "untouched").unwrap();
        let owners = if nix::unistd::geteuid().is_root() {
            Owners::Kept
        } else {
            Owners::Callers
        };
        let root = File::open(directory.path().join("root")).unwrap();
        let extractor = Extractor::new(
            root.into(),
            Options {
                form,
                owners,
                limits,
            },
        );
        Self {
            directory,
            extractor,
        }
    }

    fn apply(&mut self, tar: Tar) -> Result<Unsettled, LayerError> {
        let result = apply(&tar.done()[..], None, &mut self.extractor);
        let names: Vec<_> = fs::read_dir(self.directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(
            names.len(),
            2,
            "something was made outside of the root: {names:?}"
        );
        assert_eq!(
            fs::read_to_string(self.directory.path().join("outside")).unwrap(),
            "untouched"
        );
        result
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join("root").join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn has(&self, name: &str) -> bool {
        self.path(name).symlink_metadata().is_ok()
    }
}

fn is_whiteout(path: &Path) -> bool {
    path.symlink_metadata()
        .is_ok_and(|meta| meta.file_type().is_char_device() && meta.rdev() == 0)
}

fn is_opaque(path: &Path) -> bool {
    let file = File::open(path).unwrap();
    xattr::all(std::os::fd::AsFd::as_fd(&file))
        .unwrap()
        .iter()
        .any(|(name, _)| name.to_bytes().ends_with(b".overlay.opaque"))
}

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
    assert_eq!(
        fs::metadata(ground.path("")).unwrap().mode() & 0o7777,
        0o711
    );
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
    assert_eq!(
        fs::metadata(ground.path("su")).unwrap().mode() & 0o7777,
        0o4755
    );
    assert_eq!(
        fs::metadata(ground.path("tmp")).unwrap().mode() & 0o7777,
        0o1777
    );
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
    let open = |ground: &Ground| File::open(ground.path("")).unwrap().into();
    unsettled.settle(open(&upper), &[open(&lower)]).unwrap();
    assert_eq!(
        fs::metadata(upper.path("tmp")).unwrap().mode() & 0o7777,
        0o1777
    );
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
        let open = |ground: &Ground| File::open(ground.path("")).unwrap().into();
        assert!(unsettled.settle(open(&upper), &[open(&lower)]).is_err());
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
