//! `aizuchi console`: who may use the console, and one-time links to it.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::Value;
use server::admin::Command;

use super::administration::Inside;
use crate::terminal::{DONE, Outcome, Terminal};

/// Make a one-time link to the console; list and remove the people who may use it.
#[derive(Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// A link that signs an operator in, once and within the hour.
    ///
    /// Who has a passkey needs none. A name that is not known yet becomes an operator.
    #[command(after_help = "\
Examples:
  aizuchi console link
  aizuchi console link --name Mika --config /etc/aizuchi/aizuchi.toml")]
    Link {
        /// For whom.
        #[arg(long, default_value = server::flows::console::FIRST_OPERATOR)]
        name: String,
        #[command(flatten)]
        inside: Inside,
    },
    /// The operators of a tenant, with the number of their passkeys.
    #[command(after_help = "Example:\n  aizuchi console list --tenant default")]
    List {
        #[command(flatten)]
        inside: Inside,
    },
    /// An operator is none from this moment on: no session, link or passkey works any more.
    #[command(after_help = "Example:\n  aizuchi console remove Mika")]
    Remove {
        /// Whom.
        name: String,
        #[command(flatten)]
        inside: Inside,
    },
}

/// Runs one act.
pub(super) async fn run(arguments: Arguments, terminal: &mut Terminal) -> Outcome {
    match arguments.act {
        Act::Link { name, inside } => {
            let command = Command::ConsoleLink { tenant: inside.tenant, name };
            let made = inside.common.carry_out(command, terminal).await?;
            if inside.common.json {
                terminal.json(&made)?;
            } else {
                terminal.line(made.get("link").and_then(Value::as_str).unwrap_or_default())?;
            }
        }
        Act::List { inside } => {
            let command = Command::ConsoleList { tenant: inside.tenant };
            let list = inside.common.carry_out(command, terminal).await?;
            inside.common.list(&list, &["/name", "/passkeys", "/created_at"], terminal)?;
        }
        Act::Remove { name, inside } => {
            let command = Command::ConsoleRemove { tenant: inside.tenant, name };
            let told = inside.common.carry_out(command, terminal).await?;
            inside.common.tell(&told, &[("removed", "/removed")], terminal)?;
        }
    }
    Ok(ExitCode::from(DONE))
}
