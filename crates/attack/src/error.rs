//! What can go wrong in an attack.

use tch::TchError;

/// What can go wrong in an attack.
#[derive(Debug, thiserror::Error)]
pub enum AttackError {
    /// The attack's parameters are no attack.
    #[error(transparent)]
    Config(#[from] InvalidAttack),
    /// Pixels or labels of another shape or type.
    #[error("{what} are {found}, expected {expected}")]
    Shape {
        /// `pixels` or `labels`.
        what: &'static str,
        /// Their type and size.
        found: String,
        /// What they should be.
        expected: &'static str,
    },
    /// The images were not in [0, 1] before the attack, for instance because they were normalised.
    #[error("pixels to attack lie between {min} and {max}, expected between 0 and 1")]
    NotPixels {
        /// The smallest.
        min: f64,
        /// The largest.
        max: f64,
    },
    /// The gradient of the loss holds infinities or NaN, so its sign says nothing.
    #[error(
        "the gradient for the pixels is not finite in step {step} of {n_steps}, expected finite numbers (does the network hold NaN or overflow?)"
    )]
    NonFiniteGradient {
        /// The step, counted from 1.
        step: u32,
        /// Steps in all.
        n_steps: u32,
    },
    /// An attacked image left its ball or range: a defect of the attack.
    #[error("an attacked pixel is {found}, expected {expected} (a defect of the attack)")]
    OutOfBounds {
        /// Where it is.
        found: String,
        /// Where it should be.
        expected: String,
    },
    /// Torch refused an operation, for instance labels beyond the network's classes.
    #[error("torch says: {0}")]
    Torch(String),
}

/// A parameter of an attack that has the right type and yet is no attack.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` is {found}, expected {expected}")]
pub struct InvalidAttack {
    /// The key as a config writes it.
    pub field: &'static str,
    /// Its value.
    pub found: String,
    /// What it should be.
    pub expected: String,
}

impl From<TchError> for AttackError {
    fn from(error: TchError) -> Self {
        let text = match error {
            TchError::Torch(text) => text,
            other => other.to_string(),
        };
        // The lines below the first are a stack trace of C++.
        Self::Torch(text.lines().next().unwrap_or_default().to_owned())
    }
}
