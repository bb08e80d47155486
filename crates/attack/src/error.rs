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
    /// The attack needs more classes than the network has.
    #[error("the network has {found} classes, expected at least {expected} for this attack")]
    FewClasses {
        /// Classes of the network.
        found: i64,
        /// Classes that the attack needs.
        expected: i64,
    },
    /// The L2 square attack tiles an image into five by five.
    #[error(
        "images have {width}x{height} pixels, expected as many rows as columns and at least 5 for the L2 square attack"
    )]
    NotSquare {
        /// Their rows.
        height: i64,
        /// Their columns.
        width: i64,
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
    /// What an attack has done so far cannot be kept.
    #[error("cannot keep what is done so far: {0}")]
    Keep(std::io::Error),
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
