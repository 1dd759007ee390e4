//! `sync --src TRANSPORT --dest TRANSPORT SOURCE DESTINATION`: many images, each as `copy` copies it. An image that is there
//! already is not copied again.

mod source;
mod version;
mod yaml;

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::cli::{self, Global, Sync};
use crate::copy::{self, MultiArch, Options};
use crate::fatal;
use crate::platform::Platform;
use crate::reference::Reference;
use crate::retry::retrying;
use crate::signature::Trust;
use crate::transport::{self, Access, Writing};

use source::Batch;

pub fn run(global: &Global, args: &Sync) -> Result<()> {
    let (Some(src), Some(dest)) = (args.src.as_deref(), args.dest.as_deref()) else {
        let which = if args.src.is_none() {
            "source"
        } else {
            "destination"
        };
        bail!("A {which} transport must be specified");
    };
    if !["docker", "dir", "yaml"].contains(&src) {
        bail!("{src:?} is not a valid source transport");
    }
    if !["docker", "dir"].contains(&dest) {
        bail!("{dest:?} is not a valid destination transport");
    }
    if src == "dir" && dest == "dir" {
        bail!("sync from 'dir' to 'dir' not implemented, consider using rsync instead");
    }
    let (from, to) = access(global, args)?;
    let batches = retrying(&args.retry, || source::batches(src, &args.source, &from))?;
    if args.dry_run {
        fatal::warn("Running in dry-run mode");
    }
    let digests = match &args.digestfile {
        Some(path) if !args.dry_run => Some(
            File::create(path).with_context(|| format!("Error creating digest file: {path:?}"))?,
        ),
        _ => None,
    };
    let mut job = Job {
        global,
        args,
        dest,
        to,
        digests,
        copied: 0,
        failed: false,
    };
    for batch in &batches {
        job.batch(batch)?;
    }
    let verb = if args.dry_run {
        "Would have synced"
    } else {
        "Synced"
    };
    let (images, sources) = (job.copied, batches.len());
    fatal::info(
        &format!("{verb} {images} images from {sources} sources"),
        &[],
    );
    if job.failed {
        bail!("Sync failed due to previous reported error(s) for one or more images");
    }
    Ok(())
}

fn access(global: &Global, args: &Sync) -> Result<(Access, Access)> {
    let mut from = args.from.resolve(global)?;
    let mut to = args.to.resolve(global)?;
    for access in [&mut from, &mut to] {
        access.authfile = access.authfile.take().or_else(|| args.authfile.clone());
        access.tls_verify = access.tls_verify.or(args.tls_verify);
    }
    Ok((from, to))
}

struct Job<'a> {
    global: &'a Global,
    args: &'a Sync,
    dest: &'a str,
    to: Access,
    digests: Option<File>,
    copied: usize,
    failed: bool,
}

impl Job<'_> {
    fn batch(&mut self, batch: &Batch) -> Result<()> {
        let count = batch.images.len();
        for (n, image) in batch.images.iter().enumerate() {
            let destination = self.destination(batch, image)?;
            let (source, place) = (image.to_string(), destination.to_string());
            let (verb, n) = (
                if self.args.dry_run {
                    "Would have copied"
                } else {
                    "Copying"
                },
                n + 1,
            );
            let fields = [("from", source.as_str()), ("to", place.as_str())];
            fatal::info(&format!("{verb} image ref {n}/{count}"), &fields);
            if !self.args.dry_run {
                let copied = self.copy(batch, image, &destination);
                match copied.with_context(|| format!("Error copying ref {source:?}")) {
                    Err(error) if self.args.keep_going => {
                        fatal::error(&error);
                        self.failed = true;
                        continue;
                    }
                    done => done?,
                }
            }
            self.copied += 1;
        }
        Ok(())
    }

    fn copy(&mut self, batch: &Batch, image: &Reference, destination: &Reference) -> Result<()> {
        if let Reference::Dir { path } = destination {
            fs::create_dir_all(path).with_context(|| {
                format!("Error creating directory for image {}", path.display())
            })?;
        }
        let trust = Trust::new(self.global, &self.args.signing, image, destination)?;
        let options = Options {
            multi_arch: if self.args.all {
                MultiArch::All
            } else {
                MultiArch::System
            },
            format: self.args.format.map(cli::Format::resolve),
            preserve_digests: self.args.preserve_digests,
            unless_there: true,
            quiet: false,
            tmpdir: self.global.tmpdir.clone(),
            ..Options::quiet(Platform::chosen(self.global), trust)
        };
        let written = retrying(&self.args.retry, || {
            let source = transport::open_source(image, &batch.access)
                .with_context(|| format!("initializing source {image}"))?;
            let writing = Writing {
                from: Some(image.clone()),
                ..Writing::default()
            };
            let place = transport::open_destination(destination, &self.to, &writing)
                .with_context(|| format!("initializing destination {destination}"))?;
            copy::image(&*source, place, &options)
        })?;
        if let Some(file) = &mut self.digests {
            writeln!(file, "{} {destination}", written.digest())
                .context("Failed to write digest to file")?;
        }
        Ok(())
    }

    /// Below the destination: the last part of the image's name, or with `--scoped` all of it.
    fn destination(&self, batch: &Batch, image: &Reference) -> Result<Reference> {
        let mut suffix = batch.suffix(image);
        if !self.args.scoped {
            suffix = suffix.rsplit('/').next().unwrap_or_default().to_owned();
        }
        let base = self.args.destination.trim_end_matches('/');
        let place = format!(
            "{base}/{}{}",
            suffix.trim_start_matches('/'),
            self.args.append_suffix
        );
        if self.dest == "docker" {
            return super::parse_image(&format!("docker://{place}"));
        }
        match fs::symlink_metadata(&place) {
            Ok(_) => bail!("Refusing to overwrite destination directory {place:?}"),
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).context("Destination directory could not be used")
            }
            Err(_) => Ok(Reference::Dir {
                path: Path::new(&place).to_owned(),
            }),
        }
    }
}
