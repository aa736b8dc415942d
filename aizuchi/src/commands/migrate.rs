//! `aizuchi migrate`: bring the schema of a database up to date.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::now;
use super::place::Place;
use crate::terminal::{DONE, Failed, Outcome, Terminal};

/// Bring the schema of the database up to date.
///
/// `serve` and `dev` do the same when they start; this is for those who want it to be a step of its
/// own. A second run changes nothing. A database of a newer aizuchi is left alone.
#[derive(Args)]
#[command(after_help = "\
Examples:
  aizuchi migrate --config /etc/aizuchi/aizuchi.toml
  aizuchi migrate --data aizuchi-data
  aizuchi migrate --database postgres://localhost/aizuchi")]
pub(super) struct Arguments {
    #[command(flatten)]
    place: Place,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// Migrates.
pub(super) async fn run(arguments: Arguments, terminal: &mut Terminal) -> Outcome {
    let config = arguments.place.config()?;
    let database = super::database::open(&config).await?;
    let migrated =
        database.migrate(now()).await.map_err(|error| Failed::because(error.to_string()))?;
    if arguments.json {
        let document = json!({"version": migrated.version, "applied": migrated.applied});
        terminal.json(&document)?;
    } else if migrated.applied.is_empty() {
        terminal.line(&format!("the schema is the newest, version {}", migrated.version))?;
    } else {
        let names = migrated.applied.join(", ");
        terminal.line(&format!("applied {names}; the schema is version {}", migrated.version))?;
    }
    Ok(ExitCode::from(DONE))
}
