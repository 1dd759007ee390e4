//! Sizes for people.

use super::template::general;

const DECIMAL: [&str; 9] = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
const BINARY: [&str; 9] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"];

/// Three digits and a decimal unit, as podman shows an image's size: `5.4 MB`.
pub fn image_size(bytes: u64) -> String {
    let (number, unit) = scaled(bytes, 1000.0, DECIMAL, 3);
    format!("{number} {unit}")
}

/// Three digits and a decimal unit with nothing between, as in the history of an image: `5.4MB`.
pub fn layer_size(bytes: u64) -> String {
    let (number, unit) = scaled(bytes, 1000.0, DECIMAL, 3);
    number + unit
}

/// Four digits and a decimal unit with nothing between, as everywhere else: `5.403MB`.
pub fn human_size(bytes: u64) -> String {
    let (number, unit) = scaled(bytes, 1000.0, DECIMAL, 4);
    number + unit
}

/// Four digits and a binary unit: `2.094MiB`.
pub fn binary_size(bytes: u64) -> String {
    let (number, unit) = scaled(bytes, 1024.0, BINARY, 4);
    number + unit
}

fn scaled(
    bytes: u64,
    base: f64,
    units: [&'static str; 9],
    digits: usize,
) -> (String, &'static str) {
    let mut size = bytes as f64;
    let mut unit = 0;
    while size >= base && unit + 1 < units.len() {
        size /= base;
        unit += 1;
    }
    let widest = i32::try_from(digits).unwrap_or(i32::MAX);
    (general(size, Some(digits), widest), units[unit])
}

/// `1m`, `500kB`, `12`: thousands, as podman reads the sizes of logs and of volumes.
pub fn parse_decimal_size(text: &str) -> Option<u64> {
    unsigned(parse_size(text, 1000.0)?)
}

/// The same in steps of 1024, as podman reads the sizes of containers.
pub fn parse_binary_size(text: &str) -> Option<u64> {
    unsigned(parse_size(text, 1024.0)?)
}

fn unsigned(size: f64) -> Option<u64> {
    (size >= 0.0).then_some(size as u64)
}

/// A number, which may be less than nothing, and a unit.
pub fn parse_size(text: &str, step: f64) -> Option<f64> {
    let text = text.trim().to_ascii_lowercase();
    let digits = 1 + text.rfind(|c: char| c.is_ascii_digit() || c == '.' || c == ' ')?;
    let unit = match &text[digits..] {
        "" | "b" => 1.0,
        "k" | "kb" | "kib" => step,
        "m" | "mb" | "mib" => step.powi(2),
        "g" | "gb" | "gib" => step.powi(3),
        "t" | "tb" | "tib" => step.powi(4),
        "p" | "pb" | "pib" => step.powi(5),
        _ => return None,
    };
    let number: f64 = text[..digits].trim_end().parse().ok()?;
    Some(number * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_podman_prints_them() {
        for (bytes, expected) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1 kB"),
            (1_987_667, "1.99 MB"),
            (5_400_000, "5.4 MB"),
            (123_456_789_000, "123 GB"),
        ] {
            assert_eq!(image_size(bytes), expected);
        }
        assert_eq!(layer_size(5_403_111), "5.4MB");
        assert_eq!(human_size(5_403_111), "5.403MB");
        assert_eq!(binary_size(1008 << 10), "1008KiB");
    }

    #[test]
    fn thousands() {
        for (text, size) in [
            ("1m", 1_000_000),
            ("12", 12),
            ("1.5kB", 1500),
            ("2 GB", 2_000_000_000),
            ("3KiB", 3000),
        ] {
            assert_eq!(parse_decimal_size(text), Some(size), "{text}");
        }
        for wrong in ["1x", "m", "", "-1", "1kbb"] {
            assert_eq!(parse_decimal_size(wrong), None, "{wrong}");
        }
        assert_eq!(parse_binary_size("1.5 k"), Some(1536));
        assert_eq!(parse_binary_size("2P"), Some(2 << 50));
    }
}
