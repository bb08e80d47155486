// Work on images, some of them on each thread.

#pragma once

#include <algorithm>
#include <cstdint>
#include <thread>
#include <vector>

namespace twinset {

// Calls `work(first, last)` for ranges that make up `n_images`, at most one a thread. Threads of their own, as torch's OpenMP is compiled
// into its libraries and a second one in a program is trouble.
template <typename Work>
void in_threads(std::int64_t n_images, int n_threads, const Work &work) {
  const std::int64_t n = std::min<std::int64_t>(std::max(n_threads, 1), n_images);
  std::vector<std::thread> threads;
  for (std::int64_t i = 1; i < n; i++) {
    threads.emplace_back([=, &work] { work(n_images * i / n, n_images * (i + 1) / n); });
  }
  if (n > 0) work(0, n_images / n);
  for (std::thread &thread : threads) thread.join();
}

}  // namespace twinset
