//! The command `aizuchi`: the server, the phone and the client in a terminal, administration.
//!
//! `main` installs the cryptography and hands over to [`commands`]. Every command writes to the
//! [`terminal::Terminal`] it is given and returns an exit code; none prints or exits by itself.

mod commands;
mod https;
mod phone;
mod terminal;

use std::process::ExitCode;

use crate::terminal::Terminal;

#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Fails only if a provider is there already, and then it is the same one.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    commands::run(std::env::args_os(), &mut Terminal::standard())
}
