//! Products of matrices.

/// All dot products of the rows of two matrices with rows of length `k`: `out[i * n + j]` is row `i` of the `m` rows of
/// `left` times row `j` of the `n` rows of `right`.
///
/// # Panics
/// When a length is no multiple of `k`, or `out` has other than `m * n` places.
#[expect(unsafe_code, reason = "the kernel takes pointers; what they may reach is checked before")]
pub fn dot_products(left: &[f32], right: &[f32], k: usize, out: &mut [f32]) {
    let (m, n) = (left.len() / k, right.len() / k);
    assert!(left.len() == m * k && right.len() == n * k && out.len() == m * n, "{m} and {n} rows of {k}");
    let (width, depth) = (n as isize, k as isize);
    // SAFETY: `out` is m rows of n; `left` is m rows of k; `right`, read as its transpose, is k rows of n.
    unsafe {
        let (left, right, out) = (left.as_ptr(), right.as_ptr(), out.as_mut_ptr());
        matrixmultiply::sgemm(m, k, n, 1.0, left, depth, 1, right, 1, depth, 0.0, out, width, 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_the_product_of_its_rows() {
        for (m, n, k) in [(1, 1, 1), (3, 5, 7), (25, 20, 784), (0, 4, 3), (33, 17, 192)] {
            let left: Vec<f32> = (0..m * k).map(|i| (i % 7) as f32 - 3.0).collect();
            let right: Vec<f32> = (0..n * k).map(|i| (i % 5) as f32 - 2.0).collect();
            let mut out = vec![f32::NAN; m * n];
            dot_products(&left, &right, k, &mut out);
            for (i, row) in left.chunks_exact(k).enumerate() {
                for (j, column) in right.chunks_exact(k).enumerate() {
                    let expected: f32 = row.iter().zip(column).map(|(a, b)| a * b).sum();
                    assert_eq!(out[i * n + j], expected, "{m}x{n}x{k} at {i}, {j}");
                }
            }
        }
    }
}
