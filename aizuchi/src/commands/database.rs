//! The database of an installation, opened by a command itself.

use std::path::{Path, PathBuf};

use server::config::Config;
use store::{Database, DatabaseOptions};

use crate::terminal::Failed;

/// Opens the database that the configuration names; a SQLite path is relative to the data folder.
pub(super) async fn open(config: &Config) -> Result<Database, Failed> {
    let url = &config.database.url;
    let options = match sqlite_file(config) {
        Some(file) => {
            let folder = file.parent().unwrap_or(Path::new("."));
            std::fs::create_dir_all(folder).map_err(|error| {
                Failed::because(format!(
                    "{}: {error}; name a folder you may write to",
                    folder.display()
                ))
            })?;
            DatabaseOptions::sqlite(file)
        }
        None => DatabaseOptions::parse(url)
            .map_err(|error| Failed::because(format!("database.url: {error}")))?,
    };
    Database::open(&options).await.map_err(|error| Failed::because(error.to_string()))
}

/// The file of an embedded database.
pub(super) fn sqlite_file(config: &Config) -> Option<PathBuf> {
    let path = config.database.url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    let is_plain = !path.is_empty() && path != ":memory:" && !path.contains('?');
    is_plain.then(|| config.server.data_dir.join(path))
}
