//! CIFAR-10 from images to verified pairs.

/// Seconds for each stage, and recall within the first 700 and 1,500 pairs.
pub(crate) fn end_to_end() {
    println!("## CIFAR-10 from images to verified pairs\n\nNot measured yet.\n");
}
