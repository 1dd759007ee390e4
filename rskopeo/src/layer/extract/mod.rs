//! Writing one layer after another to a tree: each entry is a whiteout, or a member that is made ([`members`]).

mod members;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::os::fd::{AsFd, OwnedFd};

use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, SFlag, fchmod};

use super::archive::{Archive, Entry, Kind};
use super::attributes::{Attributes, Shortfalls, clear_xattrs};
use super::error::{During, LayerError, Result};
use super::limits::{Limits, Used};
use super::overlay::{ForeignLink, Unsettled};
use super::owners::Owners;
use super::path::{clean, split};
use super::place::Place;
use super::remove::{remove, remove_children};
use super::tree::{Made, Tree, is, open_beneath};
use super::watch::Input;
use super::whiteout::{self, Mark, mark};

/// What the tree is to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// All layers in one tree; a whiteout removes.
    Flat,
    /// One layer on its own, to be mounted over others; a whiteout stays as overlayfs has it.
    Overlay,
}

#[derive(Clone, Debug)]
pub struct Options {
    pub form: Form,
    pub owners: Owners,
    pub limits: Limits,
}

/// A tree in the making.
#[derive(Debug)]
pub struct Extractor {
    tree: Tree,
    options: Options,
    layer: LayerState,
    short: Shortfalls,
    /// Directories without rights for their owner, who is not root and still has to write into them.
    closed: BTreeMap<Vec<u8>, u32>,
    unprivileged: bool,
}

/// What is known of the layer being written.
#[derive(Debug, Default)]
struct LayerState {
    used: Used,
    made: Made,
    /// Real paths of this layer's own files, which its whiteouts do not mean. Flat form only.
    own: HashSet<Vec<u8>>,
    /// Directories without an entry of their own. Overlay form only.
    implied: BTreeSet<Vec<u8>>,
    foreign: Vec<ForeignLink>,
}

impl Extractor {
    /// `root` is an open directory, which nobody else changes meanwhile.
    pub fn new(root: OwnedFd, options: Options) -> Self {
        Self {
            tree: Tree::new(root),
            options,
            layer: LayerState::default(),
            short: Shortfalls::default(),
            closed: BTreeMap::new(),
            unprivileged: !nix::unistd::geteuid().is_root(),
        }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.options.limits
    }

    /// Writes one layer. Tells what has to be made up from the layers below in overlay form.
    pub(super) fn layer(&mut self, input: impl Input) -> Result<Unsettled> {
        self.layer = LayerState::default();
        let mut archive = Archive::new(input);
        while let Some(entry) = archive.next_entry()? {
            self.entry(&entry, &mut archive)?;
        }
        self.tree.leave()?;
        archive.drain()?;
        let LayerState {
            implied, foreign, ..
        } = std::mem::take(&mut self.layer);
        Ok(Unsettled { implied, foreign })
    }

    /// Ends the work on the tree; tells in a line each what could not be stored.
    pub fn finish(self) -> Result<Vec<String>> {
        for (path, mode) in self.closed.iter().rev() {
            let fd = self.tree.open_dir(path).during("open directory", path)?;
            fchmod(&fd, Mode::from_bits_truncate(*mode)).during("change mode of", path)?;
        }
        Ok(self.short.lines())
    }

    fn entry<R: Input>(&mut self, entry: &Entry, archive: &mut Archive<R>) -> Result<()> {
        let content = if entry.kind == Kind::File {
            archive.content_left()
        } else {
            0
        };
        self.layer.used.entry(&self.options.limits, content)?;
        let path = clean(&entry.path)?;
        let attributes = Attributes::of(entry, &path, &self.options.owners)?;
        if path.is_empty() {
            archive.announce(entry, &path, false)?;
            return self.root_entry(entry, &attributes);
        }
        let (parent, name) = split(&path);
        let mark = mark(parent, name)?;
        archive.announce(entry, &path, mark != Mark::None)?;
        if mark == Mark::Ignored {
            return Ok(());
        }
        self.enter(parent)?;
        match mark {
            Mark::Whiteout(hidden) => self.whiteout(parent, hidden),
            Mark::Opaque => self.opaque(parent),
            Mark::None | Mark::Ignored => self.file(parent, name, entry, &attributes, archive),
        }
    }

    fn root_entry(&mut self, entry: &Entry, attributes: &Attributes) -> Result<()> {
        if entry.kind != Kind::Directory {
            return Err(LayerError::refused(b"/", "the root must stay a directory"));
        }
        self.tree.leave()?;
        let root = self.tree.open_dir(b"").during("open directory", b"")?;
        clear_xattrs(&root, b"")?;
        attributes.set(root.as_fd(), b"", &mut self.short)?;
        self.keep_open(&root, b"", attributes.mode)
    }

    /// Opens the parent and notes which directories had to be made for it.
    fn enter(&mut self, parent: &[u8]) -> Result<()> {
        self.tree.enter(parent, &mut self.layer.made)?;
        let made = std::mem::take(&mut self.layer.made);
        for path in made.over_whiteout {
            let fd = self.tree.open_dir(&path).during("open directory", &path)?;
            whiteout::make_opaque(&fd, &path)?;
        }
        if self.options.form == Form::Overlay {
            self.layer.implied.extend(made.implied);
        }
        Ok(())
    }

    fn whiteout(&mut self, parent: &[u8], hidden: &[u8]) -> Result<()> {
        let Self {
            tree,
            layer,
            options,
            ..
        } = self;
        let place = Place::new(tree.enter(parent, &mut layer.made)?, hidden);
        match options.form {
            Form::Flat => remove(place.parent.fd.as_fd(), hidden, &place.path, &|path| {
                layer.own.contains(path)
            })
            .map(drop),
            Form::Overlay => match place.stat()? {
                None => whiteout::make_device(&place.parent.fd, place.name, &place.path),
                // The layer has its own directory of that name: only what lies below it is hidden.
                Some(stat) if is(&stat, SFlag::S_IFDIR) => {
                    whiteout::make_opaque(place.open_dir()?, &place.path)
                }
                Some(_) => Ok(()),
            },
        }
    }

    fn opaque(&mut self, parent: &[u8]) -> Result<()> {
        let Self {
            tree,
            layer,
            options,
            ..
        } = self;
        let parent = tree.enter(parent, &mut layer.made)?;
        match options.form {
            Form::Flat => {
                let fd = open_beneath(parent.fd.as_fd(), b"", OFlag::O_RDONLY | OFlag::O_DIRECTORY)
                    .during("open directory", &parent.real)?;
                remove_children(fd, &parent.real, &|path| layer.own.contains(path)).map(drop)
            }
            Form::Overlay => whiteout::make_opaque(&parent.fd, &parent.real),
        }
    }

    fn own(&mut self, path: Vec<u8>) {
        if self.options.form == Form::Flat {
            self.layer.own.insert(path);
        }
    }
}
