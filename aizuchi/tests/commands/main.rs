//! The commands as people and scripts use them: the binary itself, over real sockets.

mod administration;
mod ask;
mod common;
mod demo;
mod dev;
mod doctor;
mod help;
mod migrate;
mod phone;
