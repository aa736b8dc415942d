//! `aizuchi user`: users without a browser.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use server::admin::{Command, IMPORT_LIMIT, ImportedUser};

use super::administration::{Common, Inside};
use crate::terminal::{DONE, Failed, Outcome, Terminal};

/// No import file is larger.
const IMPORT_BYTES: u64 = 256 * 1024 * 1024;

/// Make, list, show, block, delete and import users, and give one a ticket for a phone.
#[derive(Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// A new user.
    #[command(after_help = "Example:\n  aizuchi user create bob@example.com --name Bob")]
    Create {
        /// The e-mail address.
        email: String,
        /// The name that people see.
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        inside: Inside,
    },
    /// The newest users.
    #[command(after_help = "Example:\n  aizuchi user list --tenant default")]
    List {
        #[command(flatten)]
        inside: Inside,
    },
    /// One user.
    #[command(after_help = "Example:\n  aizuchi user show 'auth0|…'")]
    Show {
        /// Who.
        user_id: String,
        #[command(flatten)]
        inside: Inside,
    },
    /// Nobody can ask this user any more, and what is approved but not collected is lost.
    #[command(after_help = "Example:\n  aizuchi user block 'auth0|…'")]
    Block {
        /// Who.
        user_id: String,
        #[command(flatten)]
        inside: Inside,
    },
    /// The user can be asked again.
    #[command(after_help = "Example:\n  aizuchi user unblock 'auth0|…'")]
    Unblock {
        /// Who.
        user_id: String,
        #[command(flatten)]
        inside: Inside,
    },
    /// A ticket for a phone: the address of the page with the QR code.
    #[command(after_help = "\
Example:
  aizuchi phone enroll \"$(aizuchi user ticket 'auth0|…')\" --ca aizuchi-data/ca.pem")]
    Ticket {
        /// Who.
        user_id: String,
        #[command(flatten)]
        inside: Inside,
    },
    /// A new user code, told once: what the user tells clients with each request.
    #[command(
        after_help = "Example:\n  aizuchi user code 'auth0|…'\n  aizuchi user code 'auth0|…' --remove"
    )]
    Code {
        /// Whose.
        user_id: String,
        /// Remove it: requests need none any more.
        #[arg(long)]
        remove: bool,
        #[command(flatten)]
        inside: Inside,
    },
    /// Many users at once, with their phones if they have some.
    ///
    /// The file is a JSON array of `{"user_id", "email", "device"}`; the device may be left out or is
    /// `{"identifier", "push_token", "public_key"}`. Users that exist are left alone.
    #[command(after_help = "Example:\n  aizuchi user import users.json --tenant default")]
    Import {
        /// The file.
        file: PathBuf,
        #[command(flatten)]
        inside: Inside,
    },
    /// Remove a user with phones, tokens and open requests.
    #[command(after_help = "Example:\n  aizuchi user delete 'auth0|…'")]
    Delete {
        /// Which.
        user_id: String,
        #[command(flatten)]
        inside: Inside,
    },
}

const FACTS: [(&str, &str); 5] = [
    ("user_id", "/user_id"),
    ("e-mail", "/email"),
    ("name", "/name"),
    ("blocked", "/blocked"),
    ("created", "/created_at"),
];

/// Runs one act.
pub(super) async fn run(arguments: Arguments, terminal: &mut Terminal) -> Outcome {
    match arguments.act {
        Act::Create { email, name, inside } => {
            let command = Command::UserCreate { tenant: inside.tenant, email, name };
            let user = inside.common.carry_out(command, terminal).await?;
            inside.common.tell(&user, &FACTS, terminal)?;
        }
        Act::List { inside } => {
            let users = inside
                .common
                .carry_out(Command::UserList { tenant: inside.tenant }, terminal)
                .await?;
            inside.common.list(&users, &["/user_id", "/email", "/name"], terminal)?;
        }
        Act::Show { user_id, inside } => {
            let command = Command::UserShow { tenant: inside.tenant, user_id };
            let user = inside.common.carry_out(command, terminal).await?;
            inside.common.tell(&user, &FACTS, terminal)?;
        }
        Act::Block { user_id, inside } => block(user_id, inside, true, terminal).await?,
        Act::Unblock { user_id, inside } => block(user_id, inside, false, terminal).await?,
        Act::Ticket { user_id, inside } => {
            let command = Command::TicketCreate { tenant: inside.tenant, user_id };
            let ticket = inside.common.carry_out(command, terminal).await?;
            if inside.common.json {
                terminal.json(&ticket)?;
            } else {
                terminal
                    .line(ticket.get("ticket_url").and_then(Value::as_str).unwrap_or_default())?;
            }
        }
        Act::Code { user_id, remove, inside } => {
            let command = Command::UserCode { tenant: inside.tenant, user_id, removed: remove };
            let told = inside.common.carry_out(command, terminal).await?;
            let facts = [("user code", "/user_code"), ("removed", "/removed")];
            inside.common.tell(&told, &facts, terminal)?;
        }
        Act::Import { file, inside } => {
            let users = read_import(&file)?;
            let (common, tenant) = (inside.common, inside.tenant);
            let told = import((&common, &tenant), &users, terminal).await?;
            common.tell(&told, &[("created", "/created"), ("existed", "/existed")], terminal)?;
        }
        Act::Delete { user_id, inside } => {
            let command = Command::UserDelete { tenant: inside.tenant, user_id };
            let told = inside.common.carry_out(command, terminal).await?;
            inside.common.tell(&told, &[("deleted", "/deleted")], terminal)?;
        }
    }
    Ok(ExitCode::from(DONE))
}

async fn block(
    user_id: String,
    inside: Inside,
    blocked: bool,
    terminal: &mut Terminal,
) -> Result<(), Failed> {
    let command = Command::UserBlock { tenant: inside.tenant, user_id, blocked };
    let user = inside.common.carry_out(command, terminal).await?;
    inside.common.tell(&user, &FACTS, terminal)
}

fn read_import(file: &std::path::Path) -> Result<Vec<ImportedUser>, Failed> {
    let wrong = |what: String| Failed::because(format!("{}: {what}", file.display()));
    let size = std::fs::metadata(file).map_err(|error| wrong(error.to_string()))?.len();
    if size > IMPORT_BYTES {
        return Err(wrong(format!("is larger than {IMPORT_BYTES} bytes; split it")));
    }
    let text = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
    serde_json::from_slice(&text)
        .map_err(|error| wrong(format!("is no array of users: {error}; see --help")))
}

/// In parts that one command may carry.
async fn import(
    (common, tenant): (&Common, &str),
    users: &[ImportedUser],
    terminal: &mut Terminal,
) -> Result<Value, Failed> {
    let (mut created, mut existed) = (0, 0);
    for part in users.chunks(IMPORT_LIMIT) {
        let command = Command::UserImport { tenant: tenant.to_owned(), users: part.to_vec() };
        let told = common.carry_out(command, terminal).await?;
        let count = |name: &str| told.get(name).and_then(Value::as_u64).unwrap_or(0);
        created += count("created");
        existed += count("existed");
    }
    Ok(json!({"created": created, "existed": existed}))
}
