//! What kind of file it is, told by its first bytes: the MIME Sniffing standard (mimesniff.spec.whatwg.org, section 7), as Go's
//! `http.DetectContentType` has it.

/// By the ending of a file's name, as Go's `mime` has it by itself.
pub fn of_name(name: &str) -> Option<&'static str> {
    let (_, ending) = name.rsplit_once('.')?;
    Some(match ending {
        "avif" => "image/avif",
        "css" => "text/css",
        "gif" => "image/gif",
        "htm" | "html" => "text/html",
        "jpeg" | "jpg" => "image/jpeg",
        "js" | "mjs" => "text/javascript",
        "json" => "application/json",
        "pdf" => "application/pdf",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "wasm" => "application/wasm",
        "webp" => "image/webp",
        "xml" => "text/xml",
        _ => return None,
    })
}

/// How many bytes are looked at.
pub(super) const LOOKED_AT: usize = 512;

/// The media type; `application/octet-stream` for bytes that tell nothing.
pub(super) fn of(start: &[u8]) -> &'static str {
    let start = &start[..start.len().min(LOOKED_AT)];
    let text = start.trim_ascii_start();
    if let Some((_, kind)) = MARKUP.iter().find(|(tag, _)| begins(text, tag)) {
        return kind;
    }
    if text.starts_with(b"<?xml") {
        return "text/xml; charset=utf-8";
    }
    if let Some((_, _, kind)) = MAGIC.iter().find(|(at, magic, _)| is_at(start, *at, magic)) {
        return kind;
    }
    if is_mp4(start) {
        return "video/mp4";
    }
    if start.iter().all(|byte| !is_binary(*byte)) {
        return "text/plain; charset=utf-8";
    }
    "application/octet-stream"
}

const HTML: &str = "text/html; charset=utf-8";

/// Tags, in capitals or not, before a space or their end.
const MARKUP: [(&str, &str); 17] = [
    ("<!DOCTYPE HTML", HTML),
    ("<HTML", HTML),
    ("<HEAD", HTML),
    ("<SCRIPT", HTML),
    ("<IFRAME", HTML),
    ("<H1", HTML),
    ("<DIV", HTML),
    ("<FONT", HTML),
    ("<TABLE", HTML),
    ("<A", HTML),
    ("<STYLE", HTML),
    ("<TITLE", HTML),
    ("<B", HTML),
    ("<BODY", HTML),
    ("<BR", HTML),
    ("<P", HTML),
    ("<!--", HTML),
];

fn begins(text: &[u8], tag: &str) -> bool {
    text.len() > tag.len()
        && text[..tag.len()].eq_ignore_ascii_case(tag.as_bytes())
        && matches!(text[tag.len()], b' ' | b'>')
}

/// Where it stands, what it is (`?` is any byte), and what it says.
const MAGIC: [(usize, &[u8], &str); 32] = [
    (0, b"%PDF-", "application/pdf"),
    (0, b"%!PS-Adobe-", "application/postscript"),
    (0, b"\xFE\xFF??", "text/plain; charset=utf-16be"),
    (0, b"\xFF\xFE??", "text/plain; charset=utf-16le"),
    (0, b"\xEF\xBB\xBF?", "text/plain; charset=utf-8"),
    (0, b"\x00\x00\x01\x00", "image/x-icon"),
    (0, b"\x00\x00\x02\x00", "image/x-icon"),
    (0, b"BM", "image/bmp"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (0, b"RIFF????WEBPVP", "image/webp"),
    (0, b"\x89PNG\x0D\x0A\x1A\x0A", "image/png"),
    (0, b"\xFF\xD8\xFF", "image/jpeg"),
    (0, b"FORM????AIFF", "audio/aiff"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"OggS\x00", "application/ogg"),
    (0, b"MThd\x00\x00\x00\x06", "audio/midi"),
    (0, b"RIFF????AVI ", "video/avi"),
    (0, b"RIFF????WAVE", "audio/wave"),
    (0, b"\x1A\x45\xDF\xA3", "video/webm"),
    (34, b"LP", "application/vnd.ms-fontobject"),
    (0, b"\x00\x01\x00\x00", "font/ttf"),
    (0, b"OTTO", "font/otf"),
    (0, b"ttcf", "font/collection"),
    (0, b"wOFF", "font/woff"),
    (0, b"wOF2", "font/woff2"),
    (0, b"\x1F\x8B\x08", "application/x-gzip"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"Rar!\x1A\x07\x00", "application/x-rar-compressed"),
    (0, b"Rar!\x1A\x07\x01\x00", "application/x-rar-compressed"),
    (0, b".snd", "audio/basic"),
    (0, b"\x00asm", "application/wasm"),
];

fn is_at(start: &[u8], at: usize, magic: &[u8]) -> bool {
    start.get(at..at + magic.len()).is_some_and(|found| {
        let mut pairs = found.iter().zip(magic);
        pairs.all(|(found, magic)| *magic == b'?' || found == magic)
    })
}

/// Section 6.2.1: the first box names the brands, by four bytes each.
fn is_mp4(start: &[u8]) -> bool {
    let Some(Ok(size)) = start.get(..4).map(<[u8; 4]>::try_from) else {
        return false;
    };
    let size = u32::from_be_bytes(size) as usize;
    let Some(first) = start.get(..size).filter(|first| first.len() >= 12) else {
        return false;
    };
    let brands = (8..).step_by(4).map_while(|at| first.get(at..at + 4));
    size.is_multiple_of(4)
        && &first[4..8] == b"ftyp"
        // The second is a version.
        && brands
            .enumerate()
            .any(|(number, brand)| number != 1 && brand.starts_with(b"mp4"))
}

/// Section 5.2: control characters that are in no text.
fn is_binary(byte: u8) -> bool {
    matches!(byte, 0x00..=0x08 | 0x0B | 0x0E..=0x1A | 0x1C..=0x1F)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_tell() {
        for (start, kind) in [
            (&b""[..], "text/plain; charset=utf-8"),
            (b"hello\n", "text/plain; charset=utf-8"),
            (b"  <!doctype html>", HTML),
            (b"<bold>", "text/plain; charset=utf-8"),
            (b"\n<?xml version", "text/xml; charset=utf-8"),
            (b"%PDF-1.7", "application/pdf"),
            (b"\x89PNG\x0D\x0A\x1A\x0A....", "image/png"),
            (b"RIFF1234WAVE", "audio/wave"),
            (b"\x1F\x8B\x08\x00", "application/x-gzip"),
            (b"\x00asm\x01", "application/wasm"),
            (b"\x00\x00\x00\x14ftypisom\x00\x00\x02\x00mp42", "video/mp4"),
            (
                b"\x00\x00\x00\x10ftypisom\x00\x00\x02\x00mp42",
                "application/octet-stream",
            ),
            (b"\x7FELF\x02\x01", "application/octet-stream"),
            (b"\xEF\xBB\xBFx\x00", "text/plain; charset=utf-8"),
        ] {
            assert_eq!(of(start), kind, "{start:?}");
        }
    }
}
