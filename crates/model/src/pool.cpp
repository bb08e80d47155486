// A convolution, maximum over 2×2 and ReLU: what `pool.rs` calls.
//
// Maximum and ReLU are one pass, with one byte a result for the way back. Torch's own operators keep an index of eight bytes, visit
// every value four times, and go through it one by one on the way back. Values and gradients are the same: the first of equal values
// wins, and NaN goes through. The gradient for the convolution's input is computed from the live places alone, where
// `input_gradient.h` has that; it is torch's up to the order of sums.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include "images_in_threads.h"
#include "input_gradient.h"

#include <cstdint>
#include <cstring>
#include <exception>
#include <string>

// The loops below are compiled for each of these, and chosen when the program starts. Features, as compilers before GCC 12 know no
// levels such as x86-64-v4 here.
#if defined(__x86_64__) && defined(__linux__)
#define EACH_PROCESSOR __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define EACH_PROCESSOR
#endif

namespace {

using twinset::NONE;

inline float as_float(float value) { return value; }

// A 16-bit float is the upper half of a 32-bit one, and back: nothing is rounded here.
inline float as_float(std::uint16_t value) {
  std::uint32_t bits = static_cast<std::uint32_t>(value) << 16;
  float wide;
  std::memcpy(&wide, &bits, sizeof wide);
  return wide;
}

template <typename T>
inline T as(float value);

template <>
inline float as<float>(float value) {
  return value;
}

template <>
inline std::uint16_t as<std::uint16_t>(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return static_cast<std::uint16_t>(bits >> 16);
}

// So many channels are done at once: as many 32-bit floats as fit the widest register.
constexpr std::int64_t BLOCK = 16;

// One result for each of `n` channels, from the same channels at four places.
template <typename T>
inline __attribute__((always_inline)) void pool(const T *a, const T *b, const T *c, const T *d, T *out, std::uint8_t *chosen,
                                                std::int64_t n) {
#pragma GCC ivdep
  for (std::int64_t i = 0; i < n; i++) {
    float best = as_float(a[i]), value = as_float(b[i]);
    std::uint32_t which = 0;
    bool wins = (value > best) | (value != value);
    best = wins ? value : best;
    which = wins ? 1 : which;
    value = as_float(c[i]);
    wins = (value > best) | (value != value);
    best = wins ? value : best;
    which = wins ? 2 : which;
    value = as_float(d[i]);
    wins = (value > best) | (value != value);
    best = wins ? value : best;
    which = wins ? 3 : which;
    bool is_dead = best <= 0.0f;
    out[i] = as<T>(is_dead ? 0.0f : best);
    chosen[i] = static_cast<std::uint8_t>(is_dead ? std::uint32_t{NONE} : which);
  }
}

// The gradient of one of the four places; `T` is an unsigned integer, since bits are all that matters here.
template <typename T>
inline __attribute__((always_inline)) void unpool(const T *gradient, const std::uint8_t *chosen, std::uint8_t place, T *back,
                                                  std::int64_t n) {
#pragma GCC ivdep
  for (std::int64_t i = 0; i < n; i++) {
    T mask = static_cast<T>(-static_cast<T>(chosen[i] == place));
    back[i] = gradient[i] & mask;
  }
}

// Features are [n_images, height, width, n_channels] in memory; height and width are even, and those of what is pooled.
struct Shape {
  std::int64_t n_images, height, width, n_channels;
};

template <typename T>
inline __attribute__((always_inline)) void pool_all(const T *in, T *out, std::uint8_t *chosen, Shape shape) {
  std::int64_t n = shape.n_channels, row = shape.width * n;
  for (std::int64_t y = 0; y < shape.n_images * shape.height / 2; y++) {
    for (std::int64_t x = 0; x < shape.width / 2; x++) {
      const T *corner = in + 2 * y * row + 2 * x * n;
      std::int64_t i = 0;
      for (; i + BLOCK <= n; i += BLOCK) {
        const T *a = corner + i;
        pool(a, a + n, a + row, a + row + n, out + i, chosen + i, BLOCK);
      }
      const T *a = corner + i;
      pool(a, a + n, a + row, a + row + n, out + i, chosen + i, n - i);
      out += n;
      chosen += n;
    }
  }
}

template <typename T>
inline __attribute__((always_inline)) void unpool_all(const T *gradient, const std::uint8_t *chosen, T *back, Shape shape) {
  std::int64_t n = shape.n_channels, row = shape.width * n;
  for (std::int64_t y = 0; y < shape.n_images * shape.height / 2; y++) {
    for (std::int64_t x = 0; x < shape.width / 2; x++) {
      T *corner = back + 2 * y * row + 2 * x * n;
      std::int64_t places[4] = {0, n, row, row + n};
      for (std::uint8_t place = 0; place < 4; place++) {
        T *to = corner + places[place];
        std::int64_t i = 0;
        for (; i + BLOCK <= n; i += BLOCK) {
          unpool(gradient + i, chosen + i, place, to + i, BLOCK);
        }
        unpool(gradient + i, chosen + i, place, to + i, n - i);
      }
      gradient += n;
      chosen += n;
    }
  }
}

EACH_PROCESSOR void pool_32(const float *in, float *out, std::uint8_t *chosen, Shape shape) {
  pool_all(in, out, chosen, shape);
}

EACH_PROCESSOR void pool_16(const std::uint16_t *in, std::uint16_t *out, std::uint8_t *chosen, Shape shape) {
  pool_all(in, out, chosen, shape);
}

EACH_PROCESSOR void unpool_32(const std::uint32_t *gradient, const std::uint8_t *chosen, std::uint32_t *back, Shape shape) {
  unpool_all(gradient, chosen, back, shape);
}

EACH_PROCESSOR void unpool_16(const std::uint16_t *gradient, const std::uint8_t *chosen, std::uint16_t *back, Shape shape) {
  unpool_all(gradient, chosen, back, shape);
}

// Whole images a thread, as many threads as torch may use.
template <typename Work>
void for_some_images(Shape shape, const Work &work) {
  twinset::in_threads(shape.n_images, at::get_num_threads(), [&](std::int64_t first, std::int64_t last) {
    Shape some = shape;
    some.n_images = last - first;
    work(first, some);
  });
}

template <typename In, typename Out>
void pool_images(void (*pool)(const In *, Out *, std::uint8_t *, Shape), const In *in, Out *out, std::uint8_t *chosen, Shape shape) {
  std::int64_t n = shape.height * shape.width * shape.n_channels;
  for_some_images(shape, [&](std::int64_t first, Shape some) {
    pool(in + first * n, out + first * n / 4, chosen + first * n / 4, some);
  });
}

template <typename T>
void unpool_images(void (*unpool)(const T *, const std::uint8_t *, T *, Shape), const T *gradient,
                   const std::uint8_t *chosen, T *back, Shape shape) {
  std::int64_t n = shape.height * shape.width * shape.n_channels;
  for_some_images(shape, [&](std::int64_t first, Shape some) {
    unpool(gradient + first * n / 4, chosen + first * n / 4, back + first * n, some);
  });
}

template <typename T>
T *values(const at::Tensor &tensor) {
  return static_cast<T *>(tensor.data_ptr());
}

at::Tensor channels_last(const at::Tensor &tensor) { return tensor.contiguous(at::MemoryFormat::ChannelsLast); }

at::Tensor empty(Shape shape, const at::TensorOptions &options) {
  return at::empty({shape.n_images, shape.n_channels, shape.height, shape.width}, options, at::MemoryFormat::ChannelsLast);
}

// The gradient of what is pooled.
at::Tensor unpool(const at::Tensor &gradient, const at::Tensor &chosen) {
  Shape shape{gradient.size(0), 2 * gradient.size(2), 2 * gradient.size(3), gradient.size(1)};
  at::Tensor back = empty(shape, gradient.options());
  if (gradient.scalar_type() == at::kFloat) {
    unpool_images(unpool_32, values<std::uint32_t>(gradient), values<std::uint8_t>(chosen), values<std::uint32_t>(back), shape);
  } else {
    unpool_images(unpool_16, values<std::uint16_t>(gradient), values<std::uint8_t>(chosen), values<std::uint16_t>(back), shape);
  }
  return back;
}

// The widest vectors that torch's own code uses: what the processor has, or less where `ATEN_CPU_CAPABILITY` says so.
twinset::Vectors vectors() {
  static const std::string capability = at::get_cpu_capability();
  return capability == "AVX512" ? twinset::Vectors::k512 : capability == "AVX2" ? twinset::Vectors::k256 : twinset::Vectors::kNone;
}

class ConvPoolRelu : public torch::autograd::Function<ConvPoolRelu> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext *context, const at::Tensor &features, const at::Tensor &weight,
                            const at::Tensor &bias) {
    std::int64_t padding = weight.size(2) / 2;
    at::Tensor in = channels_last(at::conv2d(features, weight, bias, {1, 1}, {padding, padding}));
    Shape shape{in.size(0), in.size(2), in.size(3), in.size(1)};
    Shape pooled{shape.n_images, shape.height / 2, shape.width / 2, shape.n_channels};
    at::Tensor out = empty(pooled, in.options()), chosen = empty(pooled, in.options().dtype(at::kByte));
    if (in.scalar_type() == at::kFloat) {
      pool_images(pool_32, values<float>(in), values<float>(out), values<std::uint8_t>(chosen), shape);
    } else {
      pool_images(pool_16, values<std::uint16_t>(in), values<std::uint16_t>(out), values<std::uint8_t>(chosen), shape);
    }
    context->save_for_backward({features, weight});
    context->saved_data["chosen"] = chosen;
    return out;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext *context,
                                                 torch::autograd::variable_list gradients) {
    torch::autograd::variable_list saved = context->get_saved_variables();
    const at::Tensor &features = saved[0], &weight = saved[1];
    at::Tensor gradient = channels_last(gradients[0]), chosen = context->saved_data["chosen"].toTensor();
    bool for_features = context->needs_input_grad(0), for_weights = context->needs_input_grad(1) || context->needs_input_grad(2);
    at::Tensor of_features, of_weight, of_bias;
    std::int64_t n_in = weight.size(1), n_out = weight.size(0), kernel = weight.size(2);
    bool skips_dead = gradient.scalar_type() == at::kFloat && kernel == 3 && twinset::has_input_gradient(n_in, n_out, vectors());
    if (for_features && skips_dead) {
      Shape shape{features.size(0), features.size(2), features.size(3), n_in};
      of_features = empty(shape, gradient.options());
      twinset::Layer layer{shape.n_images, shape.height, shape.width, n_in, n_out};
      twinset::input_gradient(values<float>(gradient), values<std::uint8_t>(chosen), values<float>(channels_last(weight)),
                              values<float>(of_features), layer, vectors(), at::get_num_threads());
      for_features = false;
    }
    if (for_features || for_weights) {
      at::Tensor convolved = unpool(gradient, chosen);
      std::int64_t sizes[1] = {n_out}, ones[2] = {1, 1}, zeros[2] = {0, 0}, padding[2] = {kernel / 2, kernel / 2};
      auto found = at::convolution_backward(convolved, features, weight, at::IntArrayRef(sizes), ones, padding, ones, false, zeros, 1,
                                            {for_features, for_weights, for_weights});
      if (for_features) of_features = std::get<0>(found);
      of_weight = std::get<1>(found);
      of_bias = std::get<2>(found);
    }
    return {of_features, of_weight, of_bias};
  }
};

}  // namespace

// `features` is [n, channels, height, width] of 32-bit or bfloat16 floats on the CPU, height and width even; `weight` is
// [channels out, channels, kernel, kernel] and `bias` [channels out], the kernel odd. The result is the caller's; null where torch
// failed, with the reason in `message`, of `n_message` bytes.
extern "C" at::Tensor *twinset_conv_pool_relu(const at::Tensor *features, const at::Tensor *weight, const at::Tensor *bias,
                                              char *message, std::size_t n_message) {
  try {
    return new at::Tensor(ConvPoolRelu::apply(*features, *weight, *bias));
  } catch (const std::exception &error) {
    std::strncpy(message, error.what(), n_message - 1);
    message[n_message - 1] = '\0';
    return nullptr;
  }
}
