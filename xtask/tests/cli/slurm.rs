//! Jobs of Slurm, on a cluster of one machine where its daemons are installed.

use crate::support::{Checkout, Ended, PIPELINE, slow, wait_until};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

#[test]
fn a_dry_run_prints_the_scripts_and_writes_nothing() {
    let checkout = Checkout::new(PIPELINE);
    let site =
        "setup = \"module load gcc\"\n[options]\naccount = \"a b\"\ntime = \"1:00\"\n[report]\npartition = \"short\"\n";
    fs::write(checkout.path("slurm.toml"), site).unwrap();
    let words =
        ["submit", "small", "--workers", "3", "--time", "4:00:00", "--gres", "gpu:1", "--seeds", "0,", "--dry-run"];
    let ended = checkout.run(&words);
    let root = checkout.path("").to_str().unwrap().trim_end_matches('/').to_owned();
    let script = |output: &str, own: &str, site: &str, command: &str| {
        format!(
            "#!/bin/bash\n#SBATCH --job-name=twinset-small\n#SBATCH --chdir=ROOT\n#SBATCH --output={output}\n\
             #SBATCH --open-mode=append\n#SBATCH --signal=B:TERM@60\n{own}#SBATCH --account='a b'\n#SBATCH --gres=gpu:1\n{site}\
             #SBATCH --time=4:00:00\n\nmodule load gcc\n\nexport TWINSET_STAGE_BIN_DIR=ROOT/reports/small/slurm/1/programs\n\
             # In the shell's place, so that it hears Slurm's SIGTERM.\n\
             exec ROOT/reports/small/slurm/1/programs/xtask {command} small --seeds 1 --device auto\n"
        )
    };
    let expected = format!(
        "# workers.sh\n{}\n# report.sh, with --dependency=afterany:<the workers' id>\n{}",
        script("'reports/small/slurm/1/worker-%a.log'", "#SBATCH --array=1-3\n#SBATCH --requeue\n", "", "work"),
        script("reports/small/slurm/1/report.log", "", "#SBATCH --partition=short\n", "reproduce"),
    );
    assert_eq!((ended.code, ended.stdout.replace(&root, "ROOT")), (Some(0), expected), "{}", ended.stderr);
    assert!(!checkout.path("reports").exists() && !checkout.path("data").exists());
}

#[test]
fn what_keeps_a_study_from_the_queue_is_told() {
    let checkout = Checkout::new(PIPELINE);
    fs::create_dir(checkout.path("path")).unwrap();
    // What the fake stages need, and nothing of Slurm.
    for program in ["sh", "basename", "cat", "grep", "head", "cut", "sed", "dirname", "ls", "mkdir"] {
        let found = ["/bin", "/usr/bin"].map(|folder| Path::new(folder).join(program));
        symlink(found.iter().find(|path| path.exists()).unwrap(), checkout.path("path").join(program)).unwrap();
    }
    for (words, path, expected) in [
        (
            &["submit", "small"][..],
            None,
            "error: the following required arguments were not provided:\n  --workers <N>\n",
        ),
        (
            &["submit", "small", "--workers", "2"],
            Some(""),
            "error: `sbatch` is not on PATH: this machine submits nothing to Slurm\n",
        ),
        (
            &["submit", "small", "--workers", "2"],
            Some("#!/bin/sh\necho 'sbatch: error: invalid partition' >&2\nexit 1\n"),
            "error: `sbatch` failed: sbatch: error: invalid partition\n",
        ),
        (
            &["submit", "small", "--workers", "2", "--site", "none.toml"],
            None,
            "error: failed to read `none.toml`: No such file",
        ),
    ] {
        let mut command = checkout.xtask(words);
        if let Some(text) = path {
            let program = checkout.path("path/sbatch");
            if !text.is_empty() {
                fs::write(&program, text).unwrap();
                fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
            }
            command.env("PATH", checkout.path("path"));
        }
        let ended = Ended::from(command.output().unwrap());
        assert!(ended.stderr.starts_with(expected), "{ended:?}");
    }
}

/// A cluster of this machine alone, until it is dropped.
struct Cluster {
    folder: PathBuf,
    process: Child,
}

impl Cluster {
    /// `None`, with a word, where Slurm is not installed.
    fn start(folder: &Path) -> Option<Self> {
        let programs = ["munged", "slurmctld", "slurmd", "sbatch"];
        let has = |program: &str| {
            let folders = ["/usr/sbin", "/usr/bin"];
            folders.iter().any(|folder| Path::new(folder).join(program).is_file())
        };
        if let Some(missing) = programs.into_iter().find(|program| !has(program)) {
            println!("skipped: `{missing}` is not installed (Debian: munge, slurmctld, slurmd, slurm-client)");
            return None;
        }
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/slurm-cluster.sh");
        let mut command = Command::new(script);
        command.arg(folder).args(["bash", "-c", "touch $(dirname $SLURM_CONF)/up; read line"]);
        let process = command.stdin(Stdio::piped()).spawn().unwrap();
        let cluster = Self { folder: folder.to_owned(), process };
        wait_until("the cluster is up", || folder.join("up").is_file() || !cluster.is_alive());
        assert!(folder.join("up").is_file(), "the cluster did not come up");
        Some(cluster)
    }

    fn is_alive(&self) -> bool {
        fs::read_to_string(format!("/proc/{}/stat", self.process.id())).is_ok_and(|stat| !stat.contains(") Z "))
    }

    /// A command that knows of the cluster.
    fn of<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("SLURM_CONF", self.folder.join("slurm.conf"))
    }

    /// What a command of Slurm answers.
    fn ask(&self, program: &str, words: &[&str]) -> String {
        String::from_utf8(self.of(Command::new(program).args(words)).output().unwrap().stdout).unwrap()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // The end of its standard input.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

fn run(command: &mut Command) -> Ended {
    Ended::from(command.output().unwrap())
}

#[test]
fn workers_of_slurm_and_their_report_end_as_one_runner_does_though_two_are_killed() {
    let folder = tempfile::tempdir().unwrap();
    let Some(cluster) = Cluster::start(folder.path()) else { return };
    let whole = Checkout::new(&slow());
    assert_eq!(whole.run(&["reproduce", "small"]).code, Some(0));

    let checkout = Checkout::new(&slow().replace("sleep = 0.4", "sleep = 2"));
    let ended = run(cluster.of(&mut checkout.xtask(&["submit", "small", "--workers", "3", "--jobs", "1"])));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let ids: Vec<&str> =
        ended.stdout.lines().next().unwrap().split(' ').filter(|word| word.parse::<u32>().is_ok()).collect();
    let [workers, report] = ids[..] else { panic!("{ended:?}") };

    wait_until("three trainings run at once", || checkout.running("train").len() == 3);
    let status = run(cluster.of(&mut checkout.xtask(&["status", "small"])));
    let queue: BTreeSet<String> =
        status.stdout.lines().filter_map(|line| line.strip_prefix("queue: ")).map(words).collect();
    let expected = [1, 2, 3].map(|n| format!("worker {workers}_{n} running"));
    assert!(expected.iter().all(|start| queue.iter().any(|line| line.starts_with(start))), "{status:?}");
    assert!(queue.iter().any(|line| line.starts_with(&format!("report {report} pending"))), "{status:?}");

    // One is taken from the queue; the daemon of another one's step dies.
    cluster.ask("scancel", &[&format!("{workers}_1")]);
    let pids = Command::new("pgrep").args(["-f", "slurmstepd: "]).output().unwrap();
    let steps: Vec<u32> = String::from_utf8(pids.stdout).unwrap().lines().filter_map(|pid| pid.parse().ok()).collect();
    let of_second = steps.iter().find(|pid| {
        let name = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let job = cluster.ask("squeue", &["--noheader", "--array", "--format=%i %A", "--jobs", workers]);
        job.lines().any(|line| {
            line.split_once(' ').is_some_and(|(task, id)| task.ends_with("_2") && name.contains(&format!("[{id}.")))
        })
    });
    let of_second = of_second.copied().expect("the daemon of the second worker's step runs");
    crate::support::kill("-9", of_second);

    wait_until("the report is made", || {
        // Slurm looks for jobs whose daemon is gone every few minutes, and when it reads its configuration.
        cluster.ask("scontrol", &["reconfigure"]);
        thread::sleep(Duration::from_secs(1));
        checkout.path("reports/small/index.html").is_file() && cluster.ask("squeue", &["--noheader"]).is_empty()
    });
    let log = fs::read_to_string(checkout.path("reports/small/slurm/1/report.log")).unwrap();
    assert!(log.contains("8 of 8 cells done in "), "{log}");
    let bytes = |checkout: &Checkout| -> Vec<Vec<u8>> {
        let mut outputs = checkout.outputs();
        outputs.retain(|path, _| {
            path.extension().is_some_and(|end| end == "parquet" || end == "html" || end == "safetensors")
        });
        outputs.into_values().collect()
    };
    assert!(!bytes(&checkout).is_empty() && bytes(&checkout).len() == bytes(&whole).len());
    assert!(checkout.folders(".partial").is_empty());
    let done = run(cluster.of(&mut checkout.xtask(&["status", "small"])));
    assert!(done.stdout.contains("8 done, 0 failed, 0 missing") && !done.stdout.contains("queue:"), "{done:?}");
}

/// Words apart by one space.
fn words(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}
