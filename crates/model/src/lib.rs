//! A *network* classifies images whose pixels are in [0, 1]; its first layer normalises them.
//!
//! That is why ε, step sizes and clamping ranges are in pixel space everywhere else. Around the [`Network`] stand what
//! all stages that use torch share: [weights as a file](save), [images as a tensor](ImageSet),
//! [augmentation](augment()) and [the device](open_device) that all of it is on.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use tch::{Kind, Tensor};
//! use twinset_model::{DeviceChoice, GpuNumerics, Mode, load, open_device};
//!
//! let (device, why) = open_device(DeviceChoice::Auto, GpuNumerics::default())?;
//! let (network, metadata) = load(Path::new("model.safetensors"), device)?;
//! let grey = Tensor::full([1, 3, 32, 32], 0.5, (Kind::Float, device));
//! let predicted = network.forward(&grey, Mode::Eval).argmax(-1, false).int64_value(&[0]);
//! println!("on {why}: {}", metadata.class_names[predicted as usize]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod augment;
mod device;
mod differences;
mod error;
mod images;
mod layers;
mod memory;
mod metadata;
mod network;
mod normalisation;
mod numerics;
mod paper;
mod pool;
mod preact;
mod precision;
mod resnet;
mod spec;
mod surroundings;
mod tensors;
mod weights;

pub use augment::{Augmentation, augment};
pub use device::{DeviceChoice, device_name, open_device};
pub use error::ModelError;
pub use images::{ImageSet, ImageSetError, unit_pixels};
pub use layers::Mode;
pub use memory::{OutOfMemory, catch_out_of_memory};
pub use metadata::{WEIGHTS_SCHEMA, WeightsMetadata};
pub use network::{Frozen, Network};
pub use normalisation::{Normalisation, PerChannel};
pub use numerics::GpuNumerics;
pub use precision::Precision;
pub use spec::{Model, NetworkSpec};
pub use surroundings::Surroundings;
pub use weights::{load, load_expecting, load_initial, save};

/// Torch has one generator for all threads, and tests run side by side: a test that draws keeps it to itself.
#[cfg(test)]
fn seeded(seed: i64) -> std::sync::MutexGuard<'static, ()> {
    static GENERATOR: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let guard = GENERATOR.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    tch::manual_seed(seed);
    guard
}
