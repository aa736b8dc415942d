//! `aizuchi key`: signing keys without a browser.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use server::admin::Command;

use super::administration::Inside;
use crate::terminal::{DONE, Outcome, Terminal};

/// List and rotate the keys that a tenant signs tokens with.
#[derive(Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Each key's name, algorithm and stage; never a private part.
    #[command(after_help = "Example:\n  aizuchi key list --tenant default")]
    List {
        #[command(flatten)]
        inside: Inside,
    },
    /// Fresh keys sign from now on; the former ones stay published, their tokens stay valid.
    #[command(after_help = "Example:\n  aizuchi key rotate --tenant default")]
    Rotate {
        #[command(flatten)]
        inside: Inside,
    },
}

/// Runs one act.
pub(super) async fn run(arguments: Arguments, terminal: &mut Terminal) -> Outcome {
    let (inside, is_rotation) = match arguments.act {
        Act::List { inside } => (inside, false),
        Act::Rotate { inside } => (inside, true),
    };
    let tenant = inside.tenant;
    let command =
        if is_rotation { Command::KeyRotate { tenant } } else { Command::KeyList { tenant } };
    let keys = inside.common.carry_out(command, terminal).await?;
    inside.common.list(&keys, &["/kid", "/alg", "/stage", "/created_at"], terminal)?;
    Ok(ExitCode::from(DONE))
}
