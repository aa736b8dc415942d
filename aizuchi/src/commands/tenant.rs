//! `aizuchi tenant`: tenants without a browser.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use server::admin::Command;

use super::administration::Common;
use crate::terminal::{DONE, Outcome, Terminal};

/// Make and list tenants, also while a server runs on the data.
#[derive(Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// A new tenant with a management client, a client, an API and a user to begin with.
    ///
    /// Secrets are shown once, here.
    #[command(after_help = "\
Examples:
  aizuchi tenant create acme --data aizuchi-data --json
  aizuchi tenant create acme --config /etc/aizuchi/aizuchi.toml")]
    Create {
        /// Its short name: lower-case letters, digits and hyphens.
        name: String,
        #[command(flatten)]
        common: Common,
    },
    /// All tenants.
    #[command(after_help = "Example:\n  aizuchi tenant list --data aizuchi-data")]
    List {
        #[command(flatten)]
        common: Common,
    },
}

/// Runs one act.
pub(super) async fn run(arguments: Arguments, terminal: &mut Terminal) -> Outcome {
    match arguments.act {
        Act::Create { name, common } => {
            let card = common.carry_out(Command::TenantCreate { name }, terminal).await?;
            let facts = [
                ("issuer", "/issuer"),
                ("management client", "/management/client_id"),
                ("  secret", "/management/client_secret"),
                ("  audience", "/management/audience"),
                ("client", "/client/client_id"),
                ("  secret", "/client/client_secret"),
                ("API", "/api/identifier"),
                ("user", "/user/user_id"),
                ("  e-mail", "/user/email"),
            ];
            common.tell(&card, &facts, terminal)?;
        }
        Act::List { common } => {
            let tenants = common.carry_out(Command::TenantList {}, terminal).await?;
            common.list(&tenants, &["/tenant", "/created_at", "/hosts"], terminal)?;
        }
    }
    Ok(ExitCode::from(DONE))
}
