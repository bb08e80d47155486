// The gradient for the input of a 3×3 convolution that a 2×2 maximum and ReLU follow. At most one place of each 2×2 window has a
// gradient at all, so three quarters of the usual work, or more, are multiplications by zero. Here they are left out.

#pragma once

#include <cstdint>

namespace twinset {

// A convolution with padding 1 and stride 1. Height and width are even, and those of its input and of its output.
struct Layer {
  std::int64_t n_images, height, width, n_in, n_out;
};

// The widest vectors that may be used.
enum class Vectors { kNone, k256, k512 };

// Whether `input_gradient` is made for such a convolution and vectors.
bool has_input_gradient(std::int64_t n_in, std::int64_t n_out, Vectors vectors);

// All arrays are channels-last. `gradient` and `chosen` are [n_images, height / 2, width / 2, n_out]: the gradient of what the maximum
// gives, and which of the four places of the window it goes to, row by row, or `NONE`. `weight` is [n_out, 3, 3, n_in]. `back` is
// [n_images, height, width, n_in] and is overwritten. The order of the sums does not depend on the number of threads.
void input_gradient(const float *gradient, const std::uint8_t *chosen, const float *weight, float *back, Layer layer, Vectors vectors,
                    int n_threads);

// In `chosen`: ReLU made the maximum 0, so no place has a gradient.
constexpr std::uint8_t NONE = 4;

}  // namespace twinset
