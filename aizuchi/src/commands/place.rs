//! Which installation a command works on: a configuration file, or a data folder.

use std::path::PathBuf;

use clap::Args;
use server::Mode;
use server::config::{Config, Setting};

use crate::terminal::Failed;

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
            None => Mode::Dev { virtual_phones: false },
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
        Config::read(self.config.as_deref(), &settings)
            .map_err(|error| Failed::because(error.to_string()))
    }
}

/// One configuration value from the command line.
pub(super) fn setting(key: &str, value: &str) -> Result<Setting, Failed> {
    Setting::parse(&format!("{key}={value}")).map_err(|error| Failed::usage(error.to_string()))
}
