//! The texts that numbers and strings are written as in protocol 0.

use std::borrow::Cow;

/// The bytes of a quoted string of Python 2, such as `'a\x00'`.
pub(super) fn quoted(line: &[u8]) -> Result<Cow<'_, [u8]>, String> {
    let quote = line.first().filter(|quote| matches!(quote, b'\'' | b'"'));
    let inner = quote.and_then(|quote| line[1..].strip_suffix(&[*quote])).ok_or("a string without quotes")?;
    if !inner.contains(&b'\\') {
        return Ok(Cow::Borrowed(inner));
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let (byte, n_taken) = match after {
            [b'n', ..] => (b'\n', 1),
            [b'r', ..] => (b'\r', 1),
            [b't', ..] => (b'\t', 1),
            [byte @ (b'\\' | b'\'' | b'"'), ..] => (*byte, 1),
            [b'x', high, low, ..] => (hex(&[*high, *low])?.try_into().map_err(|_| "more than a byte")?, 3),
            _ => return Err("a string with an escape other than \\n, \\r, \\t, \\\\, \\', \\\" and \\xNN".to_owned()),
        };
        bytes.push(byte);
        rest = &after[n_taken..];
    }
    Ok(Cow::Owned(bytes))
}

/// The text of a line in Python's encoding `raw-unicode-escape`: Latin-1 with `\uXXXX` and `\UXXXXXXXX`.
pub(super) fn raw_unicode(line: &[u8]) -> Result<Cow<'_, str>, String> {
    if let Some(text) = std::str::from_utf8(line).ok().filter(|text| text.is_ascii() && !text.contains('\\')) {
        return Ok(Cow::Borrowed(text));
    }
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let [first, after @ ..] = rest {
        let n_digits = match (first, after) {
            (b'\\', [b'u', ..]) => 4,
            (b'\\', [b'U', ..]) => 8,
            _ => 0,
        };
        if n_digits == 0 {
            text.push(char::from(*first));
            rest = after;
        } else {
            let code = hex(after.get(1..=n_digits).ok_or("an escape that is cut short")?)?;
            text.push(char::from_u32(code).ok_or("an escape that is no character")?);
            rest = &after[1 + n_digits..];
        }
    }
    Ok(Cow::Owned(text))
}

/// The number that a line holds.
pub(super) fn number<T: std::str::FromStr>(line: &[u8]) -> Option<T> {
    std::str::from_utf8(line).ok()?.trim().parse().ok()
}

/// An integer of little-endian bytes in two's complement; none where it has more than 64 bits.
pub(super) fn long(bytes: &[u8]) -> Option<i64> {
    let sign = bytes.last().map_or(0, |last| if last & 0x80 == 0 { 0 } else { 0xff });
    let mut whole = [sign; 8];
    whole.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(i64::from_le_bytes(whole))
}

fn hex(digits: &[u8]) -> Result<u32, String> {
    let text = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
    text.and_then(|text| u32::from_str_radix(text, 16).ok()).ok_or_else(|| "an escape without digits".to_owned())
}
