//! The temporary checkout that a page's commands run in, and the home folder with its small data sets.

use crate::commands;
use crate::markdown::Block;
use crate::pictures::{digit, picture};
use crate::root;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) struct Folder {
    folder: tempfile::TempDir,
    programs: PathBuf,
}

impl Folder {
    pub(crate) fn new(programs: &Path) -> Self {
        let folder = Self { folder: tempfile::tempdir().unwrap(), programs: programs.to_owned() };
        folder.write("checkout/Cargo.toml", b"[workspace]\n");
        folder.copy_pipelines();
        folder.link_programs();
        folder.write_data_sets();
        folder
    }

    /// Runs a block; one that does not run has its options looked up.
    pub(crate) fn run(&self, page: &str, block: &Block) {
        let place = format!("{page}:{}", block.line);
        let mut command = match (block.language, &block.not_run, env::var_os("TWINSET_READERS")) {
            ("sh", Some(_), _) => return commands::check_options(&self.programs, &place, &block.text),
            ("sh", None, _) => {
                let mut command = Command::new("bash");
                command.args(["-euo", "pipefail", "-c", &block.text]);
                command
            }
            (language, None, Some(packages)) => {
                let script = match language {
                    "sql" => "import duckdb, sys\nfor query in sys.argv[1].split(';\\n'): print(duckdb.sql(query))",
                    _ => "import sys\nexec(sys.argv[1])",
                };
                if block.needs.as_ref().is_some_and(|package| !has_package(package, &packages)) {
                    return println!("skipped: {place} needs the Python package {:?}", block.needs);
                }
                let mut command = Command::new("python3");
                command.args(["-c", script, &block.text]).env("PYTHONPATH", packages);
                command
            }
            _ => return,
        };
        self.set_environment(&mut command);
        let output = command.output().unwrap_or_else(|error| panic!("{place}: {error}"));
        let [stdout, stderr] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
        assert!(output.status.success(), "{place}: {}\n{}\n{stdout}\n{stderr}", output.status, block.text);
    }

    fn set_environment(&self, command: &mut Command) {
        let path = [self.path("bin").into_os_string(), env::var_os("PATH").unwrap_or_default()];
        command.current_dir(self.path("checkout"));
        command.env("PATH", path.join(":".as_ref())).env("HOME", self.path("home"));
        command.env("TWINSET_STAGE_BIN_DIR", &self.programs);
        command.env_remove("TWINSET_MIRROR").env_remove("CARGO_MANIFEST_DIR");
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn write(&self, below: &str, bytes: &[u8]) {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn copy_pipelines(&self) {
        for entry in fs::read_dir(root().join("pipelines")).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            self.write(&format!("checkout/pipelines/{name}"), &fs::read(entry.path()).unwrap());
        }
    }

    /// The stage programs, and a `cargo` that knows `xtask` alone.
    fn link_programs(&self) {
        let cargo = format!(
            "#!/bin/sh\n[ \"$1\" = xtask ] || exit 1\nshift\nexec '{}' --root \"$PWD\" \"$@\"\n",
            env!("CARGO_BIN_EXE_xtask")
        );
        self.write("bin/cargo", cargo.as_bytes());
        fs::set_permissions(self.path("bin/cargo"), fs::Permissions::from_mode(0o755)).unwrap();
        for name in commands::PROGRAMS {
            symlink(self.programs.join(name), self.path("bin").join(name)).unwrap();
        }
    }

    /// `~/datasets`: the folders that the book's commands name.
    fn write_data_sets(&self) {
        let mut labels = "file,class,split\n".to_owned();
        let mut add = |split: &str, class: &str, name: usize, bytes: &[u8]| {
            self.write(&format!("home/datasets/my-images/{split}/{class}/{name}.png"), bytes);
            self.write(&format!("home/datasets/by-class/{class}/{split}-{name}.png"), bytes);
            self.write(&format!("home/datasets/my-photos/{class}/album/{split}-{name}.png"), bytes);
            labels += &format!("{split}/{class}/{name}.png,{class},{split}\n");
            let sample = format!("home/samples/{split}-{class}-{name}");
            self.write(&format!("{sample}.png"), bytes);
            self.write(&format!("{sample}.cls"), if class == "cat" { b"0" } else { b"1" });
        };
        for (c, class) in ["cat", "dog"].into_iter().enumerate() {
            let seed = |i: usize| (100 * c + i) as u32;
            (0..12).for_each(|i| add("train", class, i, &picture(seed(i), 1.0)));
            (0..6).for_each(|i| add("test", class, i, &picture(seed(50 + i), 1.0)));
            // A copy and a brighter copy within the training set, and a copy in the test set.
            add("train", class, 17, &picture(seed(1), 1.0));
            add("train", class, 18, &picture(seed(2), 1.15));
            add("test", class, 17, &picture(seed(3), 1.0));
        }
        // One picture of two classes.
        add("train", "dog", 19, &picture(4, 1.0));
        self.write("home/datasets/labels.csv", labels.as_bytes());
        self.write("home/datasets/my-images/train/cat/broken.jpg", b"no picture");
        for (name, n) in [("train", 20), ("t10k", 10)] {
            let pictures: Vec<u8> = (0..n).flat_map(digit).collect();
            let header = |kind: u8, sizes: &[u32]| {
                let sizes = sizes.iter().flat_map(|size| size.to_be_bytes());
                [0, 0, 8, kind].into_iter().chain(sizes).collect::<Vec<u8>>()
            };
            let images = [header(3, &[n.into(), 28, 28]), pictures].concat();
            let labels = [header(1, &[n.into()]), (0..n).map(|i| i % 10).collect()].concat();
            self.write(&format!("home/datasets/mnist/{name}-images-idx3-ubyte"), &images);
            self.write(&format!("home/datasets/mnist/{name}-labels-idx1-ubyte"), &labels);
        }
        self.pack();
    }

    /// The same pictures as a tar shard, and as a Parquet file for each split as `datasets` writes it.
    fn pack(&self) {
        let script = "mkdir -p ~/datasets/shards ~/datasets/my-dataset/data
            tar --create --file ~/datasets/shards/train-000000.tar --directory ~/samples --sort=name .
            for split in train test; do
              twinset-ingest ~/datasets/my-images/$split --quiet --set split=$split --out ~/made
              mv ~/made/images.parquet ~/datasets/my-dataset/data/$split-00000-of-00001.parquet
            done";
        let mut command = Command::new("bash");
        self.set_environment(command.args(["-euo", "pipefail", "-c", script]));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Whether Python has a package, among the readers' or its own.
fn has_package(name: &str, packages: &OsStr) -> bool {
    let script = "import importlib.util, sys\nsys.exit(importlib.util.find_spec(sys.argv[1]) is None)";
    let mut command = Command::new("python3");
    command.args(["-c", script, name]).env("PYTHONPATH", packages).status().is_ok_and(|status| status.success())
}
