//! What a stage was called with: which program, which files it reads, where it writes.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use twinset_manifest::is_shard_name;

/// Flags whose files are not data.
const NO_INPUTS: [&str; 4] = ["--config", "--out", "--set", "--table"];
/// What stages write for others to read.
const OUTPUTS: [&str; 5] = ["csv", "html", "parquet", "safetensors", "svg"];

/// A call of a stage's program, as its arguments tell it: every stage has `--out`, and its inputs as flags that name files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invocation {
    /// Program and command with dots, for instance `twinset.neardup.clean`.
    pub(crate) job: String,
    /// The files that flags name.
    pub(crate) inputs: Vec<PathBuf>,
    /// What `--out` names.
    pub(crate) out: PathBuf,
}

impl Invocation {
    /// The call with these words, the program's name first; none where nothing is asked to be written.
    pub(crate) fn of(words: impl IntoIterator<Item = OsString>) -> Option<Self> {
        let mut words = words.into_iter().map(|word| word.to_string_lossy().into_owned()).peekable();
        let program = words.next()?;
        let mut job = Path::new(&program).file_stem()?.to_string_lossy().replacen("twinset-", "twinset.", 1);
        if let Some(command) = words.next_if(|word| !word.starts_with('-')) {
            job = format!("{job}.{command}");
        }
        let (mut inputs, mut out) = (Vec::new(), None);
        while let Some(word) = words.next() {
            let (flag, value) = match word.split_once('=').filter(|_| word.starts_with("--")) {
                Some((flag, value)) => (flag.to_owned(), Some(value.to_owned())),
                None if word.starts_with("--") => (word, words.next_if(|next| !next.starts_with('-'))),
                None => continue,
            };
            match (flag.as_str(), value) {
                ("--check", _) => return None,
                ("--out", Some(value)) => out = Some(PathBuf::from(value)),
                (flag, Some(value)) if !NO_INPUTS.contains(&flag) => {
                    let path = PathBuf::from(value);
                    if path.is_file() { inputs.push(path) } else { inputs.append(&mut shards(&path)) }
                }
                _ => {}
            }
        }
        Some(Self { job, inputs, out: out? })
    }

    /// The files that lie where `--out` says and were written since then.
    pub(crate) fn outputs(&self, since: SystemTime) -> Vec<PathBuf> {
        // A file's time may be that of the clock's last tick.
        let since = since - Duration::from_millis(20);
        let is_new = |path: &Path| fs::metadata(path).and_then(|of| of.modified()).is_ok_and(|time| time >= since);
        let is_output = |path: &PathBuf| {
            let kind = path.extension().and_then(|kind| kind.to_str());
            let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            path.is_file() && !is_hidden && kind.is_some_and(|kind| OUTPUTS.contains(&kind)) && is_new(path)
        };
        let entries = || fs::read_dir(&self.out).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut paths: Vec<PathBuf> = entries().chain([self.out.clone()]).filter(is_output).collect();
        // A run that goes on with an interrupted one's shards has written them all.
        let sharded = entries().map(|path| shards(&path)).filter(|shards| shards.iter().any(|shard| is_new(shard)));
        paths.extend(sharded.flatten());
        paths.sort_unstable();
        paths
    }
}

/// The shards in a folder of them, such as `images/images-00000-of-00010.parquet`, in order; of anything else none.
fn shards(folder: &Path) -> Vec<PathBuf> {
    let stem = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let is_shard = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        is_shard_name(&name) && name.starts_with(&format!("{stem}-"))
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut shards: Vec<PathBuf> = entries.filter(is_shard).collect();
    shards.sort_unstable();
    shards
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_what_its_words_say() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("images.parquet");
        fs::write(&file, "").unwrap();
        let file = file.to_str().unwrap();
        let check = |words: &str, expected: Option<(&str, usize, &str)>| {
            let words = words.split_whitespace().map(|word| OsString::from(word.replace("FILE", file)));
            let expected = expected.map(|(job, n_inputs, out)| Invocation {
                job: job.to_owned(),
                inputs: vec![PathBuf::from(file); n_inputs],
                out: PathBuf::from(out),
            });
            assert_eq!(Invocation::of(words), expected);
        };
        check("/bin/twinset-ingest --set a=1 --out o --quiet", Some(("twinset.ingest", 0, "o")));
        check("twinset-neardup clean --images FILE --pairs=FILE --out=o", Some(("twinset.neardup.clean", 2, "o")));
        check(
            "twinset-train --config FILE --images FILE --folder . --init missing --out o",
            Some(("twinset.train", 1, "o")),
        );
        check("twinset-train --restart --images FILE -q --out o", Some(("twinset.train", 1, "o")));
        check("twinset-train --check --images FILE --out o", None);
        check("twinset-audit sql --images FILE", None);
        check("", None);
    }

    #[test]
    fn outputs_are_what_was_written_since() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| fs::write(folder.path().join(name), "x").unwrap();
        write("old.parquet");
        let past = SystemTime::now() - Duration::from_secs(60);
        fs::File::options().append(true).open(folder.path().join("old.parquet")).unwrap().set_modified(past).unwrap();
        let since = SystemTime::now();
        for name in ["b.parquet", "a.html", "log.txt", ".c.parquet", "model.safetensors"] {
            write(name);
        }
        let names = |out: PathBuf| -> Vec<String> {
            let invocation = Invocation { job: String::new(), inputs: Vec::new(), out };
            let names = invocation.outputs(since).into_iter();
            names.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
        };
        assert_eq!(names(folder.path().to_owned()), ["a.html", "b.parquet", "model.safetensors"]);
        assert_eq!(names(folder.path().join("a.html")), ["a.html"]);

        fs::create_dir(folder.path().join("images")).unwrap();
        for name in ["images-00001-of-00002.parquet", "images-00000-of-00002.parquet", "other.parquet"] {
            write(&format!("images/{name}"));
        }
        let shards = ["images-00000-of-00002.parquet", "images-00001-of-00002.parquet"];
        assert_eq!(
            names(folder.path().to_owned()),
            [&["a.html", "b.parquet"], &shards[..], &["model.safetensors"]].concat()
        );
        let images = folder.path().join("images");
        let words = ["twinset-neardup", "--images", images.to_str().unwrap(), "--out", "o"];
        assert_eq!(Invocation::of(words.map(OsString::from)).unwrap().inputs.len(), 2);
        assert_eq!(names(folder.path().join("missing")), [""; 0]);
    }
}
