//! Pax extended header records (pax(1), "pax Header Format"): `LENGTH KEY=VALUE\n`, where the value may hold any byte.

use nix::sys::time::TimeSpec;

use super::sparse::PaxSparse;
use crate::layer::error::{LayerError, Result};

/// The records that describe the next member. Of a repeated key the last one counts; keys without meaning here are left out.
#[derive(Debug, Default)]
pub(super) struct Records {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    pub(super) mtime: Option<TimeSpec>,
    pub(super) atime: Option<TimeSpec>,
    pub(super) ctime: Option<TimeSpec>,
    pub(super) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) sparse: PaxSparse,
}

impl Records {
    pub(super) fn parse(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let (key, value, rest) = record(bytes)?;
            self.set(key, value)?;
            bytes = rest;
        }
        Ok(())
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
            self.xattrs.retain(|(known, _)| known != name);
            self.xattrs.push((name.to_vec(), value.to_vec()));
            return Ok(());
        }
        if let Some(field) = key.strip_prefix(b"GNU.sparse.") {
            return self.sparse.set(field, value);
        }
        match key {
            // An empty value takes back an earlier record.
            b"path" => self.path = (!value.is_empty()).then(|| value.to_vec()),
            b"linkpath" => self.link = (!value.is_empty()).then(|| value.to_vec()),
            b"size" => self.size = Some(number(value)?),
            b"uid" => self.uid = Some(number(value)?),
            b"gid" => self.gid = Some(number(value)?),
            b"mtime" => self.mtime = Some(time(value)?),
            // Nothing depends on these two, so a wrong one is none.
            b"atime" => self.atime = time(value).ok(),
            b"ctime" => self.ctime = time(value).ok(),
            _ => {}
        }
        Ok(())
    }
}

/// Splits off the first record: its key, its value, and what follows it.
fn record(bytes: &[u8]) -> Result<(&[u8], &[u8], &[u8])> {
    let parse = || {
        let space = bytes.iter().take(20).position(|byte| *byte == b' ')?;
        let length = usize::try_from(number(&bytes[..space]).ok()?).ok()?;
        let record = bytes.get(space + 1..length)?.strip_suffix(b"\n")?;
        let equals = record.iter().position(|byte| *byte == b'=')?;
        Some((&record[..equals], &record[equals + 1..], &bytes[length..]))
    };
    parse().ok_or_else(|| LayerError::Archive("a pax record is malformed".into()))
}

/// A non-negative decimal number.
pub(super) fn number(text: &[u8]) -> Result<u64> {
    let digits = text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text)
        .ok()
        .filter(|_| digits)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| {
            let shown = String::from_utf8_lossy(text).into_owned();
            LayerError::Archive(format!("{shown:?} is not a number"))
        })
}

/// Seconds since 1970 with a sign and any number of decimals, of which nine are kept.
fn time(text: &[u8]) -> Result<TimeSpec> {
    let (negative, magnitude) = match text.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut parts = magnitude.splitn(2, |byte| *byte == b'.');
    let whole = i64::try_from(number(parts.next().unwrap_or_default())?)
        .map_err(|_| LayerError::Archive("a time is out of range".into()))?;
    let mut decimals = [b'0'; 9];
    let fraction = parts.next().unwrap_or_default();
    let kept = fraction.len().min(9);
    decimals[..kept].copy_from_slice(&fraction[..kept]);
    let nanoseconds = number(&decimals)? as i64;
    Ok(match (negative, nanoseconds) {
        (false, _) => TimeSpec::new(whole, nanoseconds),
        (true, 0) => TimeSpec::new(-whole, 0),
        (true, _) => TimeSpec::new(-whole - 1, 1_000_000_000 - nanoseconds),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_value_may_hold_newlines() {
        let mut records = Records::default();
        records
            .parse(b"37 SCHILY.xattr.security.capability=\x01\n\x02\n")
            .unwrap_err();
        let mut text = b" SCHILY.xattr.user.x=\x01\n\x02\n".to_vec();
        let mut record = (text.len() + 2).to_string().into_bytes();
        record.append(&mut text);
        let mut records = Records::default();
        records.parse(&record).unwrap();
        assert_eq!(
            records.xattrs,
            [(b"user.x".to_vec(), b"\x01\n\x02".to_vec())]
        );
    }

    #[test]
    fn times_have_signs_and_fractions() {
        assert_eq!(time(b"1.5").unwrap(), TimeSpec::new(1, 500_000_000));
        assert_eq!(time(b"-1.25").unwrap(), TimeSpec::new(-2, 750_000_000));
        assert_eq!(
            time(b"7.1234567899").unwrap(),
            TimeSpec::new(7, 123_456_789)
        );
        assert!(time(b"").is_err());
        assert!(time(b"1.x").is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Records::default().parse(&bytes);
        }

        #[test]
        fn any_digits_are_a_time(text in "-?[0-9]{1,25}(\\.[0-9]{0,12})?") {
            let _ = time(text.as_bytes());
        }
    }
}
