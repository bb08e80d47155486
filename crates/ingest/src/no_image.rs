//! What a file is that is no image that can be decoded: known by its first bytes, so that a reject says what to do.

use crate::rejection::Rejection;

/// What is known by its first bytes.
struct Kind {
    /// The reason in `rejects.parquet`.
    reason: &'static str,
    detail: &'static str,
    is_it: fn(&[u8]) -> bool,
}

const KINDS: [Kind; 9] = [
    Kind { reason: "empty", detail: "the file has 0 bytes", is_it: |bytes| bytes.is_empty() },
    Kind {
        reason: "git-lfs-pointer",
        detail: "the file is a pointer of Git LFS, and the image is not here: `git lfs pull` fetches it",
        is_it: |bytes| bytes.starts_with(b"version https://git-lfs.github.com/spec/"),
    },
    Kind {
        reason: "heic",
        detail: "the file is HEIC, which is not read: convert it first, for instance with `heif-convert a.heic a.jpg`",
        is_it: |bytes| has_brand(bytes, &["heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"]),
    },
    Kind {
        reason: "avif",
        detail: "the file is AVIF, which is not read: convert it first, for instance with `avifdec a.avif a.png`",
        is_it: |bytes| has_brand(bytes, &["avif", "avis"]),
    },
    Kind {
        reason: "web-page",
        detail: "the file is a web page, as a failed download leaves it: download the image again",
        is_it: is_web_page,
    },
    Kind { reason: "video", detail: "the file is a video", is_it: is_video },
    Kind {
        reason: "unsupported",
        detail: "the file is JPEG XL, which is not read: convert it first, for instance with `djxl a.jxl a.png`",
        is_it: |bytes| bytes.starts_with(b"\xff\x0a") || bytes.starts_with(b"\0\0\0\x0cJXL \r\n\x87\n"),
    },
    Kind { reason: "unsupported", detail: "the file is a PDF", is_it: |bytes| bytes.starts_with(b"%PDF-") },
    Kind { reason: "unsupported", detail: "the file is an archive", is_it: |bytes| bytes.starts_with(b"PK\x03\x04") },
];

/// The reason and detail for a file that is not decoded and whose kind is known; none for others.
pub(crate) fn recognise(bytes: &[u8]) -> Option<Rejection> {
    let kind = KINDS.iter().find(|kind| (kind.is_it)(bytes))?;
    Some((kind.reason, kind.detail.to_owned()))
}

/// What to do about the rejects of a reason, where it is one of those above.
pub(crate) fn advice(reason: &str) -> Option<&'static str> {
    let kind = KINDS.iter().find(|kind| kind.reason == reason && reason != "unsupported")?;
    kind.detail.split_once(": ").map(|(_, advice)| advice)
}

/// Whether the file is of ISO's base media format, and its brand is one of these. A file of the general brand `mif1` is an
/// AVIF where it says that it is compatible with that.
fn has_brand(bytes: &[u8], brands: &[&str]) -> bool {
    let brand = |at: usize| bytes.get(at..at + 4).and_then(|brand| std::str::from_utf8(brand).ok());
    if brand(4) != Some("ftyp") {
        return false;
    }
    let is_generic = matches!(brand(8), Some("mif1" | "msf1"));
    let is_avif = is_generic && (16..64).step_by(4).any(|at| matches!(brand(at), Some("avif" | "avis")));
    match brand(8) {
        Some(_) if is_avif => brands.contains(&"avif"),
        Some(main) => brands.contains(&main),
        None => false,
    }
}

fn is_web_page(bytes: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(256)]).to_ascii_lowercase();
    let start = start.trim_start_matches('\u{feff}').trim_start();
    ["<!doctype html", "<html", "<head", "<body"].iter().any(|tag| start.starts_with(tag))
}

fn is_video(bytes: &[u8]) -> bool {
    let is_mp4 = has_brand(
        bytes,
        &["isom", "iso2", "iso4", "iso5", "iso6", "mp41", "mp42", "avc1", "M4V ", "qt  ", "3gp4", "3gp5"],
    );
    let is_avi = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"AVI ");
    is_mp4 || is_avi || bytes.starts_with(b"\x1a\x45\xdf\xa3")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_image_is_known_by_its_first_bytes() {
        let check = |bytes: &[u8], reason: Option<&str>| {
            let found = recognise(bytes);
            assert_eq!(found.as_ref().map(|(reason, _)| *reason), reason, "{bytes:?}");
            assert!(found.is_none_or(|(_, detail)| detail.starts_with("the file ")), "{bytes:?}");
        };
        check(b"", Some("empty"));
        check(b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", Some("git-lfs-pointer"));
        check(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", Some("heic"));
        check(b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", Some("heic"));
        check(b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf", Some("avif"));
        check(b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", Some("avif"));
        check(b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", Some("video"));
        check(b"RIFF\0\0\0\0AVI LIST", Some("video"));
        check(b"\xef\xbb\xbf\n <!DOCTYPE HTML PUBLIC>\n", Some("web-page"));
        check(b"<html lang=\"en\"><head>", Some("web-page"));
        check(b"%PDF-1.7\n", Some("unsupported"));
        check(b"\xff\x0a\xfa", Some("unsupported"));
        check(b"\x89PNG\r\n\x1a\n", None);
        check(b"RIFF\0\0\0\0WEBPVP8 ", None);
        check(b"no image", None);
        check(b"\0\0\0\x18fty", None);
    }

    #[test]
    fn there_is_advice_where_something_can_be_done() {
        for (reason, begins) in
            [("heic", "convert it first"), ("git-lfs-pointer", "`git lfs pull`"), ("web-page", "download")]
        {
            assert!(advice(reason).is_some_and(|advice| advice.starts_with(begins)), "{reason}");
        }
        assert_eq!([advice("empty"), advice("unsupported"), advice("video")], [None; 3]);
    }
}
