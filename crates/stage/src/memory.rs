//! The memory that a stage frees and needs again.

/// Has glibc keep what is freed for what is allocated next: the next step's tensors, the next images. By default it gives
/// blocks of some megabytes back to the system, and zeroing their pages anew took two fifths of a standard training's time.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the allocator's settings are reached through mallopt alone")]
pub fn keep_freed_memory() {
    const MIB: libc::c_int = 1 << 20;
    // SAFETY: mallopt takes any values; those that it does not like it refuses, and nothing changes.
    unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, libc::c_int::MAX);
        libc::mallopt(libc::M_TOP_PAD, 64 * MIB);
        // Older versions allow at most 32 MiB.
        if libc::mallopt(libc::M_MMAP_THRESHOLD, 1024 * MIB) == 0 {
            libc::mallopt(libc::M_MMAP_THRESHOLD, 32 * MIB);
        }
    }
}

/// Other allocators are left as they are.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn keep_freed_memory() {}
