//! The binary as a user calls it.

mod bad_input;
mod cifar10;
mod cifar100;
mod croissant;
mod damaged;
mod download;
mod file_sources;
mod hugging_face;
mod idx;
mod image_folder;
mod lineage;
mod losses;
mod python_files;
mod sandbox;
mod shapes;
mod shards;
mod split_folders;
mod table;
mod webdataset;
