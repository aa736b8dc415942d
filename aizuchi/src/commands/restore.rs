//! `aizuchi restore`: a copy takes the place of an embedded database.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use server::admin::{self, Command};
use server::config::Config;
use store::Restoration;

use super::place::Place;
use super::{database, now};
use crate::terminal::{DONE, Failed, Outcome, Terminal};

/// Put a copy made by `aizuchi backup` in the place of the database.
///
/// The server must not run. The copy is checked first: that it is whole, that this version knows its
/// schema (an older one is brought up to date), and that the root key at hand opens its signing keys.
/// What was there before is kept beside it.
///
/// The time since the copy was taken is lost: users and devices made since are unknown, refresh
/// tokens rotated since are refused, and requests that were open are open again if their time is not
/// up.
#[derive(Args)]
#[command(after_help = "\
Examples:
  aizuchi restore --from /var/backups/aizuchi-2026-11-23.db --config /etc/aizuchi/aizuchi.toml
  aizuchi restore --from copy.db --data aizuchi-data --replace")]
pub(super) struct Arguments {
    /// The copy.
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// Take the place of a database that is there; it is kept under another name.
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    place: Place,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// Restores.
pub(super) async fn run(arguments: Arguments, terminal: &mut Terminal) -> Outcome {
    let config = arguments.place.config()?;
    let target = database::sqlite_file(&config).ok_or_else(|| {
        Failed::usage(
            "this installation keeps its data in PostgreSQL, which `pg_restore` fills \
             (docs/operate.md)",
        )
    })?;
    std::fs::create_dir_all(&config.server.data_dir).map_err(|error| {
        Failed::because(format!("{}: {error}", config.server.data_dir.display()))
    })?;
    terminal.note(&format!("checking {}", arguments.from.display()))?;
    let restoration = Restoration::begin(&arguments.from, &target, arguments.replace)
        .map_err(|error| Failed::because(hint(&error.to_string(), arguments.replace)))?;
    let tenants = look_into(&restoration, config, &arguments.place).await?;
    let former = restoration.finish(now()).map_err(|error| Failed::because(error.to_string()))?;
    if arguments.json {
        terminal.json(&json!({ "database": target, "tenants": tenants, "former": former }))?;
    } else {
        terminal.line(&format!("restored {} with {tenants} tenants", target.display()))?;
        if let Some(former) = former {
            terminal.line(&format!("the former database is {}", former.display()))?;
        }
    }
    Ok(ExitCode::from(DONE))
}

/// Opens the copy as a server would, and its keys; how many tenants there are.
async fn look_into(
    restoration: &Restoration,
    mut config: Config,
    place: &Place,
) -> Result<usize, Failed> {
    let candidate = std::path::absolute(restoration.candidate())
        .map_err(|error| Failed::because(error.to_string()))?;
    config.database.url = format!("sqlite:{}", candidate.display());
    let app = Box::pin(server::open(config, place.mode()))
        .await
        .map_err(|error| Failed::because(error.to_string()))?;
    let listed = Box::pin(admin::execute(&app, Command::TenantList {}, now()))
        .await
        .map_err(|refused| Failed::because(refused.to_string()))?;
    let tenants = listed.as_array().map(Vec::as_slice).unwrap_or_default();
    for tenant in tenants.iter().filter_map(|one| one.get("tenant").and_then(Value::as_str)) {
        app.signing_keys(&domain::TenantId::new(tenant), now()).await.map_err(|error| {
            Failed::because(format!(
                "the signing keys of tenant {tenant} cannot be opened ({error}); the root key must \
                 be the one that the copy was made with"
            ))
        })?;
    }
    Ok(tenants.len())
}

fn hint(told: &str, replaces: bool) -> String {
    if !replaces && told.contains("is there already") {
        return format!("{told}; add --replace to put the copy in its place");
    }
    told.to_owned()
}
