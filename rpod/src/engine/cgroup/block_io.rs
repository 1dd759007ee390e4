//! Limits of reading and writing block devices: blkio of cgroup v1, io of v2.

use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::{Version, write};
use crate::engine::container::record::BlockIo;

pub(super) fn is_asked(asked: &BlockIo) -> bool {
    asked.weight.is_some()
        || [
            &asked.weight_device,
            &asked.read_bps,
            &asked.write_bps,
            &asked.read_iops,
            &asked.write_iops,
        ]
        .iter()
        .any(|list| !list.is_empty())
}

pub(super) fn limit(group: &Path, version: Version, asked: &BlockIo) -> Result<()> {
    let (general, special) = weight_files(group, version);
    // io.weight goes from 1 to 10000; the others take what was asked for.
    let weight = |weight: u64| match general {
        "io.weight" => 1 + (weight - 10) * 9999 / 990,
        _ => weight,
    };
    if let Some(asked) = asked.weight {
        let file = existing(group, general)?;
        write(group, file, &weight(asked.into()).to_string())?;
    }
    for (device, asked) in &asked.weight_device {
        let file = existing(group, special)?;
        write(
            group,
            file,
            &format!("{} {}", number(device)?, weight(*asked)),
        )?;
    }
    let rates = [
        ("blkio.throttle.read_bps_device", "rbps", &asked.read_bps),
        ("blkio.throttle.write_bps_device", "wbps", &asked.write_bps),
        ("blkio.throttle.read_iops_device", "riops", &asked.read_iops),
        (
            "blkio.throttle.write_iops_device",
            "wiops",
            &asked.write_iops,
        ),
    ];
    for (file, key, list) in rates {
        for (device, rate) in list {
            let number = number(device)?;
            match version {
                Version::V1 => write(group, file, &format!("{number} {rate}"))?,
                Version::V2 => write(group, "io.max", &format!("{number} {key}={rate}"))?,
            }
        }
    }
    Ok(())
}

/// The files for a weight and for one of a device, as far as the kernel's schedulers bring them.
fn weight_files(group: &Path, version: Version) -> (&'static str, &'static str) {
    let candidates = match version {
        Version::V1 => [
            ("blkio.weight", "blkio.weight_device"),
            ("blkio.bfq.weight", "blkio.bfq.weight_device"),
        ],
        Version::V2 => [
            ("io.bfq.weight", "io.bfq.weight"),
            ("io.weight", "io.weight"),
        ],
    };
    let found = candidates
        .iter()
        .find(|(file, _)| group.join(file).exists());
    *found.unwrap_or(&candidates[1])
}

fn existing<'a>(group: &Path, file: &'a str) -> Result<&'a str> {
    if !group.join(file).exists() {
        bail!(
            "weights of block I/O: this kernel has no {file}: load a scheduler that has weights (bfq), or limit rates"
        );
    }
    Ok(file)
}

/// `MAJOR:MINOR`
fn number(device: &str) -> Result<String> {
    let found = std::fs::metadata(device).with_context(|| format!("looking at device {device}"))?;
    if !found.file_type().is_block_device() {
        bail!("{device} is no block device");
    }
    let number = found.rdev();
    Ok(format!("{}:{}", libc::major(number), libc::minor(number)))
}
