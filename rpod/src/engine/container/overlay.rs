//! The root file system of a container: the image's layers, read-only, under a directory of its own.

mod descriptor;

use std::ffi::CString;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use super::fuse::{Layers, mount_or};
use super::upper;
use crate::engine::quota::Quota;
use crate::engine::selinux;

/// What is laid over what.
#[derive(Debug)]
pub struct Overlay<'a> {
    /// `ROOT/layers`.
    pub layers: &'a Path,
    /// chainIDs, lowest first.
    pub chain: &'a [String],
    /// The container's directory, with `upper`, `work` and `rootfs` in it.
    pub home: &'a Path,
    /// Nothing has to survive a power loss, so nothing is synced when it is unmounted.
    pub volatile: bool,
    /// Whiteouts are kept in `user.` attributes, as an ordinary user can write them.
    pub userxattr: bool,
    /// Whose the root directory is.
    pub owner: (u32, u32),
    /// The SELinux label that all its files have.
    pub label: Option<&'a str>,
    /// How much may be written.
    pub quota: Quota,
}

impl Overlay<'_> {
    /// Makes the directories, unless they are there, and mounts. A rootfs that is mounted already is left alone.
    pub fn mount(&self) -> Result<()> {
        let rootfs = self.home.join("rootfs");
        upper::make(self.home, &self.quota)?;
        // The label of the mount hides that of the files, but not from who maps them into memory.
        if let Some(label) = self.label {
            selinux::label_directory(&self.home.join("upper"), label)?;
            selinux::label_directory(&self.home.join("work"), label)?;
        }
        if self.owner != (0, 0) {
            let upper = self.home.join("upper");
            chown(&upper, Some(self.owner.0), Some(self.owner.1))
                .with_context(|| format!("changing the owner of {}", upper.display()))?;
        }
        if is_mount_point(&rootfs)? {
            return Ok(());
        }
        upper::lay(self.home, &self.quota, || self.lay(&rootfs))
    }

    fn lay(&self, rootfs: &Path) -> Result<()> {
        let (upper, work) = (self.home.join("upper"), self.home.join("work"));
        if self.chain.is_empty() {
            return bind(&upper, rootfs);
        }
        let layers = Layers {
            lower: lower(self.layers, self.chain),
            upper_and_work: Some((&upper, &work)),
            volatile: self.volatile,
            label: self.label,
        };
        mount_or(&layers, rootfs, || self.mount_by_kernel(rootfs))
    }

    fn mount_by_kernel(&self, rootfs: &Path) -> Result<()> {
        if !descriptor::is_known() {
            return self.mount_by_string(rootfs);
        }
        match descriptor::mount(self, rootfs) {
            // A kernel that is older than it says.
            Err(Errno::EINVAL | Errno::ENOSYS) => self.mount_by_string(rootfs),
            result => result.with_context(|| {
                format!(
                    "mounting the overlay of {} layers on {}",
                    self.chain.len(),
                    rootfs.display()
                )
            }),
        }
    }

    /// One page holds all options of mount(2).
    fn mount_by_string(&self, rootfs: &Path) -> Result<()> {
        let mut options = format!(
            "lowerdir={},upperdir={},workdir={}",
            relative(self.chain).join(":"),
            self.home.join("upper").display(),
            self.home.join("work").display()
        );
        if self.volatile {
            options.push_str(",volatile");
        }
        if self.userxattr {
            options.push_str(",userxattr");
        }
        options.push_str(&selinux::mount_option("context", self.label));
        if options.len() >= 4096 {
            bail!(
                "the image has {} layers, more than this kernel can mount: Linux 6.8 takes them all",
                self.chain.len()
            );
        }
        mount_from(self.layers, rootfs, MsFlags::empty(), &options)?.with_context(|| {
            format!(
                "mounting the overlay of {} layers on {}",
                self.chain.len(),
                rootfs.display()
            )
        })
    }
}

/// The same as [`lower`], named relative to the directory of layers, so that as many as possible fit.
fn relative(chain: &[String]) -> Vec<String> {
    let chain = chain.iter().rev();
    chain.map(|layer| format!("{layer}/diff")).collect()
}

/// Mounts layers that are named relative to their directory.
///
/// # Errors
/// The directory cannot be entered or left; the inner error is the kernel's.
fn mount_from(
    layers: &Path,
    target: &Path,
    flags: MsFlags,
    options: &str,
) -> Result<nix::Result<()>> {
    let before = std::env::current_dir().context("reading the working directory")?;
    std::env::set_current_dir(layers).with_context(|| format!("entering {}", layers.display()))?;
    let mounted = mount(
        Some("overlay"),
        target,
        Some("overlay"),
        flags,
        Some(options),
    );
    std::env::set_current_dir(&before).with_context(|| format!("entering {}", before.display()))?;
    Ok(mounted)
}

/// The layers' directories, the highest first.
fn lower(layers: &Path, chain: &[String]) -> Vec<PathBuf> {
    let chain = chain.iter().rev();
    chain.map(|layer| layers.join(layer).join("diff")).collect()
}

/// Lays a directory over another, which stays as it is; all files have the label, if there is one.
pub fn over(
    lower: &Path,
    upper: &Path,
    work: &Path,
    target: &Path,
    label: Option<&str>,
) -> Result<()> {
    let layers = Layers {
        lower: vec![lower.to_owned()],
        upper_and_work: Some((upper, work)),
        volatile: false,
        label,
    };
    mount_or(&layers, target, || {
        let options = over_options(lower, upper, work, label);
        let options = Some(options.as_slice());
        let flags = MsFlags::empty();
        mount(Some("overlay"), target, Some("overlay"), flags, options).with_context(|| {
            format!(
                "mounting an overlay of {} on {}",
                lower.display(),
                target.display()
            )
        })
    })
}

fn over_options(lower: &Path, upper: &Path, work: &Path, label: Option<&str>) -> Vec<u8> {
    let mut options = Vec::new();
    for (name, path) in [
        ("lowerdir=", lower),
        (",upperdir=", upper),
        (",workdir=", work),
    ] {
        options.extend_from_slice(name.as_bytes());
        for byte in path.as_os_str().as_bytes() {
            // A colon divides lower directories alone.
            let divides = *byte == b':' && name == "lowerdir=";
            if divides || matches!(byte, b'\\' | b',') {
                options.push(b'\\');
            }
            options.push(*byte);
        }
    }
    if crate::engine::rootless() {
        options.extend_from_slice(b",userxattr");
    }
    options.extend_from_slice(selinux::mount_option("context", label).as_bytes());
    options
}

/// Layers alone, lowest first, which nobody writes to; all files have the label, if there is one.
pub fn mount_read_only(
    layers: &Path,
    chain: &[String],
    target: &Path,
    label: Option<&str>,
) -> Result<()> {
    let failed = || format!("mounting {} layers on {}", chain.len(), target.display());
    let diff = |layer: &String| layers.join(layer).join("diff");
    if let ([only], None) = (chain, label) {
        bind(&diff(only), target)?;
        let read_only = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY;
        return mount(None::<&str>, target, None::<&str>, read_only, None::<&str>)
            .with_context(failed);
    }
    let all = Layers {
        lower: lower(layers, chain),
        upper_and_work: None,
        volatile: false,
        label,
    };
    mount_or(&all, target, || {
        let mut lower = relative(chain);
        if lower.len() == 1 {
            // The kernel takes no single layer that nothing is written over: it lies over the mount point, which is empty.
            lower.push(target.display().to_string());
        }
        let context = selinux::mount_option("context", label);
        let options = format!("lowerdir={}{context}", lower.join(":"));
        mount_from(layers, target, MsFlags::MS_RDONLY, &options)?.with_context(failed)
    })
}

/// Unmounts what is mounted there; nothing to do is no error.
pub fn unmount(target: &Path) -> Result<()> {
    match umount2(target, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW) {
        Ok(()) | Err(Errno::EINVAL | Errno::ENOENT) => Ok(()),
        Err(errno) => Err(errno).with_context(|| format!("unmounting {}", target.display())),
    }
}

/// The shared memory that containers of one IPC namespace see as /dev/shm.
pub fn mount_shm(target: &Path, size: u64, label: &str) -> Result<()> {
    upper::make_dir(target)?;
    if is_mount_point(target)? {
        return Ok(());
    }
    let options = format!("mode=1777,size={size}{label}");
    mount(
        Some("shm"),
        target,
        Some("tmpfs"),
        MsFlags::MS_NOEXEC | MsFlags::MS_NOSUID | MsFlags::MS_NODEV,
        Some(options.as_str()),
    )
    .with_context(|| format!("mounting {}", target.display()))
}

pub(super) fn bind(source: &Path, target: &Path) -> Result<()> {
    mount(
        Some(source),
        target,
        None::<&str>,
        MsFlags::MS_BIND,
        None::<&str>,
    )
    .with_context(|| format!("binding {} to {}", source.display(), target.display()))
}

/// The same of a path that may not be there.
pub fn is_mounted(path: &Path) -> Result<bool> {
    Ok(path.exists() && is_mount_point(path)?)
}

/// True when something is mounted on the path itself.
pub fn is_mount_point(path: &Path) -> Result<bool> {
    let failed = || format!("looking at {}", path.display());
    let name = CString::new(path.as_os_str().as_bytes()).with_context(failed)?;
    let mut about = MaybeUninit::<libc::statx>::zeroed();
    // SAFETY: `name` is NUL-terminated, and the kernel writes one `struct statx` to `about`.
    let result = unsafe {
        libc::statx(
            libc::AT_FDCWD,
            name.as_ptr(),
            libc::AT_SYMLINK_NOFOLLOW,
            0,
            about.as_mut_ptr(),
        )
    };
    Errno::result(result).with_context(failed)?;
    // SAFETY: zeroed memory is a valid `struct statx`, and the kernel has filled it.
    let about = unsafe { about.assume_init() };
    let bit = libc::STATX_ATTR_MOUNT_ROOT as u64;
    if about.stx_attributes_mask & bit == 0 {
        bail!(
            "{}: this kernel does not tell mount points: Linux 5.8 does",
            path.display()
        );
    }
    Ok(about.stx_attributes & bit != 0)
}
