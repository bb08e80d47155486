//! Regimes: what a network is trained on, and the loss that is.

use serde::{Deserialize, Serialize};
use tch::{Kind, Reduction, Tensor};
use twinset_attack::{AttackError, Iterate, Norm, Pgd, Trades, pgd, trades};
use twinset_manifest::units::{PixelRange, Radius};
use twinset_model::{Mode, Network};
use twinset_stage::InvalidField;

/// Steps of an attack up to which a training under it may end in catastrophic overfitting.
const FEW_STEPS: u32 = 3;

/// What the network is trained on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Regime {
    /// The images.
    #[default]
    Standard,
    /// Attacked images alone (Madry et al. 2018, arXiv 1706.06083).
    Pgd(Pgd),
    /// Images attacked by one step from a random start (Wong, Rice, Kolter 2020, arXiv 2001.03994).
    ///
    /// Under an attack of one to three steps, of this kind or another, PGD is run on some training images after each epoch:
    /// where its accuracy has fallen far, the network has learnt to withstand those steps alone (*catastrophic
    /// overfitting*), which becomes a warning of the result.
    Fgsm {
        /// The radius of the ball: for L∞ of pixels in [0, 1], for L2 of whole images.
        epsilon: Radius,
        /// How far the step goes; 1.25 ε where nothing is said.
        #[serde(default)]
        step_size: Option<Radius>,
        /// The norm that the ball is measured in.
        #[serde(default, skip_serializing_if = "Norm::is_linf")]
        norm: Norm,
        /// What attacked pixels are clamped to.
        #[serde(default)]
        pixel_range: PixelRange,
    },
    /// Images, and attacked ones that are to be classified alike (TRADES; Zhang et al. 2019, arXiv 1901.08573).
    Trades {
        /// The weight of the divergence between both; 1/λ of the paper.
        beta: f64,
        /// The radius of the ball: for L∞ of pixels in [0, 1], for L2 of whole images.
        epsilon: Radius,
        /// How far one step of the attack goes.
        step_size: Radius,
        /// Steps of the attack.
        n_steps: u32,
        /// The norm that the ball is measured in.
        #[serde(default, skip_serializing_if = "Norm::is_linf")]
        norm: Norm,
        /// What attacked pixels are clamped to.
        #[serde(default)]
        pixel_range: PixelRange,
    },
}

/// What a network is while its training images are attacked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttackMode {
    /// As it is evaluated: without dropout, batch norm with its running statistics.
    #[default]
    Eval,
    /// As it is trained: with dropout, batch norm with the batch's statistics, which also enter the running ones.
    Train,
}

/// A batch as a step is taken on it.
#[derive(Debug)]
pub(crate) enum Batch {
    /// Pixels.
    One(Tensor),
    /// The images and the attacked ones.
    Pair { natural: Tensor, attacked: Tensor, beta: f64 },
}

impl Regime {
    /// The regime with all defaults filled in.
    pub(crate) fn resolved(mut self) -> Self {
        if let Self::Fgsm { epsilon, step_size, norm, .. } = &mut self {
            step_size.get_or_insert_with(|| largest_step(*epsilon, *norm));
        }
        self
    }

    pub(crate) fn validate(&self) -> Result<(), InvalidField> {
        if let Self::Trades { beta, .. } = *self {
            let is_valid = beta.is_finite() && beta >= 0.0;
            InvalidField::unless(is_valid, "regime.beta", beta, "at least 0")?;
        }
        let Some(attack) = self.as_pgd() else { return Ok(()) };
        attack
            .validate()
            .map_err(|invalid| InvalidField::new(format!("regime.{}", invalid.field), invalid.found, invalid.expected))
    }

    /// What is odd about its attack, though it can be trained under.
    pub(crate) fn warning(&self) -> Option<String> {
        self.as_pgd()?.warning().map(|warning| format!("regime: {warning}"))
    }

    /// Passes of one image through the network and back, in a step.
    pub(crate) fn n_passes(&self) -> u64 {
        let attack = self.as_pgd().map_or(0, |attack| u64::from(attack.n_steps) * u64::from(attack.n_restarts));
        match self {
            Self::Trades { .. } => attack + 2,
            Self::Standard | Self::Pgd(_) | Self::Fgsm { .. } => attack + 1,
        }
    }

    /// The attack of PGD and FGSM, or one with the parameters of TRADES'.
    fn as_pgd(&self) -> Option<Pgd> {
        match *self {
            Self::Standard => None,
            Self::Pgd(attack) => Some(attack),
            Self::Fgsm { epsilon, step_size, norm, pixel_range } => {
                let step_size = step_size.unwrap_or(largest_step(epsilon, norm));
                Some(one_run(epsilon, step_size, 1, norm, pixel_range))
            }
            Self::Trades { beta: _, epsilon, step_size, n_steps, norm, pixel_range } => {
                Some(Pgd { random_start: false, ..one_run(epsilon, step_size, n_steps, norm, pixel_range) })
            }
        }
    }

    /// The stronger attack that catastrophic overfitting is seen by: ten steps of ε/4. None where there is no such danger,
    /// since the attack of the training takes more than [`FEW_STEPS`].
    pub(crate) fn watching_attack(&self) -> Option<Pgd> {
        let attack = self.as_pgd().filter(|attack| (1..=FEW_STEPS).contains(&attack.n_steps))?;
        Some(ten_steps(attack))
    }

    /// What held-out images are attacked by: the same ten steps, whatever the training's. None where it attacks nothing.
    pub(crate) fn held_out_attack(&self) -> Option<Pgd> {
        self.as_pgd().map(ten_steps)
    }

    /// What a step is taken on for these images.
    pub(crate) fn batch(
        &self,
        network: &Network,
        mode: AttackMode,
        pixels: Tensor,
        labels: &Tensor,
    ) -> Result<Batch, AttackError> {
        let Some(attack) = self.as_pgd() else { return Ok(Batch::One(pixels)) };
        let frozen;
        let logits: &dyn Fn(&Tensor) -> Tensor = match mode {
            AttackMode::Train => &|pixels| network.forward(pixels, Mode::Train),
            AttackMode::Eval => {
                frozen = network.frozen();
                &|pixels| frozen.forward(pixels)
            }
        };
        if let Self::Trades { beta, epsilon, step_size, n_steps, norm, pixel_range } = *self {
            let attack = Trades { epsilon, step_size, n_steps, norm, pixel_range };
            let attacked = trades(logits, &pixels, &attack)?.pixels;
            return Ok(Batch::Pair { natural: pixels, attacked, beta });
        }
        Ok(Batch::One(pgd(logits, &pixels, labels, &attack)?.pixels))
    }
}

/// 1.25 ε, as its authors recommend; for L∞ no step is larger than the whole range of pixels.
fn largest_step(epsilon: Radius, norm: Norm) -> Radius {
    let step_size = 1.25 * epsilon.get();
    let step_size = if norm.is_linf() { step_size.min(1.0) } else { step_size };
    Radius::new(step_size).unwrap_or(epsilon)
}

/// PGD of ten steps of ε/4 in the ball of an attack.
fn ten_steps(attack: Pgd) -> Pgd {
    let step_size = Radius::new(attack.epsilon.get() / 4.0).expect("a quarter of a radius is one");
    one_run(attack.epsilon, step_size, 10, attack.norm, attack.pixel_range)
}

fn one_run(epsilon: Radius, step_size: Radius, n_steps: u32, norm: Norm, pixel_range: PixelRange) -> Pgd {
    let (random_start, n_restarts, iterate) = (true, 1, Iterate::Last);
    Pgd { epsilon, step_size, n_steps, random_start, n_restarts, iterate, norm, pixel_range }
}

impl Batch {
    /// The mean loss, and the logits that count as the network's answer: those of attacked images where there are any.
    pub(crate) fn loss(&self, network: &Network, labels: &Tensor, label_smoothing: f64) -> (Tensor, Tensor) {
        match self {
            Self::One(pixels) => {
                let logits = network.forward(pixels, Mode::Train);
                (cross_entropy(&logits, labels, label_smoothing), logits)
            }
            Self::Pair { natural, attacked, beta } => {
                let natural = network.forward(natural, Mode::Train);
                let attacked = network.forward(attacked, Mode::Train);
                let divergence = divergence(&natural, &attacked);
                (cross_entropy(&natural, labels, label_smoothing) + divergence * *beta, attacked)
            }
        }
    }
}

fn cross_entropy(logits: &Tensor, labels: &Tensor, label_smoothing: f64) -> Tensor {
    const IGNORE_NO_LABEL: i64 = -100;
    if label_smoothing == 0.0 {
        return logits.cross_entropy_for_logits(labels);
    }
    logits.cross_entropy_loss(labels, None::<&Tensor>, Reduction::Mean, IGNORE_NO_LABEL, label_smoothing)
}

/// The mean Kullback–Leibler divergence of the attacked images' classes from the images', both as logits.
fn divergence(natural: &Tensor, attacked: &Tensor) -> Tensor {
    let (natural, attacked) = (natural.log_softmax(1, Kind::Float), attacked.log_softmax(1, Kind::Float));
    let each = (natural.exp() * (&natural - attacked)).sum_dim_intlist([1i64].as_slice(), false, Kind::Float);
    each.mean(Kind::Float)
}

#[cfg(test)]
mod tests {
    use tch::Device;
    use twinset_model::{Model, NetworkSpec};

    use super::*;

    /// Losses and gradients of the robust network with the weights of `torch.manual_seed(1)`, as PyTorch 2.11 computes
    /// them with the loss of the TRADES authors' own code and with `cross_entropy(label_smoothing=0.1)`.
    #[test]
    fn losses_and_gradients_are_pytorchs() {
        let _generator = crate::seeded(1);
        let network = Network::new(&NetworkSpec::new(Model::PaperRobust, Some(8), 4, 8), Device::Cpu).unwrap();
        let index = Tensor::arange(5 * 3 * 8 * 8, (Kind::Float, Device::Cpu));
        let natural = ((&index * 0.7).sin() * 0.5 + 0.5).view([5, 3, 8, 8]);
        let change = (index * 1.1).cos().sign().view([5, 3, 8, 8]) * (8.0 / 255.0);
        let attacked = (&natural + change).clamp(0.0, 1.0);
        let labels = Tensor::from_slice(&[0i64, 1, 2, 3, 0]);
        let check = |batch: Batch, label_smoothing: f64, expected: &[f64]| {
            let (loss, _) = batch.loss(&network, &labels, label_smoothing);
            let (_, first) = network.parameters().next().unwrap();
            let (_, last) = network.parameters().last().unwrap();
            let gradients = Tensor::run_backward(&[&loss], &[first, last], false, false);
            let entry = gradients[0].flatten(0, -1).double_value(&[3]);
            let found = [
                loss.double_value(&[]),
                gradients[0].norm().double_value(&[]),
                entry,
                gradients[1].norm().double_value(&[]),
            ];
            for (found, expected) in found.into_iter().zip(expected) {
                assert!((found - expected).abs() < 1e-6, "{batch:?}, {label_smoothing}: {found}, expected {expected}");
            }
        };
        let pair = |beta| Batch::Pair { natural: natural.shallow_clone(), attacked: attacked.shallow_clone(), beta };
        check(pair(6.0), 0.0, &[1.3970040082931519, 0.10194293409585953, -0.004600164480507374, 0.19124248623847961]);
        check(pair(1.0), 0.1, &[1.3961083889007568, 0.09184660017490387, -0.004098518751561642, 0.1740877479314804]);
        check(Batch::One(attacked.shallow_clone()), 0.1, &[1.3959780931472778, 0.10187891870737076]);
    }

    #[test]
    fn a_regime_counts_its_passes_and_refuses_what_it_cannot_be() {
        let check = |json: &str, expected: Result<u64, &str>| {
            let regime = serde_json::from_str::<Regime>(json).unwrap().resolved();
            let found = regime.validate().map(|()| regime.n_passes()).map_err(|invalid| invalid.field);
            assert_eq!(found, expected.map_err(str::to_owned), "{json}");
        };
        check(r#"{ "kind": "standard" }"#, Ok(1));
        check(r#"{ "kind": "fgsm", "epsilon": "8/255" }"#, Ok(2));
        check(r#"{ "kind": "fgsm", "epsilon": "8/255", "step-size": 0 }"#, Err("regime.step-size"));
        check(r#"{ "kind": "fgsm", "epsilon": 8 }"#, Err("regime.epsilon"));
        check(r#"{ "kind": "fgsm", "epsilon": 8, "norm": "l2" }"#, Ok(2));
        let trades = r#""kind": "trades", "epsilon": "8/255", "step-size": "2/255""#;
        check(&format!(r#"{{ {trades}, "n-steps": 10, "beta": 6 }}"#), Ok(12));
        check(&format!(r#"{{ {trades}, "n-steps": 10, "beta": -1 }}"#), Err("regime.beta"));
        check(&format!(r#"{{ {trades}, "n-steps": 0, "beta": 6 }}"#), Err("regime.n-steps"));
    }

    #[test]
    fn the_one_step_is_a_quarter_larger_than_the_ball_and_never_larger_than_all_pixels() {
        let check = |epsilon: &str, expected: f64| {
            let regime: Regime =
                serde_json::from_str(&format!(r#"{{ "kind": "fgsm", "epsilon": "{epsilon}" }}"#)).unwrap();
            let Regime::Fgsm { step_size: Some(step_size), .. } = regime.resolved() else { panic!("{regime:?}") };
            assert!((step_size.get() - expected).abs() < 1e-12, "{step_size}");
        };
        check("8/255", 10.0 / 255.0);
        check("1.0", 1.0);
    }

    #[test]
    fn every_regime_of_few_steps_is_watched_whatever_its_kind() {
        let check = |json: &str, expected: Option<f64>| {
            let regime = serde_json::from_str::<Regime>(json).unwrap().resolved();
            let found = regime.watching_attack().map(|attack| attack.step_size.get() * f64::from(attack.n_steps));
            assert_eq!(found, expected, "{json}");
        };
        check(r#"{ "kind": "standard" }"#, None);
        check(r#"{ "kind": "fgsm", "epsilon": "1/4" }"#, Some(0.625));
        let ball = r#""epsilon": "1/4", "step-size": "1/4""#;
        for (n_steps, expected) in [(1, Some(0.625)), (3, Some(0.625)), (4, None)] {
            for random_start in [false, true] {
                check(
                    &format!(r#"{{ "kind": "pgd", {ball}, "n-steps": {n_steps}, "random-start": {random_start} }}"#),
                    expected,
                );
            }
            check(&format!(r#"{{ "kind": "trades", {ball}, "n-steps": {n_steps}, "beta": 6 }}"#), expected);
        }
        check(r#"{ "kind": "fgsm", "epsilon": 4, "norm": "l2" }"#, Some(10.0));
    }
}
