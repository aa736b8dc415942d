//! `aizuchi key`: signing keys, and what seals them, without a browser.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::Value;
use server::admin::Command;

use super::administration::{Common, Inside};
use crate::terminal::{DONE, Failed, Outcome, Terminal};

/// List and rotate the keys that a tenant signs tokens with, and reseal what is kept sealed.
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
    /// Everything that a former root key sealed is sealed anew under the newest, in all tenants.
    ///
    /// First put the new root key in front of the former one and restart the servers; a day after
    /// this command, when no request of the former key is left, that one can go.
    #[command(after_help = "Example:\n  aizuchi key reseal --config /etc/aizuchi/aizuchi.toml")]
    Reseal {
        #[command(flatten)]
        common: Common,
    },
}

/// Runs one act.
pub(super) async fn run(arguments: Arguments, terminal: &mut Terminal) -> Outcome {
    let (inside, is_rotation) = match arguments.act {
        Act::List { inside } => (inside, false),
        Act::Rotate { inside } => (inside, true),
        Act::Reseal { common } => return reseal(&common, terminal).await,
    };
    let tenant = inside.tenant;
    let command =
        if is_rotation { Command::KeyRotate { tenant } } else { Command::KeyList { tenant } };
    let keys = inside.common.carry_out(command, terminal).await?;
    inside.common.list(&keys, &["/kid", "/alg", "/stage", "/created_at"], terminal)?;
    Ok(ExitCode::from(DONE))
}

async fn reseal(common: &Common, terminal: &mut Terminal) -> Outcome {
    let done = common.carry_out(Command::KeyReseal { only_look: false }, terminal).await?;
    common.tell(
        &done,
        &[
            ("sealed anew", "/resealed"),
            ("were already", "/newest"),
            ("cannot be opened", "/closed"),
        ],
        terminal,
    )?;
    let closed = done.get("closed").and_then(Value::as_array).map_or(0, Vec::len);
    if closed > 0 {
        return Err(Failed::because(
            "some values open with no root key at hand; put the one that sealed them behind the newest",
        ));
    }
    Ok(ExitCode::from(DONE))
}
