//! `twinset new-study`: looks at images and writes a short pipeline that studies duplicates of them.

mod data;
mod folder;
mod manifest;
mod pipeline;

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use twinset_manifest::write_atomically;
use twinset_stage::{shell_word, with_hint};

use data::Data;

const EXAMPLES: &str = "\
Examples:
  twinset new-study my-data/                       # writes my-data-study.toml
  twinset new-study out/images/images.parquet --out first.toml
  cargo xtask plan first.toml --data ~/datasets    # what would run, and how long

The folder is laid out as <split>/<class>/<image> or <class>/<image>. The study has one small network, three seeds, and two conditions:
duplicates of any image, and duplicates of one class alone, each against none.";

/// Write a study of your own images: what do duplicates do to accuracy on them?
///
/// Looks at classes, splits and sizes, and writes a short pipeline with comments, which `cargo xtask plan` accepts as it is.
/// Nothing is trained.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct NewStudyArgs {
    /// A folder of images in folders of classes, or an images.parquet that twinset ingest wrote.
    #[arg(value_name = "DATA")]
    data: PathBuf,

    /// The pipeline; its name is the study's. Default: DATA-study.toml in the current folder.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) fn run(args: &NewStudyArgs) -> anyhow::Result<()> {
    let data = look(&args.data)?;
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("{}-study.toml", plain(&data.name))));
    let name = match (out.extension(), out.file_stem().and_then(|stem| stem.to_str())) {
        (Some(ending), Some(name)) if ending == "toml" => name,
        _ => bail!("--out is `{}`, expected a file that ends in .toml", out.display()),
    };
    let text = pipeline::text(name, &data);
    if out.exists() {
        let error = anyhow!("`{}` is there already", out.display());
        return Err(with_hint(error, "name another file with --out, or remove it"));
    }
    write_atomically(&out, text.as_bytes()).with_context(|| format!("cannot write `{}`", out.display()))?;
    print!("{data}");
    let folder = data
        .folder
        .as_ref()
        .map_or_else(|| "DIR".to_owned(), |folder| shell_word(folder.canonicalize().unwrap_or(folder.clone())));
    let out = shell_word(&out);
    println!("wrote {out}\n");
    println!("What would run, and how long:  cargo xtask plan {out} --data {folder}");
    println!("Run it:                        cargo xtask reproduce {out} --data {folder}");
    if data.folder.is_none() {
        println!("DIR is the folder that --data named when the images were ingested.");
    }
    Ok(())
}

fn look(path: &Path) -> anyhow::Result<Data> {
    let shown = path.display();
    let metadata = path.metadata().with_context(|| format!("cannot read `{shown}`"))?;
    let below = path.join("images.parquet");
    let data = match metadata.is_dir() {
        true if below.is_file() => manifest::look(&below),
        true => folder::look(path),
        false if path.extension().is_some_and(|ending| ending == "parquet") => manifest::look(path),
        false => bail!("`{shown}` is a file, expected a folder of images or an images.parquet"),
    };
    data.with_context(|| format!("`{shown}` cannot be studied"))?
        .checked()
        .with_context(|| format!("`{shown}` cannot be studied"))
}

/// The name with nothing in it that a shell or a file system minds.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() || "-_".contains(c) { c } else { '-' }).collect()
}
