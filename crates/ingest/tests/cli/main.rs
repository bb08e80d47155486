//! The binary as a user calls it.

mod bad_input;
mod cifar10;
mod cifar100;
mod download;
mod idx;
mod image_folder;
mod python_files;
mod sandbox;
mod shapes;
