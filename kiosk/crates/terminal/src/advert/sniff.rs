//! What a file is by its first bytes, whatever it is called.

/// How many first bytes tell it.
pub const HEAD_BYTES: usize = 16;

/// The media type of a file that begins like this; `None` for everything the page does not show.
pub fn media_type(head: &[u8]) -> Option<&'static str> {
    let at = |from: usize, text: &[u8]| head.get(from..from + text.len()) == Some(text);
    // PNG 5.2, JPEG B.1.1.3 (SOI and the next marker's first byte), the WebP container, ISO/IEC
    // 14496-12 4.3 (ftyp), EBML (RFC 8794, which WebM begins with).
    if at(0, b"\x89PNG\r\n\x1a\n") {
        Some("image/png")
    } else if at(0, b"\xff\xd8\xff") {
        Some("image/jpeg")
    } else if at(0, b"RIFF") && at(8, b"WEBP") {
        Some("image/webp")
    } else if at(4, b"ftyp") && !at(8, b"avif") && !at(8, b"heic") {
        Some("video/mp4")
    } else if at(0, b"\x1a\x45\xdf\xa3") {
        Some("video/webm")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_it_begins_with_and_not_what_it_is_called() {
        let table: [(&[u8], Option<&str>); 12] = [
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", Some("image/png")),
            (b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01", Some("image/jpeg")),
            (b"RIFF\x24\0\0\0WEBPVP8 ", Some("image/webp")),
            (b"\0\0\0\x20ftypisom\0\0\x02\0", Some("video/mp4")),
            (b"\0\0\0\x18ftypmp42\0\0\0\0", Some("video/mp4")),
            (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81", Some("video/webm")),
            (b"\0\0\0\x1cftypavif\0\0\0\0", None),
            (b"RIFF\x24\0\0\0WAVEfmt ", None),
            (b"<svg xmlns=\"http://www.w3.org", None),
            (b"<!DOCTYPE html>", None),
            (b"\x89PN", None),
            (b"", None),
        ];
        for (head, want) in table {
            assert_eq!(media_type(head), want, "{head:?}");
        }
    }
}
