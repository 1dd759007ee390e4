//! Names in an mtree(5) file: vis(3) with white space, glob characters and all that is not printable as `\ooo`.

pub(super) fn encode(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    for &byte in name {
        match byte {
            b'\\' => text.push_str("\\\\"),
            b'*' | b'?' | b'[' | b'#' => octal(&mut text, byte),
            _ if byte.is_ascii_graphic() => text.push(char::from(byte)),
            _ => octal(&mut text, byte),
        }
    }
    text
}

fn octal(text: &mut String, byte: u8) {
    text.push('\\');
    for shift in [6, 3, 0] {
        text.push(char::from(b'0' + (byte >> shift & 7)));
    }
}

/// None if there is a backslash with nothing known behind it.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut name = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            name.push(byte);
            continue;
        }
        let byte = match bytes.next()? {
            b'\\' => b'\\',
            b's' => b' ',
            b't' => b'\t',
            b'n' => b'\n',
            first @ b'0'..=b'3' => {
                let mut value = first - b'0';
                for _ in 0..2 {
                    let digit = bytes.next().filter(|digit| (b'0'..=b'7').contains(digit))?;
                    value = value << 3 | (digit - b'0');
                }
                value
            }
            _ => return None,
        };
        name.push(byte);
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn as_umoci_writes_it() {
        let name = "sp ace#*?[é~!".as_bytes();
        assert_eq!(encode(name), "sp\\040ace\\043\\052\\077\\133\\303\\251~!");
        assert_eq!(encode(b"nl\n\\"), "nl\\012\\\\");
        assert_eq!(decode("a\\"), None);
        assert_eq!(decode("\\08"), None);
    }

    proptest! {
        #[test]
        fn there_and_back(name in proptest::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(decode(&encode(&name)), Some(name));
        }

        #[test]
        fn decoding_never_panics(text in ".{0,40}") {
            decode(&text);
        }
    }
}
