//! One pass forward and back for each line on stdin, its seconds of processor time on stdout: what
//! `tests/pytorch/speed.py` calls in turn with PyTorch.
//!
//! `forward_backward MODEL WIDTH BATCH train|eval weights|pixels float32|bfloat16`, of images of 32x32 pixels and ten classes.

use std::error::Error;
use std::io::{BufRead, Write};

use tch::{Device, Kind, Tensor};
use twinset_model::{DeviceChoice, GpuNumerics, Mode, Model, Network, NetworkSpec, Precision, open_device};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [model, width, batch, mode, wanted, precision] = &arguments[..] else {
        return Err(format!(
            "expected MODEL WIDTH BATCH train|eval weights|pixels float32|bfloat16, found {arguments:?}"
        )
        .into());
    };
    open_device(DeviceChoice::Cpu, GpuNumerics::default())?;
    let model: Model = serde_json::from_str(&format!("{model:?}"))?;
    let mode = if mode == "train" { Mode::Train } else { Mode::Eval };
    let batch: i64 = batch.parse()?;
    tch::manual_seed(0);
    let precision: Precision = serde_json::from_str(&format!("{precision:?}"))?;
    let spec = NetworkSpec::new(model, Some(width.parse()?), 10, 32);
    let network = Network::new(&spec, Device::Cpu)?.with_precision(precision)?;
    let pixels = Tensor::rand([batch, 3, 32, 32], (Kind::Float, Device::Cpu));
    let pixels = pixels.set_requires_grad(wanted == "pixels");
    let labels = Tensor::arange(batch, (Kind::Int64, Device::Cpu)).remainder(10);
    let parameters: Vec<_> = network.parameters().map(|(_, tensor)| tensor).collect();
    let wanted: &[&Tensor] = if wanted == "pixels" { &[&pixels] } else { &parameters };

    for line in std::io::stdin().lock().lines() {
        line?;
        let start = processor_seconds()?;
        let loss = network.forward(&pixels, mode).cross_entropy_for_logits(&labels);
        let gradients = Tensor::run_backward(&[loss], wanted, false, false);
        let seconds = processor_seconds()? - start;
        drop(gradients);
        writeln!(std::io::stdout(), "{seconds}")?;
    }
    Ok(())
}

/// Of this thread, which does all the work, so that other work on the machine disturbs little.
fn processor_seconds() -> Result<f64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/self/schedstat")?;
    let nanoseconds: f64 = text.split_whitespace().next().unwrap_or_default().parse()?;
    Ok(nanoseconds / 1e9)
}
