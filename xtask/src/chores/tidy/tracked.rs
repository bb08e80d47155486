//! Invariants of every tracked file.

use super::{Finding, Text};

/// No tracked file holds a path of somebody's machine or the host of a package registry: these are the user's to set.
pub(super) fn no_machine_and_no_registry(files: &[Text]) -> Vec<Finding> {
    files.iter().filter(|file| file.path != "Cargo.lock").flat_map(findings).collect()
}

fn findings(file: &Text) -> Vec<Finding> {
    let machine = |line: &str| home_folder(line).map(|path| (path, "is a path of one machine"));
    let registry = |line: &str| host(line).map(|host| (host, "is the host of a package registry"));
    let lines = file.text.lines().enumerate();
    lines
        .filter_map(|(i, line)| {
            let (found, what) = machine(line).or_else(|| registry(line))?;
            Some(format!("{}:{}: `{found}` {what}", file.path, i + 1))
        })
        .collect()
}

/// An absolute path below a home folder or a working folder of one machine.
fn home_folder(line: &str) -> Option<String> {
    let starts = [["/", "home/"].concat(), ["/", "root/"].concat(), ["/", "Users/"].concat(), ["/", "work/"].concat()];
    starts.into_iter().find(|start| {
        line.match_indices(start.as_str()).any(|(at, _)| {
            let is_start = !line[..at].ends_with(|before: char| before.is_alphanumeric() || "._-/~}*".contains(before));
            let goes_on = line[at + start.len()..].starts_with(|after: char| after.is_alphanumeric());
            is_start && goes_on
        })
    })
}

fn host(line: &str) -> Option<String> {
    let hosts = [
        ["pypi", ".org"],
        ["pythonhosted", ".org"],
        ["download.pytorch", ".org"],
        ["static.crates", ".io"],
        ["index.crates", ".io"],
    ];
    hosts.into_iter().map(|parts| parts.concat()).find(|host| line.contains(host.as_str()))
}

#[cfg(test)]
mod tests {
    use super::super::text;
    use super::*;

    #[test]
    fn machines_and_registries_are_found() {
        let cases = [
            (format!("path = \"/{}/x\"", "home/ann"), 1),
            (format!("see /{}/main", "work"), 1),
            (format!("https://{}.org/simple", "pypi"), 1),
            ("data/home/ann".to_owned(), 0),
            ("/usr/bin/env".to_owned(), 0),
            ("~/.cache/twinset".to_owned(), 0),
        ];
        for (line, n_findings) in cases {
            assert_eq!(no_machine_and_no_registry(&[text("README.md", &line)]).len(), n_findings, "{line}");
        }
    }
}
