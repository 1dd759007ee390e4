//! Sizes for people.

use super::template::general;

const DECIMAL: [&str; 9] = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];

/// Three digits and a decimal unit, as podman shows an image's size: `5.4 MB`.
pub fn image_size(bytes: u64) -> String {
    let (number, unit) = scaled(bytes, 3);
    format!("{number} {unit}")
}

/// Four digits and a decimal unit with nothing between, as everywhere else: `5.403MB`.
pub fn human_size(bytes: u64) -> String {
    let (number, unit) = scaled(bytes, 4);
    number + unit
}

fn scaled(bytes: u64, digits: usize) -> (String, &'static str) {
    let mut size = bytes as f64;
    let mut unit = 0;
    while size >= 1000.0 && unit + 1 < DECIMAL.len() {
        size /= 1000.0;
        unit += 1;
    }
    let widest = i32::try_from(digits).unwrap_or(i32::MAX);
    (general(size, Some(digits), widest), DECIMAL[unit])
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
        assert_eq!(human_size(5_403_111), "5.403MB");
    }
}
