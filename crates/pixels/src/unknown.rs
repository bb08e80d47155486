//! What bytes are that are no image, as far as a person can do something about it.

/// Why there is no decoder for these bytes.
pub(crate) fn reason(bytes: &[u8]) -> &'static str {
    let text = bytes.trim_ascii_start();
    let begins_with = |word: &[u8]| text.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
    // ISO base media files say what they are behind their first chunk's length.
    let brand = match bytes {
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => brand.get(..4),
        _ => None,
    };
    match brand {
        _ if bytes.is_empty() => "the file is empty",
        Some(b"avif" | b"avis") => "an AVIF image: convert it to PNG or JPEG first",
        Some(b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1") => {
            "a HEIC image: convert it to PNG or JPEG first"
        }
        _ if begins_with(b"version https://git-lfs") => {
            "a Git LFS pointer in place of the image: `git lfs pull` fetches the image"
        }
        _ if begins_with(b"<!doctype html") || begins_with(b"<html") => {
            "a web page in place of the image: the download went wrong"
        }
        _ => "the bytes are of no known image format",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_often_found_in_an_images_place_is_named() {
        let check = |bytes: &[u8], begin: &str| assert!(reason(bytes).starts_with(begin), "{}", reason(bytes));
        check(b"", "the file is empty");
        check(b"\0\0\0\x20ftypheic\0\0\0\0mif1heic", "a HEIC image: convert it");
        check(b"\0\0\0\x1cftypmif1\0\0\0\0mif1heic", "a HEIC image: convert it");
        check(b"\0\0\0\x20ftypavif\0\0\0\0avifmif1", "an AVIF image: convert it");
        check(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer");
        check(b"\n<!DOCTYPE html><title>Sign in</title>", "a web page");
        check(b"<HTML>", "a web page");
        check(b"\0\0\0\x20ftypisom", "the bytes are of no known image format");
        check(b"text", "the bytes are of no known image format");
    }
}
