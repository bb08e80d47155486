//! The binary as a user calls it.

mod bad_input;
mod cache;
mod cases;
mod cifar10;
mod cifar100;
mod croissant;
mod damaged;
mod download;
mod file_sources;
mod hugging_face;
mod idx;
mod image_folder;
mod layouts;
mod lineage;
mod losses;
mod output;
mod python_files;
mod rejects;
mod sandbox;
mod shapes;
mod shards;
mod split_folders;
mod table;
mod webdataset;
