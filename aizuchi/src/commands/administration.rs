//! What the administration commands share: which installation, which tenant, and the way there.
//!
//! A command goes through the admin socket of a running server. Only where none answers does it
//! open the database itself, whose own lock keeps two processes apart (decision 5).

use clap::Args;
use serde_json::Value;
use server::admin::{self, Command};

use super::now;
use super::place::Place;
use crate::terminal::{Failed, Terminal, shown};

/// Options of every administration command.
#[derive(Args)]
pub(super) struct Common {
    #[command(flatten)]
    place: Place,
    /// Print one JSON document.
    #[arg(long, global = true)]
    pub(super) json: bool,
}

/// Options of the commands that work inside a tenant.
#[derive(Args)]
pub(super) struct Inside {
    /// The tenant.
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(super) tenant: String,
    #[command(flatten)]
    pub(super) common: Common,
}

impl Common {
    /// Has the command carried out.
    pub(super) async fn carry_out(
        &self,
        command: Command,
        terminal: &mut Terminal,
    ) -> Result<Value, Failed> {
        let config = self.place.config()?;
        if let Some(answer) = admin::ask(&config.server.data_dir, &command).await {
            return answer.map_err(|refused| Failed::because(refused.to_string()));
        }
        let socket = admin::socket_path(&config.server.data_dir);
        if socket.exists() {
            terminal.note(&format!(
                "no server answers on {}; the database itself is used",
                socket.display()
            ))?;
        }
        let app = Box::pin(server::open(config, self.place.mode()))
            .await
            .map_err(|error| Failed::because(error.to_string()))?;
        Box::pin(admin::execute(&app, command, now()))
            .await
            .map_err(|refused| Failed::because(refused.to_string()))
    }

    /// Shows an answer: as it is, or one line for each `(label, pointer)`.
    pub(super) fn tell(
        &self,
        answer: &Value,
        facts: &[(&str, &str)],
        terminal: &mut Terminal,
    ) -> Result<(), Failed> {
        if self.json {
            return Ok(terminal.json(answer)?);
        }
        for (label, pointer) in facts {
            if let Some(value) = answer.pointer(pointer).filter(|value| !value.is_null()) {
                terminal.line(&format!("{label:<20} {}", cell(value)))?;
            }
        }
        Ok(())
    }

    /// Shows a list: as it is, or a line for each item with the members at `pointers`.
    pub(super) fn list(
        &self,
        answer: &Value,
        pointers: &[&str],
        terminal: &mut Terminal,
    ) -> Result<(), Failed> {
        if self.json {
            return Ok(terminal.json(answer)?);
        }
        let items = answer.as_array().map(Vec::as_slice).unwrap_or_default();
        if items.is_empty() {
            terminal.note("none yet; `create` makes one")?;
        }
        for item in items {
            let cells = pointers.iter().map(|at| item.pointer(at).map(cell).unwrap_or_default());
            terminal.line(cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}

/// The item of a list whose member `name` is `id`.
pub(super) fn find(list: &Value, name: &str, id: &str, what: &str) -> Result<Value, Failed> {
    let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let found = items.iter().find(|item| item.get(name).and_then(Value::as_str) == Some(id));
    found.cloned().ok_or_else(|| {
        Failed::because(format!(
            "there is no {what} {}; `aizuchi {what} list` shows them",
            shown(id)
        ))
    })
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => shown(text),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(" "),
        Value::Object(members) => members.get("value").map(cell).unwrap_or_default(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}
