//! An *attack* changes images a little, within a *ball* around each and a *range* that pixels keep to, so that a network
//! classifies them wrongly.
//!
//! Attacks are pure functions of a network, pixels and labels: [`pgd`], [`fgsm`] and [`auto_attack`] with its [`apgd`], [`fab`]
//! and [`square`], or one of them as a config says, [`Attack::run`]; [`trades`] is the one of that training regime. Pixels
//! are `[n, 3, height, width]`, float32, in [0, 1]; the network is any function from such pixels to logits `[n, n_classes]`
//! under which images do not depend on one another (evaluation mode). This crate never sees a normalised pixel, a weight or
//! a file.
//!
//! Gradients are computed for the pixels alone, never for weights. Random starts come from torch's generator, which the
//! caller seeds.
//!
//! ```no_run
//! use tch::{Kind, Tensor};
//! use twinset_attack::{Iterate, Norm, Pgd, pgd};
//! use twinset_manifest::units::PixelRange;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let weights = Tensor::randn([3 * 32 * 32, 10], (Kind::Float, tch::Device::Cpu));
//! let network = |pixels: &Tensor| pixels.flatten(1, -1).matmul(&weights);
//! let config = Pgd {
//!     epsilon: "8/255".parse()?,
//!     step_size: "2/255".parse()?,
//!     n_steps: 10,
//!     random_start: true,
//!     n_restarts: 1,
//!     iterate: Iterate::Last,
//!     norm: Norm::LInf,
//!     pixel_range: PixelRange::FULL,
//! };
//! let pixels = Tensor::rand([4, 3, 32, 32], (Kind::Float, tch::Device::Cpu));
//! let labels = Tensor::from_slice(&[0i64, 1, 2, 3]);
//!
//! tch::manual_seed(0);
//! let attacked = pgd(&network, &pixels, &labels, &config)?;
//! assert_eq!(attacked.n_queries, [10; 4]);
//! # Ok(())
//! # }
//! ```

mod ascent;
mod attack;
mod auto;
mod bounds;
mod error;
mod fgsm;
mod loss;
mod norm;
mod pgd;
mod trades;
mod worst;

use tch::Tensor;

pub use attack::Attack;
pub use auto::{
    Apgd, AutoAttack, AutoAttacked, Component, Fab, Objective, Outcome, Part, Square, Version, apgd, auto_attack, fab,
    square,
};
pub use error::{AttackError, InvalidAttack};
pub use fgsm::{Fgsm, fgsm};
pub use norm::Norm;
pub use pgd::{Iterate, Pgd, pgd};
pub use trades::{Trades, trades};

/// Images as an attack left them.
#[derive(Debug)]
pub struct Attacked {
    /// The attacked pixels, `[n, 3, height, width]`, float32, detached from any graph.
    pub pixels: Tensor,
    /// Forward passes that the attack took for each image.
    pub n_queries: Vec<u32>,
    /// Images that the attack did not know where to move: at the end of each of its runs the gradient was zero. What it says
    /// of their robustness is worth nothing.
    pub n_without_gradient: u64,
    /// Images that were attacked and came out as they went in, bit for bit.
    pub n_unmoved: u64,
    /// Of AutoAttack, for each image: the one of its attacks that first made it wrong. Empty of other attacks.
    pub fooled_by: Vec<Option<Component>>,
}

impl Attacked {
    /// Images that were not attacked.
    pub fn untouched(pixels: Tensor) -> Self {
        let n_queries = vec![0; pixels.size().first().map_or(0, |&n| n as usize)];
        Self { pixels, n_queries, n_without_gradient: 0, n_unmoved: 0, fooled_by: Vec::new() }
    }
}
