//! A copy of the file while it is in use: consistent, complete, and never half there.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::connection::{Place, in_words};
use crate::Error;

/// Writes a copy to `to`, which must not be there yet; its length in bytes.
///
/// The copy is one snapshot, whatever is written meanwhile. It grows beside its place and gets its
/// name when it is on the disk.
pub(super) fn write(place: &Place, to: &Path) -> Result<u64, Error> {
    let failed = |error: io::Error| {
        Error::Unavailable(format!("the copy {} cannot be written: {error}", to.display()))
    };
    if to.exists() {
        return Err(Error::Engine(format!("{} is there already", to.display())));
    }
    let growing = beside(to, "partial");
    make_private(&growing).map_err(failed)?;
    let copied = copy(place, &growing).and_then(|()| publish(&growing, to).map_err(failed));
    if copied.is_err() {
        // What is not whole is of no use to anybody.
        drop(fs::remove_file(&growing));
    }
    copied
}

/// Moves a copy to `to`, which must not be there yet, as a file of whoever calls; its length in
/// bytes. A server writes copies where it may write, which is its own folder and no other.
pub fn take_out(copy: &Path, to: &Path) -> Result<u64, Error> {
    let moved = publish_elsewhere(copy, to);
    let removed = fs::remove_file(copy).map_err(|error| {
        Error::Unavailable(format!("{} cannot be removed: {error}", copy.display()))
    });
    moved.and_then(|bytes| removed.map(|()| bytes))
}

fn publish_elsewhere(copy: &Path, to: &Path) -> Result<u64, Error> {
    if to.exists() {
        return Err(Error::Engine(format!("{} is there already", to.display())));
    }
    let growing = beside(to, "partial");
    let published = pour(copy, &growing).and_then(|()| publish(&growing, to));
    if published.is_err() {
        // Most likely it could not even be made.
        drop(fs::remove_file(&growing));
    }
    published.map_err(|error| {
        Error::Unavailable(format!("the copy {} cannot be written: {error}", to.display()))
    })
}

fn pour(from: &Path, to: &Path) -> io::Result<()> {
    let (mut source, mut target) = (File::open(from)?, make_private(to)?);
    io::copy(&mut source, &mut target).map(|_bytes| ())
}

fn copy(place: &Place, to: &Path) -> Result<(), Error> {
    let Some(name) = to.to_str() else {
        return Err(Error::Engine(format!("{} is not UTF-8", to.display())));
    };
    let connection = place.open_copier()?;
    connection.execute("VACUUM INTO ?1", [name]).map(|_rows| ()).map_err(in_words)
}

fn publish(growing: &Path, to: &Path) -> io::Result<u64> {
    let file = File::open(growing)?;
    file.sync_all()?;
    // Not `rename`, which would replace what came there meanwhile.
    fs::hard_link(growing, to)?;
    fs::remove_file(growing)?;
    sync_folder(to)?;
    Ok(file.metadata()?.len())
}

/// `path` with one more ending.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

/// An empty file that only its owner may read, in place of any that a failure left behind.
pub(super) fn make_private(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes the names in a file's folder as durable as its content.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
