//! Maximum over 2×2 and ReLU, on a processor in one pass each way.

use std::ffi::{CStr, c_char, c_void};

use tch::{Device, Kind, Tensor};

#[expect(unsafe_code, reason = "an operator of our own, with its gradient, can be told to torch in C++ alone")]
unsafe extern "C" {
    /// See `pool.cpp`.
    fn twinset_pool_relu(features: *const c_void, message: *mut c_char, n_message: usize) -> *mut c_void;
}

/// The 2×2 maximum of `[n, channels, height, width]`, or 0 where that is negative: what PyTorch's `relu(max_pool2d(x, 2))`
/// is, and its gradient.
///
/// # Panics
/// When torch fails, as its own operators here do.
pub(crate) fn pool_relu(features: &Tensor) -> Tensor {
    if is_for_one_pass(features) {
        one_pass(features)
    } else {
        features.max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false).relu_()
    }
}

fn is_for_one_pass(features: &Tensor) -> bool {
    let is_even = features.size4().is_ok_and(|(_, _, height, width)| height % 2 == 0 && width % 2 == 0);
    features.device() == Device::Cpu && matches!(features.kind(), Kind::Float | Kind::BFloat16) && is_even
}

#[expect(unsafe_code, reason = "what the operator takes and gives are pointers")]
fn one_pass(features: &Tensor) -> Tensor {
    let mut message = [0; 512];
    // SAFETY: torch's tensor lives as long as `features`; the buffer is as long as is said, and ends with a zero.
    let (result, message) = unsafe {
        let result = twinset_pool_relu(features.as_ptr().cast(), message.as_mut_ptr(), message.len());
        (result, CStr::from_ptr(message.as_ptr()))
    };
    assert!(!result.is_null(), "torch failed to pool: {}", message.to_string_lossy());
    // SAFETY: a tensor on the heap that nobody else owns.
    unsafe { Tensor::from_ptr(result.cast()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::channels_last;

    fn torchs(features: &Tensor) -> Tensor {
        features.max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false).relu()
    }

    /// What comes out, and the gradient of a weighted sum of it.
    fn both_ways(pool: impl Fn(&Tensor) -> Tensor, features: &Tensor) -> (Tensor, Tensor) {
        let features = features.detach().set_requires_grad(true);
        let out = pool(&features);
        let weights =
            (Tensor::arange(out.numel() as i64, (Kind::Float, Device::Cpu)).view(out.size().as_slice()) * 0.37).sin();
        let gradients =
            Tensor::run_backward(&[(&out * weights.to_kind(out.kind())).sum(Kind::Float)], &[&features], false, false);
        (out.detach(), gradients.into_iter().next().unwrap())
    }

    fn bits(tensor: &Tensor) -> Vec<f32> {
        Vec::try_from(tensor.to_kind(Kind::Float).contiguous().view([-1])).unwrap()
    }

    #[test]
    fn values_and_gradients_are_those_of_torch() {
        // Few distinct values: nearly every window has equal ones.
        for n_values in [3, 1000] {
            for shape in [[2, 1, 2, 2], [3, 5, 4, 6], [2, 32, 8, 8], [1, 67, 2, 4]] {
                for kind in [Kind::Float, Kind::BFloat16] {
                    tch::manual_seed(n_values);
                    let values = Tensor::randint(n_values, shape, (Kind::Float, Device::Cpu)) - (n_values / 2);
                    let features = channels_last(&(values * 0.1).to_kind(kind));
                    assert!(is_for_one_pass(&features));
                    let (found, expected) = (both_ways(pool_relu, &features), both_ways(torchs, &features));
                    let context = format!("{shape:?}, {kind:?}, {n_values} values");
                    assert_eq!(found.0.kind(), kind);
                    assert_eq!(bits(&found.0), bits(&expected.0), "values, {context}");
                    assert_eq!(bits(&found.1), bits(&expected.1), "gradients, {context}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_number_stays_so() {
        for place in 0..4 {
            let mut values = [1.0_f32, -1.0, 2.0, 0.5];
            values[place] = f32::NAN;
            let features = Tensor::from_slice(&values).view([1, 1, 2, 2]);
            assert!(pool_relu(&features).double_value(&[0, 0, 0, 0]).is_nan(), "{place}");
        }
        let infinite = Tensor::from_slice(&[f32::NEG_INFINITY, f32::INFINITY, 0.0, 1.0]).view([1, 1, 2, 2]);
        assert_eq!(pool_relu(&infinite).double_value(&[0, 0, 0, 0]), f64::INFINITY);
    }

    #[test]
    fn odd_sizes_lose_their_last_row_and_column_as_with_torch() {
        let features = Tensor::arange(30, (Kind::Float, Device::Cpu)).view([1, 2, 3, 5]) - 9;
        assert_eq!(bits(&pool_relu(&features)), bits(&torchs(&features)));
    }
}
