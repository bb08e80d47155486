//! The network that a training begins with.

use tch::Tensor;
use twinset_model::{Network, NetworkSpec};

use crate::order::seed_torch;
use crate::{Config, TrainError, TrainingData};

/// The config's network for these images and classes.
///
/// # Errors
/// When there is nothing to train on, or no such network takes the images.
pub fn network_spec(config: &Config, data: &TrainingData) -> Result<NetworkSpec, TrainError> {
    if data.samples.is_empty() {
        return Err(TrainError::EmptyTrainset);
    }
    let (height, width) = data.images.size();
    if height != width {
        return Err(TrainError::NotSquare { width, height });
    }
    let spec = config.network(data.class_names.len() as i64, height);
    spec.validate()?;
    Ok(spec)
}

/// A new network, with weights that the seed decides.
///
/// # Errors
/// As [`network_spec`].
pub fn new_network(config: &Config, data: &TrainingData) -> Result<Network, TrainError> {
    let spec = network_spec(config, data)?;
    seed_torch(config.seed, 0);
    Ok(Network::new(&spec, data.images.pixels.device())?.with_normalisation(config.normalisation))
}

/// All that a network learns: its parameters, and batch norm's running statistics.
pub(crate) fn tensors(network: &Network) -> impl Iterator<Item = &Tensor> {
    network.parameters().chain(network.buffers()).map(|(_, tensor)| tensor)
}

/// Labels beyond the classes: torch's loss would panic at them.
pub(crate) fn check_labels(data: &TrainingData) -> Result<(), TrainError> {
    let n_classes = data.class_names.len();
    match (0..).zip(&data.samples).find(|(_, sample)| sample.label as usize >= n_classes) {
        None => Ok(()),
        Some((position, sample)) => Err(TrainError::Label {
            position,
            image_id: data.images.image_ids[sample.image],
            found: sample.label,
            largest: n_classes as u32 - 1,
        }),
    }
}
