//! One process owns the file: a lock on a file beside it, which says who.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use crate::Error;

/// The most that is read from a lock file.
const HOLDER_LIMIT: u64 = 64;

/// Takes `<path>.lock` until the answer is dropped, or says who has it.
pub(super) fn take(path: &Path) -> Result<File, Error> {
    let beside = beside(path);
    let failed = |error: std::io::Error| {
        Error::Unavailable(format!("cannot lock {}: {error}", beside.display()))
    };
    let mut file = open(&beside).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(taken(path, &file)),
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(failed)?;
    Ok(file)
}

fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".lock");
    PathBuf::from(name)
}

fn open(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn taken(path: &Path, file: &File) -> Error {
    let mut holder = String::new();
    let holder = match file.take(HOLDER_LIMIT).read_to_string(&mut holder) {
        Ok(_) if !holder.trim().is_empty() => format!("process {}", holder.trim()),
        Ok(_) | Err(_) => String::from("another process"),
    };
    Error::Unavailable(format!(
        "{} is in use by {holder}; only one process may open it at a time, so stop that one first \
         or let it do the work",
        path.display()
    ))
}
