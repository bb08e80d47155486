// See the header. Two loops: one for three channels in, where all 3×3 places of a window's four places together are 48 floats, and
// one for multiples of 16 channels, where the weights of one kernel row at a time stay in the first-level cache.

#include "input_gradient.h"

#include "images_in_threads.h"

#include <algorithm>
#include <cstring>
#include <vector>

#define INLINE inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

namespace twinset {
namespace {

// Vectors of `N` floats.
template <int N>
struct Lanes {
  typedef float Vector __attribute__((vector_size(4 * N)));
  // The same in memory, at any place.
  typedef float Unaligned __attribute__((vector_size(4 * N), aligned(4), may_alias));
};

// Floats that begin at a cache line.
class Buffer {
 public:
  explicit Buffer(std::int64_t n) : lines((n + 15) / 16) {}
  float *data() { return lines[0].values; }
  void clear() { std::fill(lines.begin(), lines.end(), Line{}); }

 private:
  struct alignas(64) Line {
    float values[16] = {};
  };
  std::vector<Line> lines;
};

// Some images, from `first` to before `last`.
struct Images {
  std::int64_t first, last;
};

struct Pass {
  const float *gradient;
  const std::uint8_t *chosen;
  const float *weight;  // As packed for the loop.
  float *back;
  Layer layer;
};

// ---- Three channels in.

// Floats in a row of a window's four places and their neighbours: four places of three channels. There are four such rows.
constexpr std::int64_t PATCH_ROW = 12, PATCH = 4 * PATCH_ROW;

// For each channel and each of the four places: what one unit of gradient there adds to the patch.
Buffer pack_for_three(const float *weight, const Layer &layer) {
  Buffer packed(layer.n_out * 4 * PATCH);
  for (std::int64_t channel = 0; channel < layer.n_out; channel++) {
    for (std::int64_t place = 0; place < 4; place++) {
      float *patch = packed.data() + (channel * 4 + place) * PATCH;
      for (std::int64_t row = 0; row < 3; row++) {
        float *to = patch + (place / 2 + row) * PATCH_ROW + place % 2 * 3;
        std::memcpy(to, weight + (channel * 3 + row) * 9, 9 * sizeof(float));
      }
    }
  }
  return packed;
}

template <int N>
INLINE void for_three(const Pass &pass, Images images) {
  typedef typename Lanes<N>::Vector Vector;
  typedef typename Lanes<N>::Unaligned Unaligned;
  // Sums over every `STEP`th channel, so that additions need not wait for one another.
  constexpr int PER_PATCH = PATCH / N, STEP = N == 16 ? 4 : N == 8 ? 2 : 1;
  const Layer layer = pass.layer;
  const std::int64_t n_out = layer.n_out, rows = layer.height / 2, columns = layer.width / 2;
  // With a border of one place. Patches of neighbouring windows overlap, so every second window adds to an image of its own.
  const std::int64_t row_length = (layer.width + 2) * 3;
  Buffer sums(2 * (layer.height + 2) * row_length), all_live(n_out);
  float *live = all_live.data(), *even = sums.data(), *odd = even + (layer.height + 2) * row_length;
  for (std::int64_t image = images.first; image < images.last; image++) {
    sums.clear();
    for (std::int64_t row = 0; row < rows; row++) {
      for (std::int64_t column = 0; column < columns; column++) {
        const std::int64_t window = ((image * rows + row) * columns + column) * n_out;
        const std::uint8_t *chosen = pass.chosen + window;
        const float *gradients = pass.gradient + window;
#pragma GCC ivdep
        for (std::int64_t channel = 0; channel < n_out; channel++) {
          const float gradient = gradients[channel];
          live[channel] = chosen[channel] == NONE ? 0.0f : gradient;
        }
        Vector patch[STEP][PER_PATCH];
        UNROLL for (int step = 0; step < STEP; step++) {
          UNROLL for (int i = 0; i < PER_PATCH; i++) patch[step][i] = Vector{};
        }
        for (std::int64_t channel = 0; channel < n_out; channel += STEP) {
          UNROLL for (int step = 0; step < STEP; step++) {
            const std::int64_t place = (channel + step) * 4 + (chosen[channel + step] & 3);
            const float *weight = pass.weight + place * PATCH;
            const Vector gradient = live[channel + step] - Vector{};
            UNROLL for (int i = 0; i < PER_PATCH; i++) {
              patch[step][i] += gradient * (Vector) * reinterpret_cast<const Unaligned *>(weight + i * N);
            }
          }
        }
        UNROLL for (int step = 1; step < STEP; step++) {
          UNROLL for (int i = 0; i < PER_PATCH; i++) patch[0][i] += patch[step][i];
        }
        float flat[PATCH];
        UNROLL for (int i = 0; i < PER_PATCH; i++) *reinterpret_cast<Unaligned *>(flat + i * N) = patch[0][i];
        float *to = (column % 2 ? odd : even) + 2 * row * row_length + 2 * column * 3;
        for (std::int64_t y = 0; y < 4; y++) {
          for (std::int64_t x = 0; x < PATCH_ROW; x++) to[y * row_length + x] += flat[y * PATCH_ROW + x];
        }
      }
    }
    for (std::int64_t y = 0; y < layer.height; y++) {
      const float *left = even + (y + 1) * row_length + 3, *right = odd + (y + 1) * row_length + 3;
      float *to = pass.back + (image * layer.height + y) * layer.width * 3;
      for (std::int64_t x = 0; x < layer.width * 3; x++) to[x] = left[x] + right[x];
    }
  }
}

// ---- A multiple of 16 channels in.

// So many floats of a row of 3 places are done at once: they are sums in registers.
std::int64_t strip_length(const Layer &layer) { return layer.n_in % 32 == 0 ? 96 : 48; }

// Weights as [kernel row, strip, n_out, strip_length].
Buffer pack_for_many(const float *weight, const Layer &layer) {
  const std::int64_t length = strip_length(layer), n_strips = 3 * layer.n_in / length;
  Buffer packed(layer.n_out * 9 * layer.n_in);
  float *to = packed.data();
  for (std::int64_t row = 0; row < 3; row++) {
    for (std::int64_t strip = 0; strip < n_strips; strip++) {
      for (std::int64_t channel = 0; channel < layer.n_out; channel++) {
        std::memcpy(to, weight + (channel * 3 + row) * 3 * layer.n_in + strip * length, length * sizeof(float));
        to += length;
      }
    }
  }
  return packed;
}

// A gradient, and where its weights begin.
struct Live {
  float gradient;
  std::uint32_t weights;
};

// The gradients of one window: for each of the four places those that go there, from `place * n_out` up to before `end[place]`.
struct Window {
  std::uint32_t end[5];
};

template <int N, int LENGTH>
INLINE void add_strip(const Live *live, const Live *end, const float *weights, float *to) {
  typedef typename Lanes<N>::Vector Vector;
  typedef typename Lanes<N>::Unaligned Unaligned;
  constexpr int N_SUMS = LENGTH / N;
  Vector sums[N_SUMS];
  UNROLL for (int i = 0; i < N_SUMS; i++) sums[i] = *reinterpret_cast<const Unaligned *>(to + i * N);
  for (; live != end; live++) {
    const float *weight = weights + live->weights;
    const Vector gradient = live->gradient - Vector{};
    UNROLL for (int i = 0; i < N_SUMS; i++) {
      sums[i] += gradient * (Vector) * reinterpret_cast<const Unaligned *>(weight + i * N);
    }
  }
  UNROLL for (int i = 0; i < N_SUMS; i++) *reinterpret_cast<Unaligned *>(to + i * N) = sums[i];
}

template <int N, int LENGTH>
INLINE void for_many(const Pass &pass, Images images) {
  const Layer layer = pass.layer;
  const std::int64_t n_in = layer.n_in, n_out = layer.n_out, rows = layer.height / 2, columns = layer.width / 2;
  const std::int64_t n_strips = 3 * n_in / LENGTH, row_length = (layer.width + 2) * n_in;
  // Rows of windows that are done at once: enough that fetching the weights into the cache is little of the work.
  const std::int64_t block = std::min(rows, std::max<std::int64_t>(1, 64 / columns));
  Buffer sums((layer.height + 2) * row_length);
  std::vector<Live> live(block * columns * 5 * n_out);
  std::vector<Window> windows(block * columns);
  for (std::int64_t image = images.first; image < images.last; image++) {
    sums.clear();
    for (std::int64_t top = 0; top < rows; top += block) {
      const std::int64_t bottom = std::min(top + block, rows), begin = (image * rows + top) * columns;
      for (std::int64_t i = 0; i < (bottom - top) * columns; i++) {
        const float *gradient = pass.gradient + (begin + i) * n_out;
        const std::uint8_t *chosen = pass.chosen + (begin + i) * n_out;
        Live *to = live.data() + i * 5 * n_out;
        Window window;
        for (std::uint32_t place = 0; place < 5; place++) window.end[place] = place * n_out;
        for (std::int64_t channel = 0; channel < n_out; channel++) {
          to[window.end[chosen[channel]]++] = Live{gradient[channel], static_cast<std::uint32_t>(channel * LENGTH)};
        }
        windows[i] = window;
      }
      for (std::int64_t part = 0; part < 3 * n_strips; part++) {
        const float *weights = pass.weight + part * n_out * LENGTH;
        const std::int64_t kernel_row = part / n_strips, strip = part % n_strips;
        const Live *from = live.data();
        const Window *window = windows.data();
        for (std::int64_t row = top; row < bottom; row++) {
          float *to = sums.data() + (2 * row + kernel_row) * row_length + strip * LENGTH;
          for (std::int64_t column = 0; column < columns; column++) {
            UNROLL for (std::int64_t place = 0; place < 4; place++) {
              const Live *end = from + window->end[place];
              add_strip<N, LENGTH>(from + place * n_out, end, weights, to + place / 2 * row_length + place % 2 * n_in);
            }
            from += 5 * n_out;
            to += 2 * n_in;
            window++;
          }
        }
      }
    }
    for (std::int64_t y = 0; y < layer.height; y++) {
      const float *from = sums.data() + (y + 1) * row_length + n_in;
      std::memcpy(pass.back + (image * layer.height + y) * layer.width * n_in, from, layer.width * n_in * sizeof(float));
    }
  }
}

// ---- The same for each processor.

template <int N>
INLINE void run(const Pass &pass, Images images) {
  if (pass.layer.n_in == 3) {
    for_three<N>(pass, images);
  } else if (strip_length(pass.layer) == 96) {
    for_many<N, 96>(pass, images);
  } else {
    for_many<N, 48>(pass, images);
  }
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) void run_256(const Pass &pass, Images images) { run<8>(pass, images); }
__attribute__((target("avx512f"))) void run_512(const Pass &pass, Images images) { run<16>(pass, images); }
constexpr bool HAS_VECTORS = true;
#else
void run_256(const Pass &pass, Images images) { run<8>(pass, images); }
void run_512(const Pass &pass, Images images) { run<16>(pass, images); }
constexpr bool HAS_VECTORS = false;
#endif

}  // namespace

bool has_input_gradient(std::int64_t n_in, std::int64_t n_out, Vectors vectors) {
  return HAS_VECTORS && vectors != Vectors::kNone && n_out % 16 == 0 && (n_in == 3 || n_in % 16 == 0);
}

void input_gradient(const float *gradient, const std::uint8_t *chosen, const float *weight, float *back, Layer layer, Vectors vectors,
                    int n_threads) {
  Buffer packed = layer.n_in == 3 ? pack_for_three(weight, layer) : pack_for_many(weight, layer);
  const Pass pass{gradient, chosen, packed.data(), back, layer};
  const auto run = vectors == Vectors::k512 ? run_512 : run_256;
  in_threads(layer.n_images, n_threads, [&](std::int64_t first, std::int64_t last) { run(pass, Images{first, last}); });
}

}  // namespace twinset
