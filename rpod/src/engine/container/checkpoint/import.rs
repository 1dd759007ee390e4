//! A container made of a checkpoint's archive, which may come from anywhere: it is unpacked into a directory of its own, and only files
//! that a checkpoint has are taken from there.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::{IMAGES, MEMORY, archive, criu, image, network, rootfs, shm};
use crate::engine::container::clone::give_up_own;
use crate::engine::container::record::{Container, Namespace};
use crate::engine::container::{create, remove};
use crate::engine::files::{Root, compression, unpack};
use crate::engine::image::Image;
use crate::engine::network::port::Mapping;
use crate::engine::pod::join::join;
use crate::engine::pod::record::Shared;
use crate::engine::quota::Quota;
use crate::engine::{Context, volume};
use crate::store::directory::{entries, remove_tree};
use crate::store::{Lock, Noun, id, names};

/// What is taken into the container's directory.
const TAKEN: [&str; 8] = [
    IMAGES,
    MEMORY,
    archive::LOG,
    network::STATUS,
    shm::ARCHIVE,
    rootfs::CHANGED,
    rootfs::DELETED,
    "artifacts",
];

/// What shall be otherwise than it was.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub name: Option<String>,
    pub pod: Option<String>,
    pub publish: Vec<Mapping>,
    pub ignore_volumes: bool,
    /// The archive of an earlier dump of its memory.
    pub previous: Option<PathBuf>,
}

/// A checkpoint that is unpacked; it goes with this value.
#[derive(Debug)]
pub struct Unpacked {
    directory: PathBuf,
    /// As it was.
    container: Container,
    _lock: Lock,
}

pub fn from_file(ctx: &Context, path: &Path) -> Result<Unpacked> {
    let opening = || {
        format!(
            "failed to open checkpoint archive {} for import",
            path.display()
        )
    };
    let file = File::open(path).with_context(opening)?;
    unpacked(ctx, file)
        .with_context(|| format!("unpacking of checkpoint archive {} failed", path.display()))
}

pub fn from_image(ctx: &Context, image: &Image) -> Result<Unpacked> {
    let file = image::open(image)?;
    unpacked(ctx, file).with_context(|| format!("unpacking checkpoint image {} failed", image.id))
}

fn unpacked(ctx: &Context, archive: impl Read) -> Result<Unpacked> {
    let mut unpacked = make(&ctx.store.root.join("checkpoints"))?;
    unpack_into(archive, &unpacked.directory)?;
    unpacked.container = record(&unpacked.directory)?;
    Ok(unpacked)
}

fn unpack_into(archive: impl Read, directory: &Path) -> Result<()> {
    let archive = compression::read(BufReader::new(archive))?;
    let options = unpack::Options::default();
    unpack::unpack(archive, &Root::open(directory)?, Path::new("/"), &options)
}

/// A directory of its own, which nobody sweeps: who sweeps holds the lock under which it is made and locked.
fn make(all: &Path) -> Result<Unpacked> {
    let making = |path: &Path| format!("making {}", path.display());
    fs::create_dir_all(all).with_context(|| making(all))?;
    let _all = Lock::exclusive(all)?;
    sweep(all)?;
    let directory = all.join(format!(".tmp-{}", id::new()?));
    fs::create_dir(&directory).with_context(|| making(&directory))?;
    Ok(Unpacked {
        _lock: Lock::exclusive(&directory)?,
        directory,
        container: Container::default(),
    })
}

/// What processes that were killed have left.
fn sweep(all: &Path) -> Result<()> {
    for path in entries(all)? {
        match Lock::try_exclusive(&path) {
            // Whoever had it has just removed it.
            Err(_) if !path.exists() => {}
            lock => {
                if let Some(_lock) = lock? {
                    remove_tree(&path)?;
                }
            }
        }
    }
    Ok(())
}

/// A name and an id become paths, so they are looked at; the rest is as good as the command line that made it.
fn record(directory: &Path) -> Result<Container> {
    let root = Root::open(directory)?;
    let config = root
        .open_at(Path::new(archive::CONFIG), nix::fcntl::OFlag::O_RDONLY)
        .with_context(|| format!("the archive has no {}", archive::CONFIG))?;
    let mut config: Value = serde_json::from_reader(BufReader::new(File::from(config)))
        .with_context(|| format!("{} is damaged", archive::CONFIG))?;
    let record = config[archive::RECORD].take();
    if record.is_null() {
        bail!(
            "{} is not rpod's: restore the checkpoint with the engine that made it",
            archive::CONFIG
        );
    }
    let container: Container = serde_json::from_value(record)
        .with_context(|| format!("{} is damaged", archive::CONFIG))?;
    if !id::is_whole(&container.id) || !names::is_valid(&container.name) {
        bail!(
            "{}: neither an id nor a name of a container",
            archive::CONFIG
        );
    }
    Ok(container)
}

impl Unpacked {
    /// The runtime that made the checkpoint, and has to restore it.
    pub fn runtime(&self) -> Option<String> {
        let name = self.container.runtime.as_deref()?.file_name()?;
        Some(name.to_string_lossy().into_owned())
    }

    /// Makes the container, ready to be restored.
    pub fn create(&self, ctx: &Context, asked: &Asked) -> Result<Container> {
        let mut container = self.container.clone();
        // An archive does not tell which file of this host goes with its container.
        container.cidfile = None;
        // Nor what this host's disks can keep small.
        container.quota = Quota::default();
        let runtime = ctx.runtime()?;
        let made_by = self.runtime();
        if made_by.as_deref() != runtime.file_name().and_then(|name| name.to_str()) {
            bail!(
                "the checkpoint was made by the OCI runtime {}, and cannot be restored by {}: leave out --runtime",
                made_by.unwrap_or_default(),
                runtime.display()
            );
        }
        if let Some(name) = &asked.name {
            container.id.clear();
            container.name.clone_from(name);
        } else if ctx.store.home(Noun::Container, &container.id).exists() {
            bail!(
                "container {} exists already: give the restored one another name with --name",
                container.id
            );
        }
        if !asked.publish.is_empty() {
            container.network.publish.clone_from(&asked.publish);
        }
        if !asked.ignore_volumes {
            check_volumes(ctx, &container)?;
        }
        let joining = match (&container.pod, &asked.pod) {
            (Some(_), None) => bail!("cannot restore pod container without --pod"),
            (None, Some(_)) => bail!("cannot restore non pod container into pod"),
            (None, None) => None,
            (Some(_), Some(pod)) => {
                criu::check(criu::FOR_PODS).context("restoring containers into pod")?;
                criu::check_runtime_for_pods(&runtime)?;
                Some(join(ctx, pod)?)
            }
        };
        if let Some(joining) = &joining {
            for (kind, word, namespace) in shared(&mut container) {
                if matches!(namespace, Namespace::Container(_)) {
                    *namespace = joining.namespace(kind).with_context(|| {
                        format!("pod {} does not share the {word} namespace", joining.pod.id)
                    })?;
                }
            }
            give_up_own(&mut container);
            joining.admit(ctx, &mut container)?;
        }
        let _images = create::lock_images(ctx)?;
        if container.rootfs.is_none() && !container.image.id.is_empty() {
            let image = create::image(ctx, &container.image.name)?;
            let raw_name = container.image.raw_name.clone();
            let config = image.config.config.clone().unwrap_or_default();
            create::name_image(ctx, &mut container, &raw_name, &image, &config)?;
        }
        let container = create::create(ctx, container)?;
        let filled = self.fill(ctx, &container, asked);
        if filled.is_err() {
            remove::remove(ctx, &container, true, None)?;
        }
        filled.map(|()| container)
    }

    fn fill(&self, ctx: &Context, container: &Container, asked: &Asked) -> Result<()> {
        if let Some(previous) = &asked.previous {
            let opening = || {
                format!(
                    "failed to open pre-checkpoint archive {} for import",
                    previous.display()
                )
            };
            let file = File::open(previous).with_context(opening)?;
            let place = self.directory.join("previous");
            fs::create_dir(&place).with_context(|| format!("making {}", place.display()))?;
            unpack_into(file, &place)?;
            take(&place, &container.home(ctx), MEMORY)?;
        }
        for name in TAKEN {
            take(&self.directory, &container.home(ctx), name)?;
        }
        if asked.ignore_volumes {
            return Ok(());
        }
        let root = Root::open(&self.directory)?;
        for name in container.volumes() {
            let path = archive::of_volume(Path::new("/"), name);
            if let Ok(archive) = root.open_at(&path, nix::fcntl::OFlag::O_RDONLY) {
                volume::archive::import(ctx, &volume::get(ctx, name)?, File::from(archive))?;
            }
        }
        Ok(())
    }
}

/// Moves a file or a directory; a link, which leads somewhere, is none.
fn take(from: &Path, to: &Path, name: &str) -> Result<()> {
    let (from, to) = (from.join(name), to.join(name));
    let taken = match from.symlink_metadata() {
        Ok(found) if found.is_file() || found.is_dir() => fs::rename(&from, &to),
        _ => Ok(()),
    };
    taken.with_context(|| format!("moving {} to {}", from.display(), to.display()))
}

fn check_volumes(ctx: &Context, container: &Container) -> Result<()> {
    for name in container.volumes() {
        if volume::get(ctx, name).is_ok() {
            bail!(
                "volume with name {name} already exists. Use --ignore-volumes to not restore content of volumes"
            );
        }
    }
    Ok(())
}

fn shared(container: &mut Container) -> [(Shared, &'static str, &mut Namespace); 5] {
    let own = &mut container.namespaces;
    [
        (Shared::Pid, "PID", &mut own.pid),
        (Shared::Ipc, "IPC", &mut own.ipc),
        (Shared::Uts, "UTS", &mut own.uts),
        (Shared::Net, "network", &mut own.net),
        (Shared::Cgroup, "cgroup", &mut own.cgroup),
    ]
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        // The next import sweeps what is left.
        let _ = remove_tree(&self.directory);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn nobody_sweeps_what_another_unpacks() {
        let dir = tempfile::tempdir().unwrap();
        let all = dir.path().join("checkpoints");
        fs::create_dir_all(all.join(".tmp-left")).unwrap();
        std::thread::scope(|scope| {
            let threads = [(); 8].map(|()| {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let made = make(&all).unwrap();
                        fs::write(made.directory.join("file"), "").unwrap();
                    }
                })
            });
            for thread in threads {
                thread.join().unwrap();
            }
        });
        assert_eq!(entries(&all).unwrap(), Vec::<PathBuf>::new());
    }
}
