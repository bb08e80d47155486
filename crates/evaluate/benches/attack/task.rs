//! A network and the images that it is attacked on.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tch::{Kind, Tensor};
use twinset_evaluate::{Config, load};
use twinset_manifest::Provenance;
use twinset_model::{Model, Network, NetworkSpec, WeightsMetadata, save, unit_pixels};

use crate::DEVICE;

pub(crate) struct Task {
    /// What the table calls it.
    pub(crate) name: String,
    pub(crate) network: Network,
    pub(crate) weights: PathBuf,
    /// `[n, 3, side, side]`, 8 bits.
    pub(crate) bytes: Tensor,
    labels: Tensor,
}

impl Task {
    /// Trained weights, and as many test images of each class.
    pub(crate) fn load(weights: &Path, images: &Path, n_images: u64) -> Result<Self> {
        let (network, _) = twinset_model::load(weights, DEVICE)?;
        let config: Config = serde_json::from_value(serde_json::json!({ "seed": 0, "max-images": n_images }))?;
        let folder = images.parent().context("the images' path names no file")?;
        let data = load(images, None, folder, &config, &network)?;
        let folder = weights
            .parent()
            .and_then(Path::file_name)
            .map_or_else(String::new, |name| format!(" ({})", name.to_string_lossy()));
        let name = format!("{}{folder}", network.spec());
        Ok(Self { name, network, weights: weights.to_owned(), bytes: data.images.pixels, labels: data.images.labels })
    }

    /// A tiny network with random weights, and random images.
    pub(crate) fn random(folder: &Path) -> Result<Self> {
        tch::manual_seed(1);
        let network = Network::new(&NetworkSpec::new(Model::PaperRobust, Some(4), 10, 8), DEVICE)?;
        let weights = folder.join("model.safetensors");
        save(&weights, &network, &WeightsMetadata::of(&network, Provenance::of_stage("bench", "0")))?;
        let bytes = Tensor::randint(256, [16, 3, 8, 8], (Kind::Uint8, DEVICE));
        let labels = tch::no_grad(|| network.forward(&unit_pixels(&bytes), twinset_model::Mode::Eval)).argmax(1, false);
        Ok(Self { name: "random".to_owned(), network, weights, bytes, labels })
    }

    /// `[n, 3, side, side]`, in [0, 1].
    pub(crate) fn pixels(&self) -> Tensor {
        unit_pixels(&self.bytes)
    }

    /// `[n]`, int64.
    pub(crate) fn labels(&self) -> Tensor {
        self.labels.shallow_clone()
    }
}
