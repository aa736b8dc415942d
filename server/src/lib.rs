//! The server: configuration, the windows to the outside, flows, and the faces that HTTP shows.

pub mod config;
pub mod listen;
pub mod outside;
