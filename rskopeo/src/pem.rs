//! Blocks of base64 between `-----BEGIN X-----` and `-----END X-----` (RFC 7468).

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    pub label: String,
    /// `Name: value` before the base64, as OpenSSL once wrote of how a key is encrypted.
    headers: Vec<(String, String)>,
    pub bytes: Vec<u8>,
}

impl Block {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// All blocks of a text; what stands between them is passed over.
pub fn parse(text: &[u8]) -> Result<Vec<Block>> {
    let text = std::str::from_utf8(text).context("a PEM file is not text")?;
    let mut blocks = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some(label) = line
            .strip_prefix("-----BEGIN ")
            .and_then(|rest| rest.strip_suffix("-----"))
        else {
            continue;
        };
        let end = format!("-----END {label}-----");
        let mut encoded = String::new();
        let mut headers = Vec::new();
        loop {
            match lines.next() {
                Some(line) if line == end => break,
                Some(line) => match line.split_once(": ") {
                    Some((name, value)) if encoded.is_empty() => {
                        headers.push((name.to_owned(), value.to_owned()));
                    }
                    _ => encoded.push_str(line),
                },
                None => bail!("PEM block {label:?} has no end"),
            }
        }
        let bytes = STANDARD.decode(&encoded);
        blocks.push(Block {
            label: label.to_owned(),
            headers,
            bytes: bytes.with_context(|| format!("PEM block {label:?} is not base64"))?,
        });
    }
    Ok(blocks)
}

/// The only block of a text.
pub fn single(text: &[u8]) -> Result<Block> {
    let mut blocks = parse(text)?;
    match (blocks.pop(), blocks.is_empty()) {
        (Some(block), true) => Ok(block),
        (Some(_), false) => bail!("more than one PEM block"),
        (None, _) => bail!("invalid pem block: there is none"),
    }
}

pub fn encode(label: &str, bytes: &[u8]) -> String {
    let encoded = STANDARD.encode(bytes);
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text + &format!("-----END {label}-----\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn there_and_back(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in ".{0,80}") {
            let block = single(encode("PUBLIC KEY", &bytes).as_bytes()).unwrap();
            prop_assert_eq!(block.bytes, bytes);
            let _ = parse(format!("-----BEGIN X-----\n{text}\n-----END X-----").as_bytes());
        }
    }
}
