//! Which field of a JSON text a parser's line and column stand at.

/// The steps from the top to the value at `line` and `column` (both counted from 1, as serde_json does): `.cells`, `[3]`, `.rate`.
pub(crate) fn path_at(text: &str, line: usize, column: usize) -> Vec<String> {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let end = (before + column).min(text.len());
    let mut path = Vec::new();
    let mut open: Vec<Option<usize>> = Vec::new(); // an array's index, none for an object
    let mut string: Option<usize> = None; // where the string that is open begins
    let mut last_string = "";
    let mut is_escaped = false;
    for (i, byte) in text.bytes().enumerate().take(end) {
        if let Some(start) = string {
            if !is_escaped && byte == b'"' {
                last_string = &text[start..i];
                string = None;
            }
            is_escaped = !is_escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'"' => string = Some(i + 1),
            b'{' => {
                open.push(None);
                path.push(String::new());
            }
            b'[' => {
                open.push(Some(0));
                path.push("[0]".to_owned());
            }
            b':' => set_last(&mut path, format!(".{last_string}")),
            b',' => match open.last_mut() {
                Some(Some(index)) => {
                    *index += 1;
                    set_last(&mut path, format!("[{index}]"));
                }
                _ => set_last(&mut path, String::new()),
            },
            // The value that ends where the error stands is what the error is about.
            b'}' | b']' if i + 1 < end => {
                open.pop();
                path.pop();
            }
            _ => {}
        }
    }
    path
}

fn set_last(path: &mut [String], step: String) {
    if let Some(last) = path.last_mut() {
        *last = step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_the_text_is_a_path() {
        let text = "{\n \"a\": 1,\n \"b\": [ {\"c\": \"x, ]\\\"\"},\n   {\"c\": 2, \"d\": [3, 4]} ]\n}";
        let check = |line: usize, column: usize, expected: &str| {
            assert_eq!(path_at(text, line, column).concat(), expected, "line {line}, column {column}");
        };
        check(2, 7, ".a");
        check(3, 17, ".b[0].c");
        check(4, 10, ".b[1].c");
        check(4, 19, ".b[1].d[0]");
        check(4, 22, ".b[1].d[1]");
        check(99, 1, ".b");
    }
}
