//! What a weights' file says about its weights, in the header's `__metadata__`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use twinset_manifest::{PROVENANCE_KEY, Provenance, SCHEMA_KEY};

use crate::{ModelError, Network, NetworkSpec, Normalisation};

/// What the header of a weights' file calls itself.
pub const WEIGHTS_SCHEMA: &str = "weights/1";

const NETWORK_KEY: &str = "twinset.network";
pub(crate) const NORMALISATION_KEY: &str = "twinset.normalisation";
const CLASS_NAMES_KEY: &str = "twinset.class_names";

/// What a weights' file says about its weights.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightsMetadata {
    /// The network that they are of.
    pub network: NetworkSpec,
    /// What its first layer does to pixels in [0, 1].
    pub normalisation: Normalisation,
    /// The classes' names, by label.
    pub class_names: Vec<String>,
    /// What they were trained on, and how.
    pub provenance: Provenance,
}

impl WeightsMetadata {
    /// The metadata of a network's weights.
    pub fn of(network: &Network, provenance: Provenance) -> Self {
        Self {
            network: network.spec().clone(),
            normalisation: network.normalisation(),
            class_names: network.class_names().to_vec(),
            provenance,
        }
    }

    /// The header's entries.
    pub(crate) fn entries(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            ("format", "pt".to_owned()),
            (SCHEMA_KEY, WEIGHTS_SCHEMA.to_owned()),
            (NETWORK_KEY, json(&self.network)),
            (NORMALISATION_KEY, json(&self.normalisation)),
            (CLASS_NAMES_KEY, json(&self.class_names)),
            (PROVENANCE_KEY, json(&self.provenance)),
        ])
    }

    /// Reads the header's entries and checks them.
    pub(crate) fn parse(path: &Path, entries: &BTreeMap<String, String>) -> Result<Self, ModelError> {
        let error = |key, found: String, expected: &str| ModelError::Metadata {
            path: path.to_owned(),
            key,
            found,
            expected: expected.to_owned(),
        };
        let entry = |key: &'static str, expected: &str| {
            entries.get(key).ok_or_else(|| error(key, "nothing".to_owned(), expected))
        };
        let schema = entry(SCHEMA_KEY, WEIGHTS_SCHEMA)?;
        if schema != WEIGHTS_SCHEMA {
            return Err(error(SCHEMA_KEY, format!("`{schema}`"), &format!("`{WEIGHTS_SCHEMA}`")));
        }
        let network: NetworkSpec =
            parse(entry(NETWORK_KEY, "a network")?).map_err(|found| error(NETWORK_KEY, found, "a network"))?;
        network.validate()?;
        let normalisation: Normalisation = parse(entry(NORMALISATION_KEY, "mean and std")?)
            .map_err(|found| error(NORMALISATION_KEY, found, "mean and std"))?;
        normalisation
            .validate(NORMALISATION_KEY)
            .map_err(|invalid| error(NORMALISATION_KEY, json(&normalisation), &invalid.expected))?;
        let class_names: Vec<String> = parse(entry(CLASS_NAMES_KEY, "class names")?)
            .map_err(|found| error(CLASS_NAMES_KEY, found, "class names"))?;
        if class_names.len() as i64 != network.n_classes {
            let expected = format!("{}, as the network has classes", network.n_classes);
            return Err(error(CLASS_NAMES_KEY, format!("{} names", class_names.len()), &expected));
        }
        let provenance = parse(entry(PROVENANCE_KEY, "a provenance")?)
            .map_err(|found| error(PROVENANCE_KEY, found, "a provenance"))?;
        Ok(Self { network, normalisation, class_names, provenance })
    }
}

pub(crate) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("metadata serialises to JSON")
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| format!("`{text}` ({error})"))
}
