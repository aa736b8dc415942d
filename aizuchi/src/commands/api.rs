//! `aizuchi api`: APIs (resource servers) without a browser.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use server::admin::Command;

use super::administration::{Inside, find};
use crate::terminal::{DONE, Outcome, Terminal};

/// Make, list, show and delete the APIs that tokens are for.
#[derive(Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// A new API.
    #[command(after_help = "\
Example:
  aizuchi api create https://api.example.com/loans --scope read:loans --scope sign:loans")]
    Create {
        /// Its identifier: what clients send as `audience`.
        identifier: String,
        /// A scope it has.
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<String>,
        #[command(flatten)]
        inside: Inside,
    },
    /// All APIs.
    #[command(after_help = "Example:\n  aizuchi api list --tenant default")]
    List {
        #[command(flatten)]
        inside: Inside,
    },
    /// One API.
    #[command(after_help = "Example:\n  aizuchi api show https://api.example.com/payments")]
    Show {
        /// Which.
        identifier: String,
        #[command(flatten)]
        inside: Inside,
    },
    /// Remove an API; the Management API stays.
    #[command(after_help = "Example:\n  aizuchi api delete https://api.example.com/loans")]
    Delete {
        /// Which.
        identifier: String,
        #[command(flatten)]
        inside: Inside,
    },
}

const FACTS: [(&str, &str); 5] = [
    ("identifier", "/identifier"),
    ("name", "/name"),
    ("scopes", "/scopes"),
    ("signed with", "/signing_alg"),
    ("token lifetime", "/token_lifetime"),
];

/// Runs one act.
pub(super) async fn run(arguments: Arguments, terminal: &mut Terminal) -> Outcome {
    match arguments.act {
        Act::Create { identifier, scopes, inside } => {
            let command = Command::ApiCreate { tenant: inside.tenant, identifier, scopes };
            let api = inside.common.carry_out(command, terminal).await?;
            inside.common.tell(&api, &FACTS, terminal)?;
        }
        Act::List { inside } => {
            let command = Command::ApiList { tenant: inside.tenant };
            let apis = inside.common.carry_out(command, terminal).await?;
            inside.common.list(&apis, &["/identifier", "/scopes"], terminal)?;
        }
        Act::Show { identifier, inside } => {
            let command = Command::ApiList { tenant: inside.tenant };
            let apis = inside.common.carry_out(command, terminal).await?;
            let api = find(&apis, "identifier", &identifier, "api")?;
            inside.common.tell(&api, &FACTS, terminal)?;
        }
        Act::Delete { identifier, inside } => {
            let command = Command::ApiDelete { tenant: inside.tenant, identifier };
            let told = inside.common.carry_out(command, terminal).await?;
            inside.common.tell(&told, &[("deleted", "/deleted")], terminal)?;
        }
    }
    Ok(ExitCode::from(DONE))
}
