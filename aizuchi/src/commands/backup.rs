//! `aizuchi backup`: a copy of an embedded database, while the server runs.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use server::admin::Command;

use super::administration::Common;
use crate::terminal::{DONE, Failed, Outcome, Terminal};

/// Copy the embedded database to a file, while the server runs.
///
/// The copy is one moment of all tenants, whole and compact, readable by its owner only. It is made in
/// the data folder, which must have room for it, and moved to where you want it. It holds no root
/// key: keep that elsewhere, for without it the signing keys in the copy stay sealed. What is in
/// PostgreSQL is copied by `pg_dump` (docs/operate.md).
#[derive(Args)]
#[command(after_help = "\
Examples:
  aizuchi backup --to /var/backups/aizuchi-2026-11-23.db --config /etc/aizuchi/aizuchi.toml
  aizuchi backup --to copy.db --data aizuchi-data --json")]
pub(super) struct Arguments {
    /// The file to make; it must not be there yet.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    #[command(flatten)]
    common: Common,
}

/// Copies.
pub(super) async fn run(arguments: Arguments, terminal: &mut Terminal) -> Outcome {
    let Arguments { to, common } = arguments;
    let to = absolute(&to)?;
    if to.exists() {
        return Err(Failed::because(format!("{} is there already", to.display())));
    }
    terminal.note(&format!("copying to {}", to.display()))?;
    let mut made = common.carry_out(Command::BackUp {}, terminal).await?;
    let copy = made.get("file").and_then(Value::as_str).unwrap_or_default();
    store::backup::take_out(Path::new(copy), &to)
        .map_err(|error| Failed::because(error.to_string()))?;
    if let Some(file) = made.get_mut("file") {
        *file = json!(to);
    }
    common.tell(
        &made,
        &[("file", "/file"), ("bytes", "/bytes"), ("as of", "/taken_at")],
        terminal,
    )?;
    Ok(ExitCode::from(DONE))
}

fn absolute(path: &Path) -> Result<PathBuf, Failed> {
    std::path::absolute(path).map_err(|error| Failed::usage(format!("{}: {error}", path.display())))
}
