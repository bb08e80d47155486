//! No file of a crate imports a file that imports it, and no folder a folder.

use super::{Finding, Text};
use std::collections::{BTreeMap, BTreeSet};

/// A module's path within its crate; that of `lib.rs` is empty.
type Module<'a> = Vec<&'a str>;

/// Pairs of files that import each other through `crate::` or `super::`. A module and its submodules count as one room.
pub(super) fn no_circles(files: &[Text]) -> Vec<Finding> {
    let files: Vec<Text> = files.iter().map(|file| Text { text: code(&file.text), path: file.path.clone() }).collect();
    let mut crates: BTreeMap<&str, BTreeMap<Module<'_>, &Text>> = BTreeMap::new();
    for file in &files {
        let Some((folder, module)) = module(&file.path) else { continue };
        crates.entry(folder).or_default().insert(module, file);
    }
    crates.values().flat_map(circles).collect()
}

/// The crate's source folder and the module of a source file; `None` for `main.rs` and tests.
fn module(path: &str) -> Option<(&str, Module<'_>)> {
    let (before, inner) = path.strip_suffix(".rs")?.split_once("src/")?;
    let folder = &path[..before.len() + "src/".len()];
    let is_member = before == "xtask/" || before.starts_with("crates/") && before.matches('/').count() == 2;
    let mut module: Module<'_> = inner.split('/').collect();
    let is_left_out = ["main", "tests"].contains(module.last()?);
    if ["lib", "mod"].contains(module.last()?) {
        module.pop();
    }
    (is_member && !is_left_out).then_some((folder, module))
}

fn circles(modules: &BTreeMap<Module<'_>, &Text>) -> Vec<Finding> {
    let reexports: BTreeMap<_, _> =
        modules.iter().flat_map(|(module, file)| reexports(modules, module, file)).collect();
    let imports: BTreeSet<(&Module<'_>, Module<'_>)> = modules
        .iter()
        .flat_map(|(module, file)| imports(module, file).into_iter().map(move |path| (module, path)))
        .map(|(module, path)| (module, resolve(modules, &reexports, path)))
        .filter(|(module, imported)| !module.starts_with(imported) && !imported.starts_with(module))
        .collect();
    let is_circle =
        |(left, right): &&(&Module<'_>, Module<'_>)| *left < right && imports.contains(&(right, (**left).clone()));
    let say = |(left, right): &(&Module<'_>, Module<'_>)| {
        format!("{}: it imports `{}`, which imports it", modules[*left].path, modules[right].path)
    };
    let of_files: Vec<Finding> = imports.iter().filter(is_circle).map(say).collect();
    if of_files.is_empty() { circles_of_rooms(modules, &imports) } else { of_files }
}

/// The same of whole folders: a module at the top of the crate with all that is below it.
fn circles_of_rooms(
    modules: &BTreeMap<Module<'_>, &Text>,
    imports: &BTreeSet<(&Module<'_>, Module<'_>)>,
) -> Vec<Finding> {
    let mut rooms: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for (module, imported) in imports {
        if let (Some(room), Some(other)) = (module.first(), imported.first()) {
            rooms.entry((room, other)).or_insert(&modules[*module].path);
        }
    }
    let circle = |((room, other), path): (&(&str, &str), &&str)| {
        let back = rooms.get(&(other, room)).filter(|_| room < other)?;
        Some(format!("{path}: `{room}` imports `{other}`, which imports it in `{back}`"))
    };
    rooms.iter().filter_map(circle).collect()
}

/// The names that a module takes over from its submodules, and where they come from.
fn reexports<'a>(
    modules: &BTreeMap<Module<'a>, &'a Text>,
    module: &Module<'a>,
    file: &'a Text,
) -> Vec<((Module<'a>, &'a str), Module<'a>)> {
    let mut found = Vec::new();
    for mut text in file.text.split("use ").skip(1) {
        let mut paths = Vec::new();
        read_paths(&mut text, module, &mut paths);
        for path in paths {
            let from = resolve(modules, &BTreeMap::new(), path.clone());
            if let Some(name) = path.last().filter(|_| from.len() > module.len()) {
                found.push(((module.clone(), *name), from));
            }
        }
    }
    found
}

/// The paths in a file's code that begin with `crate::` or `super::`, from the crate's root.
fn imports<'a>(module: &Module<'a>, file: &'a Text) -> Vec<Module<'a>> {
    let (code, mut found) = (&file.text, Vec::new());
    for (start, word) in code.match_indices("crate::").chain(code.match_indices("super::")) {
        let before = &code[..start];
        if before.ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == ':') {
            continue;
        }
        let (mut base, mut rest) = (module.clone(), &code[start..]);
        if word == "crate::" {
            base.clear();
            rest = &rest[word.len()..];
        }
        while let Some(above) = rest.strip_prefix("super::") {
            base.pop();
            rest = above;
        }
        read_paths(&mut rest, &base, &mut found);
    }
    found
}

/// Reads `a::b`, or `a::{b, c::d}` as several paths.
fn read_paths<'a>(text: &mut &'a str, base: &[&'a str], found: &mut Vec<Module<'a>>) {
    *text = text.trim_start();
    if let Some(inner) = text.strip_prefix('{') {
        *text = inner;
        while !text.is_empty() && !text.starts_with('}') {
            read_paths(text, base, found);
            // Past `as another`.
            *text = &text[text.find([',', '}']).unwrap_or(text.len())..];
            *text = text.strip_prefix(',').unwrap_or(text).trim_start();
        }
        *text = text.strip_prefix('}').unwrap_or(text);
        return;
    }
    let end = text.find(|other: char| !other.is_alphanumeric() && other != '_').unwrap_or(text.len());
    let path = [base, &[&text[..end]]].concat();
    *text = &text[end..];
    match text.strip_prefix("::") {
        Some(rest) => {
            *text = rest;
            read_paths(text, &path, found);
        }
        None => found.push(path),
    }
}

/// The module of the file that a path leads into.
fn resolve<'a>(
    modules: &BTreeMap<Module<'a>, &Text>,
    reexports: &BTreeMap<(Module<'a>, &'a str), Module<'a>>,
    path: Module<'a>,
) -> Module<'a> {
    let n = (0..=path.len()).rev().find(|&n| modules.contains_key(&path[..n])).unwrap_or(0);
    let module = path[..n].to_vec();
    let name = path.get(n).copied().unwrap_or_default();
    reexports.get(&(module.clone(), name)).cloned().unwrap_or(module)
}

/// A file's code: no comments, no tests, which stand at its end.
fn code(text: &str) -> String {
    let code = text.lines().take_while(|line| line.trim() != "#[cfg(test)]");
    code.filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::text;
    use super::*;

    fn check(files: &[(&str, &str)], expected: &[&str]) {
        let files: Vec<_> = files.iter().map(|(path, code)| text(&format!("crates/a/src/{path}"), code)).collect();
        assert_eq!(no_circles(&files), expected, "{files:?}");
    }

    #[test]
    fn files_that_import_each_other_are_found() {
        let circle = ["crates/a/src/b.rs: it imports `crates/a/src/c.rs`, which imports it"];
        check(&[("b.rs", "use crate::c::C;"), ("c.rs", "use crate::b::B;")], &circle);
        check(&[("b.rs", "use crate::{d::D, c::{C as E, F}};"), ("c.rs", "crate::b::make()"), ("d.rs", "")], &circle);
        check(&[("b.rs", "use super::c;"), ("c.rs", "use super::b::{self, B};")], &circle);
        let reexported = [("lib.rs", "pub use b::B;\npub use c::{C, D};")];
        check(&[reexported[0], ("b.rs", "use crate::{B2, C};"), ("c.rs", "use crate::B;")], &circle);
        let inner = ["crates/a/src/b/c.rs: it imports `crates/a/src/b/d.rs`, which imports it"];
        check(&[("b.rs", ""), ("b/c.rs", "use super::d::D;"), ("b/d.rs", "use crate::b::c::C;")], &inner);
    }

    #[test]
    fn folders_that_import_each_other_are_found() {
        check(
            &[("b/c.rs", "use crate::d::e;"), ("d/e.rs", ""), ("d/f.rs", "use crate::b::g;"), ("b/g.rs", "")],
            &["crates/a/src/b/c.rs: `b` imports `d`, which imports it in `crates/a/src/d/f.rs`"],
        );
    }

    #[test]
    fn one_direction_is_well() {
        check(
            &[
                ("b.rs", "use crate::c::C;"),
                ("c.rs", "// See crate::b::B.\nuse crate::d::D;"),
                ("d.rs", "use crate::B;"),
            ],
            &[],
        );
        check(&[("b.rs", "use crate::c::C;"), ("c.rs", "\n#[cfg(test)]\nuse crate::b::B;")], &[]);
        // A submodule and what it is a part of.
        check(&[("b.rs", "use c::C;"), ("b/c.rs", "use super::Config;"), ("lib.rs", "pub use b::B;")], &[]);
        check(&[("main.rs", "use crate::b::B;"), ("b.rs", "use crate::main::run;")], &[]);
    }
}
