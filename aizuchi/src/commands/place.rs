//! Which installation a command works on: a configuration file, or a data folder.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;
use server::Mode;
use server::config::{Config, Setting};

use crate::terminal::Failed;

/// The folder that `aizuchi dev` uses unless it is told otherwise.
const DEV_FOLDER: &str = "aizuchi-data";

/// The installation. Without an option it is the folder that `aizuchi dev` uses.
#[derive(Args)]
pub(super) struct Place {
    /// Configuration file of the installation, as `aizuchi serve` takes it.
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    config: Option<PathBuf>,
    /// Data folder of the installation, as `aizuchi dev` takes it [default: aizuchi-data].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The database, if it is not where the configuration says: `sqlite:PATH` or `postgres://…`.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

impl Place {
    /// How the installation's server runs: a configuration file is for `serve`, a bare data folder
    /// for `dev`.
    pub(super) const fn mode(&self) -> Mode {
        match self.config {
            Some(_) => Mode::Serve,
            None => Mode::Dev { virtual_phones: false, fapi: false },
        }
    }

    /// The configuration that the installation's server has.
    pub(super) fn config(&self) -> Result<Config, Failed> {
        let mut settings = Vec::new();
        if let Some(data) = &self.data {
            settings.push(setting("server.data_dir", &data.to_string_lossy())?);
        }
        if let Some(url) = &self.database {
            settings.push(setting("database.url", url)?);
        }
        if self.config.is_none()
            && let Some(issuer) = self.issuer_of_dev()
        {
            settings.push(setting("server.public_url", &issuer)?);
        }
        Config::read(self.config.as_deref(), &settings)
            .map_err(|error| Failed::because(error.to_string()))
    }

    /// Where `aizuchi dev` last listened on this data: it takes its address from its port.
    fn issuer_of_dev(&self) -> Option<String> {
        let folder = self.data.as_deref().unwrap_or(Path::new(DEV_FOLDER));
        let card = std::fs::read(folder.join("dev-card.json")).ok()?;
        let card: Value = serde_json::from_slice(&card).ok()?;
        card.get("issuer").and_then(Value::as_str).map(str::to_owned)
    }
}

/// One configuration value from the command line.
pub(super) fn setting(key: &str, value: &str) -> Result<Setting, Failed> {
    Setting::parse(&format!("{key}={value}")).map_err(|error| Failed::usage(error.to_string()))
}
