//! `twinset-ingest download`: the official files of a public dataset.

use std::path::{Path, PathBuf};
use std::time::Duration;

use twinset_ingest::download::{DownloadError, Options, Set, State, download, state};
use twinset_stage::Progress;

const EXAMPLE: &str = "\
Examples:
  twinset-ingest download cifar10 --to data
  twinset-ingest download fashion-mnist --to data --list
  TWINSET_MIRROR=https://mirror.example/datasets twinset-ingest download mnist --to data

A mirror is laid out as the folder that --to names: MIRROR/cifar-10-binary.tar.gz,
MIRROR/mnist/train-images-idx3-ubyte.gz and so on. A proxy is taken from ALL_PROXY, HTTPS_PROXY or
HTTP_PROXY, but for hosts that NO_PROXY names; it must let CONNECT through. Root certificates are
taken from the file that SSL_CERT_FILE names; without it, Mozilla's are known.";

/// Download the official files of a public dataset and check them.
///
/// A file gets its name only after its SHA-256 was found to be the official one. An interrupted download stays as
/// NAME.partial and is resumed by the next run. Files that exist already are checked and not downloaded again.
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct DownloadArgs {
    /// The dataset.
    #[arg(value_name = "DATASET", value_parser = parse_set)]
    set: Set,

    /// Folder for the files; made if missing.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,

    /// Print what would be downloaded, from where, and what exists already, and do nothing else.
    #[arg(long)]
    list: bool,

    /// Address of a mirror to download from instead of the official servers.
    #[arg(long, value_name = "URL", env = "TWINSET_MIRROR")]
    mirror: Option<String>,

    /// Attempts for each address. The pause after a failed attempt is 1 s, then 2 s, 4 s and so on.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    attempts: u32,

    /// Give up an attempt after this many seconds without a byte.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    stall: u64,

    /// No progress.
    #[arg(long, short)]
    quiet: bool,
}

fn parse_set(name: &str) -> Result<Set, String> {
    let names = Set::ALL.map(Set::name).join(", ");
    Set::ALL.into_iter().find(|set| set.name() == name).ok_or_else(|| format!("expected one of {names}"))
}

pub(crate) fn run(args: &DownloadArgs) -> anyhow::Result<()> {
    let mirror = args.mirror.clone().filter(|mirror| !mirror.is_empty());
    let progress = if args.quiet { Progress::hidden() } else { Progress::from_environment() };
    let stall = Duration::from_secs(args.stall);
    let options = Options { mirror, n_attempts: args.attempts, stall, progress, ..Options::default() };
    options.validate().map_err(|error| explain(error, args))?;
    if args.list {
        return list(args.set, &args.to, &options).map_err(|error| explain(error, args));
    }
    for fetched in download(args.set.files(), &args.to, &options).map_err(|error| explain(error, args))? {
        match &fetched.from {
            Some(from) => println!("wrote {} from {from}, SHA-256 as published", fetched.path.display()),
            None => println!("{} is there already, SHA-256 as published", fetched.path.display()),
        }
    }
    println!("to read it: --data {} with the config {}", args.to.display(), args.set.config());
    Ok(())
}

fn list(set: Set, to: &Path, options: &Options) -> Result<(), DownloadError> {
    for file in set.files() {
        let state = match state(file, to)? {
            State::Present => "there already".to_owned(),
            State::Other { found, .. } => format!("another file is there: {found}"),
            State::Partial(n) => format!("{n} bytes of it are there"),
            State::Missing => "missing".to_owned(),
        };
        println!("{} ({state})", to.join(file.path).display());
        for address in options.addresses(file) {
            println!("  from     {address}");
        }
        println!("  size     {} bytes\n  SHA-256  {}", file.n_bytes, file.sha256);
    }
    Ok(())
}

fn explain(error: DownloadError, args: &DownloadArgs) -> anyhow::Error {
    let hint = error.hint();
    let error = anyhow::Error::new(error).context(format!("failed to download `{}`", args.set.name()));
    match hint {
        Some(hint) => twinset_stage::with_hint(error, hint),
        None => error,
    }
}
