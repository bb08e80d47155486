//! The binary as a user calls it.

mod bad_input;
mod cifar10;
mod file_sources;
mod hugging_face;
mod image_folder;
mod sandbox;
mod shapes;
mod table;
mod webdataset;
