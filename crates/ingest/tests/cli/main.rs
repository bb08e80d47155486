//! The binary as a user calls it.

mod bad_input;
mod cifar10;
mod image_folder;
mod sandbox;
mod shapes;
