//! Optimisers: gradients into weights.
//!
//! Written out instead of taken from torch, since what they remember must be saved and restored for a training to be
//! resumed, and torch's C++ optimisers keep that to themselves.

use serde::{Deserialize, Serialize};
use tch::Tensor;
use twinset_stage::InvalidField;

/// How gradients become weights, as torch's optimisers of these names do it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum OptimizerConfig {
    /// Stochastic gradient descent.
    Sgd {
        /// How far a step goes.
        learning_rate: f64,
        /// Share of the last step that is repeated.
        #[serde(default)]
        momentum: f64,
        /// Share of the weights that is added to their gradient.
        #[serde(default)]
        weight_decay: f64,
        /// Whether that is so for parameters of one dimension, too: biases, and batch norm's scales.
        #[serde(default = "yes", skip_serializing_if = "is_yes")]
        decay_biases_and_norms: bool,
    },
    /// Adam (Kingma, Ba 2015, arXiv 1412.6980).
    Adam {
        /// How far a step goes at most.
        learning_rate: f64,
        /// Decay of the two moving means: of gradients and of their squares.
        #[serde(default = "adam_betas")]
        betas: [f64; 2],
        /// What is added to the denominator.
        #[serde(default = "adam_eps")]
        eps: f64,
        /// Share of the weights that is added to their gradient.
        #[serde(default)]
        weight_decay: f64,
        /// Whether that is so for parameters of one dimension, too: biases, and batch norm's scales.
        #[serde(default = "yes", skip_serializing_if = "is_yes")]
        decay_biases_and_norms: bool,
    },
}

impl Default for OptimizerConfig {
    /// Adam with its authors' settings.
    fn default() -> Self {
        let (betas, eps) = (adam_betas(), adam_eps());
        Self::Adam { learning_rate: 1e-3, betas, eps, weight_decay: 0.0, decay_biases_and_norms: true }
    }
}

fn yes() -> bool {
    true
}

fn is_yes(value: &bool) -> bool {
    *value
}

fn adam_betas() -> [f64; 2] {
    [0.9, 0.999]
}

fn adam_eps() -> f64 {
    1e-8
}

/// An optimiser and what it remembers of each parameter.
#[derive(Debug)]
pub struct Optimizer {
    config: OptimizerConfig,
    parameters: Vec<Parameter>,
    n_steps: i32,
}

#[derive(Debug)]
struct Parameter {
    value: Tensor,
    /// SGD's momentum; Adam's moving mean of gradients.
    mean: Tensor,
    /// Adam's moving mean of squared gradients.
    mean_square: Option<Tensor>,
}

impl Optimizer {
    /// An optimiser of these parameters, which it changes in place.
    pub fn new<'a>(config: OptimizerConfig, parameters: impl IntoIterator<Item = &'a Tensor>) -> Self {
        let has_squares = matches!(config, OptimizerConfig::Adam { .. });
        let parameters = parameters
            .into_iter()
            .map(|value| Parameter {
                value: value.shallow_clone(),
                mean: value.detach().zeros_like(),
                mean_square: has_squares.then(|| value.detach().zeros_like()),
            })
            .collect();
        Self { config, parameters, n_steps: 0 }
    }

    /// What is remembered, in a fixed order; changed in place by whoever restores it.
    pub(crate) fn state(&self) -> Vec<Tensor> {
        let remembered = |parameter: &Parameter| {
            [Some(parameter.mean.shallow_clone()), parameter.mean_square.as_ref().map(Tensor::shallow_clone)]
        };
        self.parameters.iter().flat_map(remembered).flatten().collect()
    }

    /// Goes on as after this many steps.
    pub(crate) fn set_n_steps(&mut self, n_steps: u64) {
        self.n_steps = i32::try_from(n_steps).unwrap_or(i32::MAX);
    }

    /// One step against the gradient, of a size that a schedule may have made of the config's learning rate; `gradients`
    /// are in the order of the parameters and are used up.
    pub fn step(&mut self, gradients: Vec<Tensor>, learning_rate: f64) {
        self.n_steps += 1;
        tch::no_grad(|| {
            for (parameter, gradient) in self.parameters.iter_mut().zip(gradients) {
                let weight_decay = self.config.weight_decay(&parameter.value);
                match self.config {
                    OptimizerConfig::Sgd { momentum, .. } => {
                        parameter.sgd(gradient, learning_rate, momentum, weight_decay);
                    }
                    OptimizerConfig::Adam { betas, eps, .. } => {
                        parameter.adam(gradient, learning_rate, betas, eps, weight_decay, self.n_steps);
                    }
                }
            }
        });
    }
}

impl OptimizerConfig {
    /// How far a step goes.
    pub fn learning_rate(&self) -> f64 {
        match *self {
            Self::Sgd { learning_rate, .. } | Self::Adam { learning_rate, .. } => learning_rate,
        }
    }

    /// The weight decay of a parameter.
    fn weight_decay(&self, parameter: &Tensor) -> f64 {
        let (Self::Sgd { weight_decay, decay_biases_and_norms, .. }
        | Self::Adam { weight_decay, decay_biases_and_norms, .. }) = *self;
        if parameter.dim() > 1 || decay_biases_and_norms { weight_decay } else { 0.0 }
    }

    pub(crate) fn validate(&self) -> Result<(), InvalidField> {
        let check = |key: &str, value: f64, is_valid: bool, expected: &str| {
            InvalidField::unless(value.is_finite() && is_valid, &format!("optimizer.{key}"), value, expected)
        };
        let rate = self.learning_rate();
        check("learning-rate", rate, rate > 0.0, "more than 0")?;
        let weight_decay = match *self {
            Self::Sgd { momentum, weight_decay, .. } => {
                check("momentum", momentum, (0.0..1.0).contains(&momentum), "at least 0 and less than 1")?;
                weight_decay
            }
            Self::Adam { betas, eps, weight_decay, .. } => {
                for (index, beta) in betas.into_iter().enumerate() {
                    let key = format!("betas.{index}");
                    check(&key, beta, (0.0..1.0).contains(&beta), "at least 0 and less than 1")?;
                }
                check("eps", eps, eps > 0.0, "more than 0")?;
                weight_decay
            }
        };
        check("weight-decay", weight_decay, weight_decay >= 0.0, "at least 0")
    }
}

impl Parameter {
    fn sgd(&mut self, gradient: Tensor, learning_rate: f64, momentum: f64, weight_decay: f64) {
        let gradient = decay(gradient, &self.value, weight_decay);
        if momentum == 0.0 {
            let _ = self.value.g_sub_(&(gradient * learning_rate));
            return;
        }
        let _ = self.mean.g_mul_scalar_(momentum).g_add_(&gradient);
        let _ = self.value.g_sub_(&(&self.mean * learning_rate));
    }

    fn adam(
        &mut self,
        gradient: Tensor,
        learning_rate: f64,
        [beta1, beta2]: [f64; 2],
        eps: f64,
        weight_decay: f64,
        n_steps: i32,
    ) {
        let mean_square = self.mean_square.as_mut().expect("Adam remembers squares");
        let gradient = decay(gradient, &self.value, weight_decay);
        let _ = self.mean.lerp_(&gradient, 1.0 - beta1);
        let _ = mean_square.lerp_(&gradient.square(), 1.0 - beta2);
        let (bias1, bias2) = (1.0 - beta1.powi(n_steps), 1.0 - beta2.powi(n_steps));
        let denominator = mean_square.sqrt().g_div_scalar_(bias2.sqrt()).g_add_scalar_(eps);
        let _ = self.value.addcdiv_(&(&self.mean * (-learning_rate / bias1)), &denominator);
    }
}

fn decay(gradient: Tensor, value: &Tensor, weight_decay: f64) -> Tensor {
    if weight_decay == 0.0 { gradient } else { gradient + value * weight_decay }
}

#[cfg(test)]
mod tests {
    use tch::nn::{self, OptimizerConfig as _};
    use tch::{Device, Kind};

    use super::*;

    /// Both walk down the same bent valley; torch's own optimiser is the measure.
    fn check(config: OptimizerConfig, mut theirs: impl FnMut(&nn::VarStore) -> nn::Optimizer) {
        let _generator = crate::seeded(2);
        let start = Tensor::randn([7, 5], (Kind::Float, Device::Cpu));
        let loss = |weights: &Tensor| (weights.square() * 3.0 + weights.sin()).sum(Kind::Float);

        let store = nn::VarStore::new(Device::Cpu);
        let expected = store.root().var_copy("weights", &start);
        let mut their_optimizer = theirs(&store);
        let found = start.copy().set_requires_grad(true);
        let mut optimizer = Optimizer::new(config, [&found]);
        for step in 0..50 {
            their_optimizer.backward_step(&loss(&expected));
            optimizer.step(Tensor::run_backward(&[loss(&found)], &[&found], false, false), 0.01);
            let difference = (&found - &expected).abs().max().double_value(&[]);
            assert!(difference < 2e-6, "{config:?} is off by {difference} after step {step}");
        }
        assert!((&found - &start).abs().max().double_value(&[]) > 0.01, "it moves");
    }

    #[test]
    fn steps_are_those_of_torch() {
        let sgd = |momentum, weight_decay| OptimizerConfig::Sgd {
            learning_rate: 0.01,
            momentum,
            weight_decay,
            decay_biases_and_norms: true,
        };
        check(sgd(0.9, 5e-4), |store| nn::sgd(0.9, 0.0, 5e-4, false).build(store, 0.01).unwrap());
        check(sgd(0.0, 0.0), |store| nn::sgd(0.0, 0.0, 0.0, false).build(store, 0.01).unwrap());
        let adam = |betas, weight_decay| OptimizerConfig::Adam {
            learning_rate: 0.01,
            betas,
            eps: 1e-8,
            weight_decay,
            decay_biases_and_norms: true,
        };
        check(adam([0.9, 0.999], 0.0), |store| nn::adam(0.9, 0.999, 0.0).build(store, 0.01).unwrap());
        check(adam([0.8, 0.9], 1e-2), |store| nn::adam(0.8, 0.9, 1e-2).build(store, 0.01).unwrap());
    }

    #[test]
    fn biases_and_norms_are_decayed_unless_told_otherwise() {
        let check = |json: &str, decays_bias: bool| {
            let config: OptimizerConfig = serde_json::from_str(json).unwrap();
            let ones = |size: &[i64]| Tensor::ones(size, (Kind::Float, Device::Cpu));
            let (weight, bias) = (ones(&[3, 2]), ones(&[3]));
            let mut optimizer = Optimizer::new(config, [&weight, &bias]);
            optimizer.step(vec![weight.zeros_like(), bias.zeros_like()], 0.1);
            let moved = |tensor: &Tensor| tensor.ne(1.0).all().int64_value(&[]) == 1;
            assert_eq!((moved(&weight), moved(&bias)), (true, decays_bias), "{json}");
        };
        let sgd = r#""kind": "sgd", "learning-rate": 0.1, "weight-decay": 0.1"#;
        let adam = r#""kind": "adam", "learning-rate": 0.1, "weight-decay": 0.1"#;
        for kind in [sgd, adam] {
            check(&format!("{{ {kind} }}"), true);
            check(&format!("{{ {kind}, \"decay-biases-and-norms\": true }}"), true);
            check(&format!("{{ {kind}, \"decay-biases-and-norms\": false }}"), false);
        }
    }
}
