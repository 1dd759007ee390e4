//! What a container may read from devices and write to them: `/dev/DEVICE:VALUE`, wrong ones told in podman's words.

use std::os::unix::fs::FileTypeExt as _;

use anyhow::{Context as _, Result, bail};

use super::bytes;
use crate::output::parse_number;

/// A device and what is asked of it.
type Asked = (String, u64);

/// `--blkio-weight`
pub(in crate::cli) fn weight(text: &str) -> Result<u16> {
    let weight = parse_number("ParseUint", text).context("invalid value for blkio-weight")?;
    if !is_weight(weight) {
        bail!("--blkio-weight {weight}: range of weight is from 10 to 1000");
    }
    Ok(weight)
}

/// One of `--blkio-weight-device`
pub(in crate::cli) fn weight_of_device(text: &str) -> Result<Asked> {
    let (device, value) = split(text)?;
    let weight: u16 = value.parse().unwrap_or_default();
    if !is_weight(weight) {
        bail!("invalid weight for device: {text}: range of weight is from 10 to 1000");
    }
    Ok((block_device(device)?, weight.into()))
}

/// One of `--device-read-bps`, `--device-write-bps`
pub(in crate::cli) fn bytes_a_second(text: &str) -> Result<Asked> {
    let (device, value) = split(text)?;
    let rate = bytes(value).ok().and_then(|rate| u64::try_from(rate).ok());
    let rate = rate.with_context(|| {
        format!(
            "invalid rate for device: {text}. The correct format is <device-path>:<number>[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb"
        )
    })?;
    Ok((block_device(device)?, rate))
}

/// One of `--device-read-iops`, `--device-write-iops`
pub(in crate::cli) fn operations_a_second(text: &str) -> Result<Asked> {
    let (device, value) = split(text)?;
    let rate: Option<u64> = value.parse().ok();
    let rate = rate.with_context(|| {
        format!(
            "invalid rate for device: {text}. The correct format is <device-path>:<number>. Number must be a positive integer"
        )
    })?;
    Ok((block_device(device)?, rate))
}

fn split(text: &str) -> Result<(&str, &str)> {
    let (device, value) = text
        .split_once(':')
        .with_context(|| format!("bad format: {text}: write /dev/DEVICE:VALUE"))?;
    if !device.starts_with("/dev/") {
        bail!("bad format for device path: {text}: write /dev/DEVICE:VALUE");
    }
    Ok((device, value))
}

fn block_device(path: &str) -> Result<String> {
    let found = std::fs::metadata(path).with_context(|| format!("stat {path}"))?;
    if !found.file_type().is_block_device() {
        bail!("{path}: not a block device");
    }
    Ok(path.to_owned())
}

fn is_weight(weight: u16) -> bool {
    (10..=1000).contains(&weight)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_wrong_is_told_as_podman_tells_it() {
        let told = |result: Result<Asked>| result.unwrap_err().to_string();
        assert!(told(weight_of_device("x")).starts_with("bad format: x"));
        assert!(told(bytes_a_second("x:1")).starts_with("bad format for device path: x:1"));
        assert!(
            told(weight_of_device("/dev/null:x"))
                .starts_with("invalid weight for device: /dev/null:x")
        );
        assert!(
            told(bytes_a_second("/dev/null:x"))
                .starts_with("invalid rate for device: /dev/null:x. ")
        );
        assert!(
            told(operations_a_second("/dev/null:1k"))
                .ends_with("Number must be a positive integer")
        );
        assert_eq!(
            told(bytes_a_second("/dev/null:1k")),
            "/dev/null: not a block device"
        );
        assert_eq!(
            format!("{:#}", weight("x").unwrap_err()),
            "invalid value for blkio-weight: strconv.ParseUint: parsing \"x\": invalid syntax"
        );
        assert_eq!(weight("10").unwrap(), 10);
    }
}
