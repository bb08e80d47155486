// Maximum over 2×2 and ReLU in one pass, with one byte a result for the way back: what `pool.rs` calls.
//
// Torch's own operators keep an index of eight bytes, visit every value four times, and go through it one by one on the way
// back. Values and gradients are the same: the first of equal values wins, and NaN goes through.

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

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

// Which of the four it was, row by row; this where ReLU made it 0.
constexpr std::uint32_t NONE = 4;

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
    chosen[i] = static_cast<std::uint8_t>(is_dead ? NONE : which);
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

template <typename T>
T *values(const at::Tensor &tensor) {
  return static_cast<T *>(tensor.data_ptr());
}

class PoolRelu : public torch::autograd::Function<PoolRelu> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext *context, const at::Tensor &features) {
    at::Tensor in = features.contiguous(at::MemoryFormat::ChannelsLast);
    Shape shape{in.size(0), in.size(2), in.size(3), in.size(1)};
    std::int64_t size[4] = {shape.n_images, shape.n_channels, shape.height / 2, shape.width / 2};
    at::Tensor out = at::empty(size, in.options(), at::MemoryFormat::ChannelsLast);
    at::Tensor chosen = at::empty(size, in.options().dtype(at::kByte), at::MemoryFormat::ChannelsLast);
    if (in.scalar_type() == at::kFloat) {
      pool_32(values<float>(in), values<float>(out), values<std::uint8_t>(chosen), shape);
    } else {
      pool_16(values<std::uint16_t>(in), values<std::uint16_t>(out), values<std::uint8_t>(chosen), shape);
    }
    context->saved_data["chosen"] = chosen;
    return out;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext *context,
                                                 torch::autograd::variable_list gradients) {
    at::Tensor gradient = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    at::Tensor chosen = context->saved_data["chosen"].toTensor();
    Shape shape{gradient.size(0), 2 * gradient.size(2), 2 * gradient.size(3), gradient.size(1)};
    std::int64_t size[4] = {shape.n_images, shape.n_channels, shape.height, shape.width};
    at::Tensor back = at::empty(size, gradient.options(), at::MemoryFormat::ChannelsLast);
    if (gradient.scalar_type() == at::kFloat) {
      unpool_32(values<std::uint32_t>(gradient), values<std::uint8_t>(chosen), values<std::uint32_t>(back), shape);
    } else {
      unpool_16(values<std::uint16_t>(gradient), values<std::uint8_t>(chosen), values<std::uint16_t>(back), shape);
    }
    return {back};
  }
};

}  // namespace

// `features` is [n, channels, height, width] of 32-bit or bfloat16 floats on the CPU, height and width even. The result is the
// caller's; null where torch failed, with the reason in `message`, of `n_message` bytes.
extern "C" at::Tensor *twinset_pool_relu(const at::Tensor *features, char *message, std::size_t n_message) {
  try {
    return new at::Tensor(PoolRelu::apply(*features));
  } catch (const std::exception &error) {
    std::strncpy(message, error.what(), n_message - 1);
    message[n_message - 1] = '\0';
    return nullptr;
  }
}
