//! Ids: 64 hexadecimal digits, shown as the first twelve.

use std::fmt::Write as _;

use anyhow::{Result, anyhow};

/// A new id from the kernel's random bytes.
pub fn new() -> Result<String> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| anyhow!("reading random bytes for a new id: {error}"))?;
    let mut id = String::with_capacity(64);
    for byte in bytes {
        write!(id, "{byte:02x}").expect("a String takes every write");
    }
    Ok(id)
}

/// The form that tables show.
pub fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

/// True for a whole id.
pub fn is_whole(text: &str) -> bool {
    text.len() == 64 && is_prefix(text)
}

/// True for what an id may begin with.
pub fn is_prefix(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn new_ids_are_whole_and_differ() {
        let (a, b) = (new().unwrap(), new().unwrap());
        assert!(is_whole(&a) && is_whole(&b));
        assert_ne!(a, b);
        assert_eq!(short(&a).len(), 12);
    }

    #[test]
    fn names_are_no_ids() {
        assert!(!is_prefix("top") && !is_prefix("") && is_prefix("abc1"));
    }
}
