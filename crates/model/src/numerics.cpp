// How a GPU computes: what `device.rs` sets. Torch keeps it for the whole process.

#include <ATen/Context.h>

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
