//! What `cargo xtask dist` packs, made of fake programs, and installed by pip.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PACK: &str = include_str!("../../src/chores/dist.py");
/// Says how it was started; it asks for the newest glibc that some program asks for.
const PROGRAM: &str = r##"#!/bin/sh
name=$(basename "$0")
if [ "$1" = --generate ]; then
  echo "_$(echo "$name" | sed 's/-/__/g')() { COMPREPLY=(\"$name completes \${COMP_WORDS[*]}\"); }" > "$2/$name.bash"
  echo "#compdef $name" > "$2/_$name"
  echo "complete -c $name" > "$2/$name.fish"
  echo ".TH $name 1" > "$2/$name.1"
else
  echo "$name $* libraries=$LD_LIBRARY_PATH"
  exit 7
fi
exit
# GLIBC_2.17@ GLIBC_2.GLIBC@
"##;

struct Packed {
    folder: tempfile::TempDir,
}

impl Packed {
    fn new() -> Self {
        let packed = Self { folder: tempfile::tempdir().unwrap() };
        for (name, glibc) in [("twinset", "17"), ("twinset-study", "34"), ("twinset-train", "28")] {
            let path = packed.path("programs").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, PROGRAM.replace("2.GLIBC", &format!("2.{glibc}")).replace('@', "\0")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::write(packed.path("programs/twinset.d"), "no program").unwrap();
        fs::create_dir_all(packed.path("root/pipelines")).unwrap();
        fs::write(packed.path("root/pipelines/quick.toml"), "name = \"quick\"\n").unwrap();
        fs::write(packed.path("root/README.md"), "# Twinset\n\n[a page](docs/a.md) ![picture](a.png)\n").unwrap();
        fs::write(packed.path("root/LICENSE"), "MIT\n").unwrap();
        packed
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// Packs into a folder; what was said.
    fn pack(&self, out: &str) -> String {
        fs::create_dir_all(self.path(out)).unwrap();
        let mut command = Command::new("python3");
        command.args(["-c", PACK, "0.2.0"]);
        command.args([self.path("programs"), self.path("root"), self.path(out)]);
        text(&command.output().unwrap(), Some(0))
    }

    /// Has pip install the wheel.
    fn install(&self) -> Installed {
        let wheel = self.path("out/twinset-0.2.0-py3-none-manylinux_2_34_x86_64.whl");
        let folder = self.path("installed");
        let mut command = Command::new("python3");
        command.args(["-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-warn-script-location"]);
        command.args(["--disable-pip-version-check", "--root-user-action=ignore", "--target"]).arg(&folder).arg(wheel);
        text(&command.env("PIP_USER", "0").output().unwrap(), Some(0));
        Installed { folder }
    }
}

struct Installed {
    folder: PathBuf,
}

impl Installed {
    fn run(&self, name: &str, words: &[&str]) -> Output {
        let mut command = Command::new(self.folder.join("bin").join(name));
        command.args(words).env("PYTHONPATH", &self.folder).env_remove("LD_LIBRARY_PATH");
        command.output().unwrap()
    }

    fn put_torch(&self, version: &str) {
        for entry in fs::read_dir(&self.folder).unwrap().flatten() {
            if entry.file_name().to_string_lossy().starts_with("torch") {
                fs::remove_dir_all(entry.path()).unwrap();
            }
        }
        let info = self.folder.join(format!("torch-{version}.dist-info"));
        fs::create_dir_all(&info).unwrap();
        fs::write(info.join("METADATA"), format!("Metadata-Version: 2.1\nName: torch\nVersion: {version}\n")).unwrap();
        fs::create_dir_all(self.folder.join("torch")).unwrap();
        fs::write(self.folder.join("torch/__init__.py"), "raise SystemExit('it is not to be loaded')\n").unwrap();
    }
}

fn text(output: &Output, code: Option<i32>) -> String {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), code, "{stdout}{stderr}");
    format!("{stdout}{stderr}")
}

#[test]
fn pip_installs_the_wheel_and_its_commands_start_the_programs() {
    let packed = Packed::new();
    let said = packed.pack("out");
    assert!(said.starts_with("for Linux on x86-64 with glibc 2.34 or newer\n"), "{said}");
    let installed = packed.install();

    let ended = text(&installed.run("twinset", &["scan", "my photos"]), Some(7));
    assert_eq!(ended, "twinset scan my photos libraries=\n");
    let share = |name: &str| fs::read_to_string(installed.folder.join("share").join(name)).unwrap();
    assert!(share("man/man1/twinset-train.1").contains("twinset-train"));
    let bash = share("bash-completion/completions/twinset");
    assert!(bash.contains("complete -F _twinset_command"), "{bash}");
    let completed = |words: &str, place: usize| {
        let call = format!("COMP_WORDS=({words})\nCOMP_CWORD={place}\n_twinset_command\necho \"${{COMPREPLY[0]}}\"");
        text(&Command::new("bash").args(["-c", &format!("{bash}\n{call}")]).output().unwrap(), Some(0))
    };
    assert_eq!(completed("twinset train --dev", 2), "twinset-train completes twinset-train --dev\n");
    assert_eq!(completed("twinset tr", 1), "twinset completes twinset tr\n");
    assert_eq!(completed("twinset scan --js", 2), "twinset completes twinset scan --js\n");
    assert!(share("zsh/site-functions/_twinset").starts_with("#compdef twinset\n"));
    assert!(installed.folder.join("twinset/pipelines/quick.toml").is_file());
    let about = fs::read_to_string(installed.folder.join("twinset-0.2.0.dist-info/METADATA")).unwrap();
    assert!(about.contains("Requires-Dist: torch==2.11.*; extra == 'torch'\n"), "{about}");
    assert!(about.ends_with("a page picture\n"), "{about}");
}

#[test]
fn libtorch_is_that_of_pytorch() {
    let packed = Packed::new();
    packed.pack("out");
    let installed = packed.install();
    for (program, words) in [("twinset-train", vec!["--x"]), ("twinset", vec!["train"]), ("twinset", vec!["reproduce"])]
    {
        let ended = text(&installed.run(program, &words), Some(1));
        assert!(ended.contains("needs PyTorch 2.11, but no torch is installed\nhint: pip install"), "{ended}");
    }
    installed.put_torch("2.12.1");
    let ended = text(&installed.run("twinset-train", &[]), Some(1));
    assert!(ended.contains("needs PyTorch 2.11, but torch 2.12.1 is installed\n"), "{ended}");
    assert_eq!(text(&installed.run("twinset", &["scan"]), Some(7)), "twinset scan libraries=\n");

    installed.put_torch("2.11.0");
    let ended = text(&installed.run("twinset-train", &["--x"]), Some(7));
    let libraries = installed.folder.join("torch/lib");
    assert_eq!(ended, format!("twinset-train --x libraries={}\n", libraries.display()));
}

#[test]
fn the_same_programs_give_the_same_packages() {
    let packed = Packed::new();
    packed.pack("out");
    packed.pack("again");
    let bytes = |folder: &str| -> Vec<(String, Vec<u8>)> {
        let entries = fs::read_dir(packed.path(folder)).unwrap().flatten();
        let mut files: Vec<_> =
            entries.map(|entry| (entry.file_name().display().to_string(), fs::read(entry.path()).unwrap())).collect();
        files.sort();
        files
    };
    let first = bytes("out");
    assert!(first == bytes("again"));
    let names: Vec<&str> = first.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["twinset-0.2.0-py3-none-manylinux_2_34_x86_64.whl", "twinset-0.2.0-x86_64-linux.tar.xz"]);
    let listed = Command::new("tar").arg("-tf").arg(packed.path("out").join(names[1])).output().unwrap();
    let listed = text(&listed, Some(0));
    for below in ["bin/twinset", "share/man/man1/twinset.1", "pipelines/quick.toml", "LICENSE"] {
        let path = Path::new("twinset-0.2.0-x86_64-linux").join(below);
        assert!(listed.lines().any(|line| Path::new(line) == path), "{below}: {listed}");
    }
}
