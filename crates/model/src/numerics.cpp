// How a GPU computes: what `device.rs` sets. Torch keeps it for the whole process.

#include <ATen/Context.h>
#include <ATen/Version.h>
#include <cstdio>

// `tf32`: convolutions and matrix products of 32-bit floats round their factors to 10 bits. `deterministic`: cuDNN takes no algorithm that
// adds in another order each time, and does not choose by a measurement.
extern "C" void twinset_set_gpu_numerics(bool tf32, bool deterministic) {
  at::Context &context = at::globalContext();
  context.setAllowTF32CuDNN(tf32);
  context.setAllowTF32CuBLAS(tf32);
  context.setDeterministicCuDNN(deterministic);
  context.setBenchmarkCuDNN(!deterministic);
}

// Whether the first and the second are set, for tests.
extern "C" void twinset_gpu_numerics(bool *tf32, bool *deterministic) {
  const at::Context &context = at::globalContext();
  *tf32 = context.allowTF32CuDNN() && context.allowTF32CuBLAS();
  *deterministic = context.deterministicCuDNN() && !context.benchmarkCuDNN();
}

// The instruction set that torch's own operators use, as a C string of at most `n_bytes` bytes.
extern "C" void twinset_cpu_capability(char *text, size_t n_bytes) {
  std::snprintf(text, n_bytes, "%s", at::get_cpu_capability().c_str());
}
