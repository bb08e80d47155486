//! Networks that were trained elsewhere: a file of PyTorch's tensors, and what it does not say.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tch::Device;
use twinset_model::{Model, ModelError, Network, NetworkSpec, Normalisation, load, load_initial};
use twinset_stage::InvalidField;

/// What a file of plain tensors does not say of its network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Foreign {
    /// The design.
    pub model: Model,
    /// Channels of the first convolution, or the widening factor; as published where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Layers, of a wide residual network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<u32>,
    /// Side of its square images in pixels.
    pub image_size: i64,
    /// Its classes in the order of its logits. The images must have the same ones under the same labels.
    pub class_names: Vec<String>,
    /// What it was trained to take: `(pixel - mean) / std`, pixels in [0, 1].
    pub normalisation: Normalisation,
}

impl Foreign {
    /// The network's design and sizes.
    pub fn spec(&self) -> NetworkSpec {
        let Self { model, width, depth, image_size, class_names, .. } = self;
        NetworkSpec::new(*model, *width, class_names.len() as i64, *image_size).with_depth(*depth)
    }

    /// Checks the values.
    ///
    /// # Errors
    /// Names the key, its value, and what it should be.
    pub fn validate(&self) -> Result<(), InvalidField> {
        for (index, name) in self.class_names.iter().enumerate() {
            let is_new = !self.class_names[..index].contains(name);
            InvalidField::unless(
                is_new,
                &format!("network.class-names.{index}"),
                format!("`{name}` again"),
                "each class once",
            )?;
        }
        self.normalisation.validate("network.normalisation")?;
        self.spec().check().map_err(|InvalidField { field, found, expected }| {
            let field = if field == "n-classes" { "class-names".to_owned() } else { field };
            InvalidField { field: format!("network.{field}"), found, expected }
        })
    }
}

/// A network with its weights, and what the training that made them warned of.
///
/// `foreign` is for weights that another program wrote. Where the file has a header of ours, it must say the same.
///
/// # Errors
/// When the file cannot be read, or is not of such a network.
pub fn open_network(
    weights: &Path,
    foreign: Option<&Foreign>,
    device: Device,
) -> Result<(Network, Vec<String>), ModelError> {
    let Some(foreign) = foreign else {
        return load(weights, device).map(|(network, metadata)| (network, metadata.provenance.warnings));
    };
    let (network, metadata) = load_initial(weights, &foreign.spec(), foreign.normalisation, device)?;
    match metadata {
        Some(metadata) => Ok((network, metadata.provenance.warnings)),
        None => Ok((network.with_class_names(foreign.class_names.clone())?, Vec::new())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_network_is_is_refused_by_its_key() {
        let check = |rest: &str, expected: &str| {
            let normalisation = r#""normalisation": { "mean": 0.5, "std": 0.25 }"#;
            let text = format!(r#"{{ "model": "resnet-18", "image-size": 32, {normalisation}, {rest} }}"#);
            let foreign: Foreign = serde_json::from_str(&text).unwrap();
            assert_eq!(
                foreign.validate().err().map(|invalid| invalid.to_string()).as_deref().unwrap_or("sound"),
                expected
            );
        };
        check(r#""class-names": ["a", "b"]"#, "sound");
        check(r#""class-names": ["a", "b", "a"]"#, "`network.class-names.2` is `a` again, expected each class once");
    }
}
