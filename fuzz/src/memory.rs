//! How much memory something takes.

use peak_alloc::PeakAlloc;

/// Counts what is allocated, in every target.
#[global_allocator]
pub static MEMORY: PeakAlloc = PeakAlloc;

/// Does something, which may take so many bytes at its peak beyond what was there before.
pub fn bounded<T>(most: usize, work: impl FnOnce() -> T) -> T {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let result = work();
    let taken = MEMORY.peak_usage().saturating_sub(before);
    assert!(taken <= most, "{taken} bytes of memory, and {most} are allowed");
    result
}
