//! The keys that leave a container running: `--detach-keys`, `ctrl-p,ctrl-q` unless said otherwise.

use anyhow::{Result, bail};

pub const DEFAULT: &str = "ctrl-p,ctrl-q";

/// Single characters or `ctrl-X` with X one of a-z @ [ \ ] ^ _, separated by commas. Empty: nothing detaches.
pub fn parse(text: &str) -> Result<Vec<u8>> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    text.split(',').map(key).collect()
}

fn key(text: &str) -> Result<u8> {
    match text.as_bytes() {
        [one] => Ok(*one),
        [b'c', b't', b'r', b'l', b'-', letter] => match letter {
            b'a'..=b'z' => Ok(letter - b'a' + 1),
            b'@' => Ok(0),
            b'[' | b'\\' | b']' | b'^' | b'_' => Ok(letter - b'@'),
            _ => bail!("invalid detach keys: unknown character {text:?}"),
        },
        _ => bail!("invalid detach keys: {text:?} is neither one character nor ctrl-X"),
    }
}

/// Finds the keys in what is typed, also when they come in several reads.
#[derive(Debug)]
pub struct Matcher {
    keys: Vec<u8>,
    matched: usize,
}

impl Matcher {
    pub fn new(keys: Vec<u8>) -> Matcher {
        Matcher { keys, matched: 0 }
    }

    /// What is to be passed on, and whether the keys are complete. Keys that turn out to be none are passed on late.
    pub fn feed(&mut self, typed: &[u8]) -> (Vec<u8>, bool) {
        let mut pass = Vec::with_capacity(typed.len());
        for &byte in typed {
            if self.keys.get(self.matched) == Some(&byte) {
                self.matched += 1;
                if self.matched == self.keys.len() {
                    return (pass, true);
                }
                continue;
            }
            pass.extend_from_slice(&self.keys[..self.matched]);
            self.matched = usize::from(self.keys.first() == Some(&byte));
            if self.matched == 0 {
                pass.push(byte);
            } else if self.keys.len() == 1 {
                return (pass, true);
            }
        }
        (pass, false)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn default_keys() {
        assert_eq!(parse(DEFAULT).unwrap(), [16, 17]);
        assert!(parse("").unwrap().is_empty());
        assert!(parse("ctrl-1").is_err() && parse("alt-a").is_err());
    }

    #[test]
    fn keys_in_two_reads() {
        let mut matcher = Matcher::new(vec![16, 17]);
        assert_eq!(matcher.feed(b"ab\x10"), (b"ab".to_vec(), false));
        assert_eq!(matcher.feed(b"c"), (b"\x10c".to_vec(), false));
        assert_eq!(matcher.feed(b"\x10\x10"), (b"\x10".to_vec(), false));
        assert_eq!(matcher.feed(b"\x11rest"), (vec![], true));
    }
}
