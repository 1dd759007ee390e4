//! The images of a sync on their way, some at a time.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context, Error, Result, bail};

use super::source::Batch;
use crate::cli::{self, Global, Sync};
use crate::copy::{self, MultiArch, Options, UnderWay};
use crate::fatal;
use crate::manifest::RawManifest;
use crate::platform::Platform;
use crate::reference::Reference;
use crate::retry::retrying;
use crate::signature::{Terms, Trust};
use crate::transport::{self, Access, Writing};
use crate::turns::{Output, Turn, Turns};

/// A registry takes its time for a manifest, but takes several at once.
const AT_ONCE: usize = 4;

pub struct Job<'a> {
    global: &'a Global,
    args: &'a Sync,
    dest: &'a str,
    to: Access,
    terms: Arc<Terms>,
    under_way: Arc<UnderWay>,
    /// No further image is begun.
    stopped: AtomicBool,
    done: Mutex<Done>,
}

/// What the images leave behind, each in its turn.
#[derive(Default)]
struct Done {
    digests: Option<File>,
    copied: usize,
    /// With `--keep-going`, one that failed does not stop the others.
    failed: bool,
    error: Option<Error>,
}

/// How an image has ended that does not stop the others.
enum Ended {
    /// What, and why.
    Failed(String, Error),
    WouldBeCopied,
    /// With the line for `--digestfile`.
    Copied(String),
}

impl<'a> Job<'a> {
    pub fn new(
        global: &'a Global,
        args: &'a Sync,
        dest: &'a str,
        to: Access,
        terms: Terms,
    ) -> Result<Self> {
        let digests = match &args.digestfile {
            Some(path) if !args.dry_run => Some(
                File::create(path)
                    .with_context(|| format!("Error creating digest file: {path:?}"))?,
            ),
            _ => None,
        };
        Ok(Self {
            global,
            args,
            dest,
            to,
            terms: Arc::new(terms),
            under_way: Arc::new(UnderWay::at_most(copy::PARALLEL)),
            stopped: AtomicBool::new(false),
            done: Mutex::new(Done {
                digests,
                ..Done::default()
            }),
        })
    }

    /// How many images were copied, and whether any failed.
    pub fn end(&self) -> (usize, bool) {
        let done = self.done();
        (done.copied, done.failed)
    }

    /// Copies the images, and tells of them in their order. After an error those that are begun are ended, and no more.
    pub fn batch(&self, batch: &Batch) -> Result<()> {
        let turns = Arc::new(Turns::default());
        let images = Mutex::new(batch.images.iter().enumerate());
        let next = || {
            let mut images = images.lock().unwrap_or_else(PoisonError::into_inner);
            if self.stopped.load(Ordering::Relaxed) {
                return None;
            }
            let (n, image) = images.next()?;
            Some((n, image, turns.take()))
        };
        let worker = || {
            while let Some((n, image, turn)) = next() {
                let ended = self.image(batch, n, image, &turn);
                if ended.is_err() {
                    // Not only when it is its turn.
                    self.stopped.store(true, Ordering::Relaxed);
                }
                turn.wait();
                let mut done = self.done();
                if let Err(error) = ended.and_then(|ended| done.note(ended)) {
                    self.stopped.store(true, Ordering::Relaxed);
                    done.error.get_or_insert(error);
                }
            }
        };
        thread::scope(|scope| {
            for _ in 1..self.at_once(batch) {
                scope.spawn(worker);
            }
            worker();
        });
        self.done().error.take().map_or(Ok(()), Err)
    }

    /// One at a time where the next could be in the way of the one before.
    fn at_once(&self, batch: &Batch) -> usize {
        let mut places = BTreeSet::new();
        let apart = |image| places.insert(self.place(batch, image));
        match self.dest == "docker" && batch.images.iter().all(apart) {
            true => AT_ONCE.min(batch.images.len()),
            false => 1,
        }
    }

    fn image(&self, batch: &Batch, n: usize, image: &Reference, turn: &Arc<Turn>) -> Result<Ended> {
        let destination = self.destination(batch, image)?;
        let (source, place) = (image.to_string(), destination.to_string());
        let verb = match self.args.dry_run {
            true => "Would have copied",
            false => "Copying",
        };
        let count = batch.images.len();
        turn.complain(&fatal::info_line(
            &format!("{verb} image ref {}/{count}", n + 1),
            &[("from", &source), ("to", &place)],
        ));
        if self.args.dry_run {
            return Ok(Ended::WouldBeCopied);
        }
        let copied = self.copy(batch, image, &destination, turn);
        let what = format!("Error copying ref {source:?}");
        match copied {
            Err(error) if self.args.keep_going => Ok(Ended::Failed(what, error)),
            copied => {
                let digest = copied.context(what)?.digest();
                Ok(Ended::Copied(format!("{digest} {place}")))
            }
        }
    }

    fn copy(
        &self,
        batch: &Batch,
        image: &Reference,
        destination: &Reference,
        turn: &Arc<Turn>,
    ) -> Result<RawManifest> {
        if let Reference::Dir { path } = destination {
            fs::create_dir_all(path).with_context(|| {
                format!("Error creating directory for image {}", path.display())
            })?;
        }
        let trust = Trust::between(Arc::clone(&self.terms), image, destination);
        let options = Options {
            multi_arch: if self.args.all {
                MultiArch::All
            } else {
                MultiArch::System
            },
            format: self.args.format.map(cli::Format::resolve),
            preserve_digests: self.args.preserve_digests,
            unless_there: true,
            output: Output::InTurn(Arc::clone(turn)),
            under_way: Arc::clone(&self.under_way),
            tmpdir: self.global.tmpdir.clone(),
            ..Options::quiet(Platform::chosen(self.global), trust)
        };
        retrying(&self.args.retry, || {
            let source = transport::open_source(image, &batch.access)
                .with_context(|| format!("initializing source {image}"))?;
            let writing = Writing {
                from: Some(image.clone()),
                ..Writing::default()
            };
            let place = transport::open_destination(destination, &self.to, &writing)
                .with_context(|| format!("initializing destination {destination}"))?;
            copy::image(&*source, place, &options)
        })
    }

    fn destination(&self, batch: &Batch, image: &Reference) -> Result<Reference> {
        let place = self.place(batch, image);
        if self.dest == "docker" {
            return crate::commands::parse_image(&format!("docker://{place}"));
        }
        match fs::symlink_metadata(&place) {
            Ok(_) => bail!("Refusing to overwrite destination directory {place:?}"),
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).context("Destination directory could not be used")
            }
            Err(_) => Ok(Reference::Dir { path: place.into() }),
        }
    }

    /// Below the destination: the last part of the image's name, or with `--scoped` all of it.
    fn place(&self, batch: &Batch, image: &Reference) -> String {
        let mut suffix = batch.suffix(image);
        if !self.args.scoped {
            suffix = suffix.rsplit('/').next().unwrap_or_default().to_owned();
        }
        let base = self.args.destination.trim_end_matches('/');
        format!(
            "{base}/{}{}",
            suffix.trim_start_matches('/'),
            self.args.append_suffix
        )
    }

    fn done(&self) -> MutexGuard<'_, Done> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Done {
    fn note(&mut self, ended: Ended) -> Result<()> {
        match ended {
            Ended::Failed(what, error) => {
                fatal::error_of(&what, &[("error", &format!("{error:#}"))]);
                self.failed = true;
                return Ok(());
            }
            Ended::WouldBeCopied => {}
            Ended::Copied(line) => {
                if let Some(file) = &mut self.digests {
                    writeln!(file, "{line}").context("Failed to write digest to file")?;
                }
            }
        }
        self.copied += 1;
        Ok(())
    }
}
