//! The binary as a user calls it.

mod bad_input;
mod cifar10;
mod croissant;
mod image_folder;
mod lineage;
mod sandbox;
mod shapes;
