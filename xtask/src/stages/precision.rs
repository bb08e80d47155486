//! The number format that networks train in, where the user chooses one for a study.

use clap::ValueEnum;
use toml::Table;

const KEY: &str = "precision";

/// A number format of train.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Precision {
    /// 32-bit floats, the default. Any machine has them.
    Float32,
    /// 16-bit floats, which may be faster. GPUs have them, and CPUs with AVX512-BF16 or AMX.
    Bfloat16,
}

impl Precision {
    /// As it is written in configs and on command lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Float32 => "float32",
            Self::Bfloat16 => "bfloat16",
        }
    }

    /// Sets it in the table of a training that says none. Returns whether it did.
    pub fn set(self, train: &mut Table) -> bool {
        if train.contains_key(KEY) {
            return false;
        }
        // The default is not written out, so that a run has the same key whether it was asked for or not.
        if self != Self::Float32 {
            train.insert(KEY.to_owned(), self.name().into());
        }
        true
    }

    /// What a stage is told with `--set`.
    pub fn as_set(self) -> String {
        format!("{KEY}=\"{}\"", self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_written_nowhere_and_a_training_keeps_its_own() {
        let (plain, brain) = (toml::toml! { model = "x" }, toml::toml! { model = "x" precision = "bfloat16" });
        let written = toml::toml! { model = "x" precision = "float32" };
        for (precision, before, after, is_set) in [
            (Precision::Float32, &plain, &plain, true),
            (Precision::Float32, &brain, &brain, false),
            (Precision::Bfloat16, &plain, &brain, true),
            (Precision::Bfloat16, &written, &written, false),
        ] {
            let mut table = before.clone();
            assert_eq!(precision.set(&mut table), is_set);
            assert_eq!(table, *after);
        }
    }
}
