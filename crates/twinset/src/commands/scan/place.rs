//! What is scanned, and where what is found goes.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use twinset_manifest::Reader;
use twinset_manifest::rows::Image;
use twinset_stage::with_hint;

use super::{Record, ScanArgs, absolute};

/// Where a scan reads and writes.
pub(super) struct Place {
    pub(super) folder: Folder,
    pub(super) reference: Option<Reference>,
    /// As the user named it.
    pub(super) out: PathBuf,
}

/// A folder of pictures.
pub(super) struct Folder {
    pub(super) path: PathBuf,
    /// The folder that it is in: the manifests' paths start there.
    pub(super) data: PathBuf,
}

/// The other set.
pub(super) enum Reference {
    Folder(Folder),
    Manifest { images: PathBuf, data: PathBuf },
}

impl Folder {
    fn of(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let Ok(metadata) = path.metadata() else {
            let hint = nearest_sibling(path).map_or_else(
                || "name the folder that holds the pictures".to_owned(),
                |near| format!("did you mean `{}`?", near.display()),
            );
            return Err(with_hint(anyhow!("there is no folder `{shown}`, expected a folder of pictures"), hint));
        };
        if !metadata.is_dir() {
            let error = anyhow!("`{shown}` is a file, expected a folder of pictures");
            let hint = match path.extension().and_then(|ending| ending.to_str()) {
                Some("parquet" | "csv" | "tsv" | "tar" | "zip" | "gz") => {
                    "unpack an archive; `twinset ingest --help` says how Parquet, CSV and tar files are read"
                }
                _ => "name the folder that it is in",
            };
            return Err(with_hint(error, hint));
        }
        let path = absolute(path)?;
        let data =
            path.parent().ok_or_else(|| anyhow!("`{shown}` is the root, expected a folder below it"))?.to_owned();
        if !holds_a_file(&path) {
            let error = anyhow!("`{shown}` holds no file, expected pictures such as .jpg or .png");
            return Err(with_hint(error, "name the folder that holds the pictures, or one above it"));
        }
        Ok(Self { path, data })
    }

    fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

impl Reference {
    fn of(path: &Path, folder: Option<&Path>) -> anyhow::Result<Self> {
        let below = path.join("images.parquet");
        // A folder of shards is a manifest, too.
        let is_manifest = |path: &Path| Reader::<Image>::open(path).is_ok();
        let images = if path.is_file() || is_manifest(path) { path } else { below.as_path() };
        if !images.exists() {
            return Ok(Self::Folder(Folder::of(path)?));
        }
        Reader::<Image>::open(images).with_context(|| format!("failed to use the reference `{}`", path.display()))?;
        let data = absolute(folder.unwrap_or(Path::new(".")))?;
        Ok(Self::Manifest { images: absolute(images)?, data })
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Folder(folder) => &folder.path,
            Self::Manifest { images, .. } => images,
        }
    }

    /// The manifest of its images.
    pub(super) fn images(&self, place: &Place) -> PathBuf {
        match self {
            Self::Folder(_) => place.reference_images_folder().join("images.parquet"),
            Self::Manifest { images, .. } => images.clone(),
        }
    }

    /// The folder that the manifest's paths start from.
    pub(super) fn data(&self) -> &Path {
        match self {
            Self::Folder(Folder { data, .. }) | Self::Manifest { data, .. } => data,
        }
    }
}

impl Place {
    pub(super) fn of(args: &ScanArgs) -> anyhow::Result<Self> {
        let folder = Folder::of(&args.folder)?;
        let reference = args.reference.as_deref().map(|path| Reference::of(path, args.reference_folder.as_deref()));
        let reference = reference.transpose().context("failed to use the reference")?;
        let name = match &reference {
            None => format!("{}-duplicates", folder.name()),
            Some(reference) => {
                let other = reference.path();
                // Of a manifest the folder says more than `images.parquet` does.
                let other = if other.ends_with("images.parquet") { other.parent().unwrap_or(other) } else { other };
                format!("{}-in-{}", folder.name(), other.file_name().unwrap_or_default().to_string_lossy())
            }
        };
        let out = match &args.out {
            Some(out) => out.clone(),
            // The current folder is the one that is scanned, or lies in it.
            None if is_within(Path::new("."), &folder.path) => folder.data.join(name),
            None => PathBuf::from(name),
        };
        let place = Self { folder, reference, out };
        place.check_apart(&args.folder)?;
        Ok(place)
    }

    /// An error where what is written would be read as pictures by the next scan.
    fn check_apart(&self, folder: &Path) -> anyhow::Result<()> {
        let reference = match &self.reference {
            Some(Reference::Folder(reference)) => Some(reference.path.as_path()),
            _ => None,
        };
        for read in [Some(self.folder.path.as_path()), reference].into_iter().flatten() {
            if is_within(&self.out, read) {
                let (out, read) = (self.out.display(), if read == self.folder.path { folder } else { read }.display());
                let error =
                    anyhow!("--out `{out}` lies in `{read}`, all of which is read, expected a folder beside it");
                return Err(with_hint(error, format!("for instance --out {}-duplicates", self.folder.path.display())));
            }
            if is_within(read, &self.out) {
                let (out, read) = (self.out.display(), read.display());
                return Err(anyhow!("`{read}` lies in --out `{out}`, expected a folder beside it"));
            }
        }
        Ok(())
    }

    /// Makes the folder for what is found, or finds that of an earlier scan of the same pictures.
    pub(super) fn open(&self) -> anyhow::Result<Record> {
        let out = self.out.display();
        let reference = self.reference.as_ref().map(Reference::path);
        if Record::is_in(&self.out) {
            let record = Record::read(&self.out)?;
            let found = (record.folder.as_path(), record.reference.as_deref());
            if found == (self.folder.path.as_path(), reference) {
                return Ok(record);
            }
            let of = |(folder, reference): (&Path, Option<&Path>)| match reference {
                None => format!("`{}`", folder.display()),
                Some(reference) => format!("`{}` against `{}`", folder.display(), reference.display()),
            };
            let expected = of((self.folder.path.as_path(), reference));
            let error = anyhow!("`{out}` holds the scan of {}, expected that of {expected}", of(found));
            return Err(with_hint(error, "name another --out, or remove that folder"));
        }
        if self.out.is_file() {
            return Err(anyhow!("--out `{out}` is a file, expected a folder"));
        }
        fs::create_dir_all(&self.out).with_context(|| format!("cannot make the folder `{out}`"))?;
        let entries = fs::read_dir(&self.out).with_context(|| format!("cannot read `{out}`"))?;
        // What a scan that was killed at its begin has left is hidden.
        let mut names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        if let Some(name) = names.find(|name| !name.starts_with('.')) {
            let error = anyhow!(
                "--out `{out}` holds `{name}` and no scan, expected a new or empty folder, or one of an earlier scan"
            );
            return Err(with_hint(error, "name another --out"));
        }
        let record = Record::new(&self.folder.path, &self.folder.data, reference);
        record.write(&self.out)?;
        Ok(record)
    }

    pub(super) fn images_folder(&self) -> PathBuf {
        self.out.join("images")
    }

    pub(super) fn images(&self) -> PathBuf {
        self.images_folder().join("images.parquet")
    }

    pub(super) fn rejects(&self) -> PathBuf {
        self.images_folder().join("rejects.parquet")
    }

    pub(super) fn reference_images_folder(&self) -> PathBuf {
        self.out.join("reference")
    }

    pub(super) fn pairs_folder(&self) -> PathBuf {
        self.out.join("duplicates")
    }

    pub(super) fn pairs(&self) -> PathBuf {
        let name = if self.reference.is_some() { "reference-pairs.parquet" } else { "pairs.parquet" };
        self.pairs_folder().join(name)
    }

    pub(super) fn clusters(&self) -> PathBuf {
        self.pairs_folder().join("clusters.parquet")
    }

    /// What `clean` would remove.
    pub(super) fn removed(&self) -> PathBuf {
        self.pairs_folder().join("removed.parquet")
    }

    /// The pairs that later scans leave out, too.
    pub(super) fn not_duplicates(&self) -> PathBuf {
        self.out.join("not-duplicates.csv")
    }

    pub(super) fn gallery(&self) -> PathBuf {
        self.out.join("gallery.html")
    }

    pub(super) fn cache(&self, name: &str) -> PathBuf {
        self.out.join("cache").join(name)
    }

    /// What a finished scan has.
    pub(super) fn outputs(&self) -> Vec<PathBuf> {
        let within = self.reference.is_none().then(|| [self.clusters(), self.removed()]).into_iter().flatten();
        [self.images(), self.rejects(), self.pairs(), self.gallery()].into_iter().chain(within).collect()
    }

    /// Removes what a first scan has made, if no picture was read: nothing of it is of use. `is_new` says that the folder itself
    /// was not there before.
    pub(super) fn remove_if_useless(&self, is_new: bool) {
        let knows_pictures = || {
            let files = walkdir::WalkDir::new(self.out.join("cache")).into_iter().flatten();
            let mut files = files.filter(|entry| entry.file_type().is_file());
            // A cache that knows nothing has empty lines.
            files.any(|file| fs::read(file.path()).is_ok_and(|bytes| !bytes.trim_ascii().is_empty()))
        };
        if self.images().exists() || knows_pictures() {
            return;
        }
        // What cannot be removed does no harm.
        for folder in [self.images_folder(), self.reference_images_folder(), self.out.join("cache")] {
            let _ = fs::remove_dir_all(folder);
        }
        for file in ["scan.json", ".lock"] {
            let _ = fs::remove_file(self.out.join(file));
        }
        if is_new {
            let _ = fs::remove_dir(&self.out);
        }
    }
}

/// Whether a path, which may not be there yet, is a folder or lies below it.
fn is_within(path: &Path, folder: &Path) -> bool {
    let Ok(folder) = fs::canonicalize(folder) else { return false };
    let Ok(path) = std::path::absolute(path) else { return false };
    let there = path
        .ancestors()
        .find_map(|ancestor| Some((fs::canonicalize(ancestor).ok()?, path.strip_prefix(ancestor).ok()?)));
    there.is_some_and(|(there, rest)| there.join(rest).starts_with(&folder))
}

fn holds_a_file(folder: &Path) -> bool {
    let mut entries = walkdir::WalkDir::new(folder).follow_links(true).into_iter();
    // A folder that cannot be read is the program's to tell of.
    entries.any(|entry| entry.is_ok_and(|entry| !entry.file_type().is_dir()))
}

/// A folder beside the one that is not there, with almost the same name.
fn nearest_sibling(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let parent = path.parent()?;
    let within = if parent == Path::new("") { Path::new(".") } else { parent };
    let siblings = fs::read_dir(within).ok()?.flatten().filter(|entry| entry.path().is_dir());
    let names = siblings.filter_map(|entry| entry.file_name().into_string().ok());
    let near = names.map(|other| (strsim::damerau_levenshtein(name, &other), other)).min()?;
    (near.0 <= 2.min(name.len() / 2)).then(|| parent.join(near.1))
}
