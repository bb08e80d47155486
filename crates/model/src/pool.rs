//! A convolution, maximum over 2×2 and ReLU, on a processor as one operator.

use std::ffi::{CStr, c_char, c_void};

use tch::{Device, Kind, Tensor};

#[expect(unsafe_code, reason = "an operator of our own, with its gradient, can be told to torch in C++ alone")]
unsafe extern "C" {
    /// See `pool.cpp`.
    fn twinset_conv_pool_relu(
        features: *const c_void,
        weight: *const c_void,
        bias: *const c_void,
        message: *mut c_char,
        n_message: usize,
    ) -> *mut c_void;
}

/// The 2×2 maximum of a convolution of `[n, channels, height, width]`, or 0 where that is negative: what PyTorch's
/// `relu(max_pool2d(conv2d(x, weight, bias, padding=kernel // 2), 2))` is, and its gradients. The kernel is odd and square.
///
/// # Panics
/// When torch fails, as its own operators here do.
pub(crate) fn conv_pool_relu(features: &Tensor, weight: &Tensor, bias: &Tensor) -> Tensor {
    if is_for_one_operator(features) {
        one_operator(features, weight, bias)
    } else {
        let padding = weight.size()[2] / 2;
        let convolved = features.conv2d(weight, Some(bias), [1, 1], [padding; 2], [1, 1], 1);
        convolved.max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false).relu_()
    }
}

fn is_for_one_operator(features: &Tensor) -> bool {
    let is_even = features.size4().is_ok_and(|(_, _, height, width)| height % 2 == 0 && width % 2 == 0);
    features.device() == Device::Cpu && matches!(features.kind(), Kind::Float | Kind::BFloat16) && is_even
}

#[expect(unsafe_code, reason = "what the operator takes and gives are pointers")]
fn one_operator(features: &Tensor, weight: &Tensor, bias: &Tensor) -> Tensor {
    let [features, weight, bias] = [features, weight, bias].map(|tensor| tensor.as_ptr().cast::<c_void>());
    let mut message = [0; 512];
    // SAFETY: torch's tensors live as long as the arguments; the buffer is as long as is said, and ends with a zero.
    let (result, message) = unsafe {
        let result = twinset_conv_pool_relu(features, weight, bias, message.as_mut_ptr(), message.len());
        (result, CStr::from_ptr(message.as_ptr()))
    };
    assert!(!result.is_null(), "torch failed to convolve and pool: {}", message.to_string_lossy());
    // SAFETY: a tensor on the heap that nobody else owns.
    unsafe { Tensor::from_ptr(result.cast()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::channels_last;

    fn torchs(features: &Tensor, weight: &Tensor, bias: &Tensor) -> Tensor {
        let padding = weight.size()[2] / 2;
        let convolved = features.conv2d(weight, Some(bias), [1, 1], [padding; 2], [1, 1], 1);
        convolved.max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false).relu()
    }

    /// What comes out, and the gradients of a weighted sum of it for some of the three arguments.
    fn both_ways(
        operator: fn(&Tensor, &Tensor, &Tensor) -> Tensor,
        arguments: &[Tensor; 3],
        wanted: &[usize],
    ) -> Vec<Tensor> {
        let leaves = [0, 1, 2].map(|index| arguments[index].detach().set_requires_grad(wanted.contains(&index)));
        let [features, weight, bias] = &leaves;
        let out = operator(features, weight, bias);
        let weights =
            (Tensor::arange(out.numel() as i64, (Kind::Float, Device::Cpu)).view(out.size().as_slice()) * 0.37).sin();
        let sum = (&out * weights.to_kind(out.kind())).sum(Kind::Float);
        let wanted: Vec<_> = wanted.iter().map(|&index| &leaves[index]).collect();
        let mut found = Tensor::run_backward(&[sum], &wanted, false, false);
        found.push(out.detach());
        found
    }

    fn values(tensor: &Tensor) -> Vec<f32> {
        Vec::try_from(tensor.to_kind(Kind::Float).contiguous().view([-1])).unwrap()
    }

    /// A convolution that gives what it is given.
    fn identity(n_channels: i64, kind: Kind) -> [Tensor; 2] {
        let options = (Kind::Float, Device::Cpu);
        let weight = Tensor::eye(n_channels, options).view([n_channels, n_channels, 1, 1]);
        [weight.to_kind(kind), Tensor::zeros([n_channels], options).to_kind(kind)]
    }

    fn pool_relu(operator: fn(&Tensor, &Tensor, &Tensor) -> Tensor, features: &Tensor) -> Tensor {
        let [weight, bias] = identity(features.size()[1], features.kind());
        operator(features, &weight, &bias)
    }

    #[test]
    fn maximum_and_relu_are_those_of_torch_bit_for_bit() {
        // Few distinct values: nearly every window has equal ones.
        for n_values in [3, 1000] {
            for shape in [[2, 1, 2, 2], [3, 5, 4, 6], [2, 32, 8, 8], [1, 67, 2, 4]] {
                for kind in [Kind::Float, Kind::BFloat16] {
                    let _generator = crate::seeded(n_values);
                    let values_of = Tensor::randint(n_values, shape, (Kind::Float, Device::Cpu)) - (n_values / 2);
                    let features = channels_last(&(values_of * 0.1).to_kind(kind));
                    assert!(is_for_one_operator(&features));
                    let [weight, bias] = identity(shape[1], kind);
                    let arguments = [features, weight, bias];
                    let found = both_ways(conv_pool_relu, &arguments, &[0]);
                    let expected = both_ways(torchs, &arguments, &[0]);
                    let context = format!("{shape:?}, {kind:?}, {n_values} values");
                    assert_eq!(found[1].kind(), kind);
                    assert_eq!(values(&found[1]), values(&expected[1]), "values, {context}");
                    assert_eq!(values(&found[0]), values(&expected[0]), "gradients, {context}");
                }
            }
        }
    }

    /// With the channels for which dead gradients are left out, and with others; values that are often equal or negative.
    #[test]
    fn values_and_gradients_are_those_of_torch() {
        tch::set_num_threads(1);
        // Images, their channels, height, width, and channels out.
        for size in [
            [2, 3, 8, 8, 16],
            [3, 3, 4, 12, 48],
            [2, 16, 8, 4, 32],
            [2, 48, 4, 4, 16],
            [1, 32, 16, 16, 64],
            [2, 5, 6, 4, 7],
        ] {
            let [n, n_in, height, width, n_out] = size;
            let _generator = crate::seeded(n_in);
            let options = (Kind::Float, Device::Cpu);
            let features = channels_last(&(Tensor::randint(5, [n, n_in, height, width], options) * 0.5 - 1.0));
            let weight = channels_last(&(Tensor::rand([n_out, n_in, 3, 3], options) - 0.5));
            let arguments = [features, weight, Tensor::rand([n_out], options) - 0.7];
            for wanted in [&[0][..], &[1, 2], &[0, 1, 2]] {
                let found = both_ways(conv_pool_relu, &arguments, wanted);
                let expected = both_ways(torchs, &arguments, wanted);
                for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
                    assert_eq!(found.size(), expected.size());
                    let difference = (found - expected).norm().double_value(&[]);
                    let norm = expected.norm().double_value(&[]);
                    assert!(difference <= 1e-6 * norm, "{size:?}, {wanted:?}, {index}: off by {difference}, of {norm}");
                    if index == wanted.len() {
                        assert_eq!(values(found), values(expected), "{size:?}");
                    }
                }
                let again = both_ways(conv_pool_relu, &arguments, wanted);
                assert!(again.iter().zip(&found).all(|(again, found)| values(again) == values(found)), "{size:?}");
            }
            tch::set_num_threads(3);
            let threaded = both_ways(conv_pool_relu, &arguments, &[0]);
            tch::set_num_threads(1);
            if n_in % 16 == 0 || n_in == 3 {
                assert_eq!(values(&threaded[0]), values(&both_ways(conv_pool_relu, &arguments, &[0])[0]), "{size:?}");
            }
        }
    }

    #[test]
    fn what_is_no_number_stays_so() {
        for place in 0..4 {
            let mut values = [1.0_f32, -1.0, 2.0, 0.5];
            values[place] = f32::NAN;
            let features = Tensor::from_slice(&values).view([1, 1, 2, 2]);
            assert!(pool_relu(conv_pool_relu, &features).double_value(&[0, 0, 0, 0]).is_nan(), "{place}");
        }
        let infinite = Tensor::from_slice(&[f32::NEG_INFINITY, f32::INFINITY, 0.0, 1.0]).view([1, 1, 2, 2]);
        assert_eq!(pool_relu(conv_pool_relu, &infinite).double_value(&[0, 0, 0, 0]), f64::INFINITY);
    }

    #[test]
    fn odd_sizes_lose_their_last_row_and_column_as_with_torch() {
        let features = Tensor::arange(30, (Kind::Float, Device::Cpu)).view([1, 2, 3, 5]) - 9;
        assert_eq!(values(&pool_relu(conv_pool_relu, &features)), values(&pool_relu(torchs, &features)));
    }
}
