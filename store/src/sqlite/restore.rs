//! Putting a copy in the place of the file: first looked at, then moved there in one step.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use domain::Timestamp;
use rusqlite::{Connection, OpenFlags};

use super::backup::{beside, make_private, sync_folder};
use super::connection::in_words;
use super::lock;
use crate::Error;

/// What SQLite keeps beside its file.
const COMPANIONS: [&str; 2] = ["-wal", "-shm"];

/// A copy on its way to the place of a database; nobody else can open that meanwhile.
#[derive(Debug)]
pub struct Restoration {
    target: PathBuf,
    candidate: PathBuf,
    is_finished: bool,
    lock: File,
}

impl Restoration {
    /// Takes the place of the database and puts the copy `from` beside it. Refused: `target` is in
    /// use, or is there and may not be replaced, or `from` is no whole SQLite database.
    pub fn begin(from: &Path, target: &Path, replaces: bool) -> Result<Self, Error> {
        let lock = lock::take(target)?;
        if target.exists() && !replaces {
            return Err(Error::Engine(format!("{} is there already", target.display())));
        }
        let candidate = beside(target, "restoring");
        let restoration = Self { target: target.to_owned(), candidate, is_finished: false, lock };
        restoration.copy(from).map_err(|error| {
            Error::Unavailable(format!("{} cannot be copied: {error}", from.display()))
        })?;
        restoration.check(from)?;
        Ok(restoration)
    }

    /// The copy, to be opened and looked at before [`Self::finish`].
    pub fn candidate(&self) -> &Path {
        &self.candidate
    }

    /// Gives the copy the database's name; where the former database is now, if there was one.
    pub fn finish(mut self, now: Timestamp) -> Result<Option<PathBuf>, Error> {
        let moved = self.exchange(now).map_err(|error| {
            Error::Unavailable(format!("{} cannot be replaced: {error}", self.target.display()))
        })?;
        self.is_finished = true;
        Ok(moved)
    }

    fn copy(&self, from: &Path) -> io::Result<()> {
        self.remove_candidate();
        let (mut source, mut copy) = (File::open(from)?, make_private(&self.candidate)?);
        io::copy(&mut source, &mut copy)?;
        give_to_owner(&self.target, &copy)?;
        give_to_owner(&self.target, &self.lock)?;
        copy.sync_all()
    }

    fn check(&self, from: &Path) -> Result<(), Error> {
        let damaged =
            |why: String| Error::Engine(format!("{} is not a whole copy: {why}", from.display()));
        let connection = Connection::open_with_flags(
            &self.candidate,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )
        .map_err(in_words)?;
        let verdict: String = connection
            .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
            .map_err(|error| damaged(error.to_string()))?;
        if verdict == "ok" { Ok(()) } else { Err(damaged(verdict)) }
    }

    fn exchange(&self, now: Timestamp) -> io::Result<Option<PathBuf>> {
        let former =
            self.target.exists().then(|| beside(&self.target, &format!("replaced-{}", now.ms())));
        if let Some(former) = &former {
            rename(&self.target, former)?;
        }
        rename(&self.candidate, &self.target)?;
        sync_folder(&self.target)?;
        Ok(former)
    }

    fn remove_candidate(&self) {
        for suffix in COMPANIONS.iter().chain(&[".lock", ""]) {
            // Most of them are not there.
            drop(fs::remove_file(with_suffix(&self.candidate, suffix)));
        }
    }
}

impl Drop for Restoration {
    fn drop(&mut self) {
        if self.is_finished {
            drop(fs::remove_file(with_suffix(&self.candidate, ".lock")));
        } else {
            self.remove_candidate();
        }
    }
}

/// Gives a file to the owner of the folder that `path` is in: the server runs as that user, and root
/// may be the one who restores.
#[cfg(unix)]
fn give_to_owner(path: &Path, file: &File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let owner = fs::metadata(folder.unwrap_or(Path::new(".")))?;
    let present = file.metadata()?;
    if (present.uid(), present.gid()) == (owner.uid(), owner.gid()) {
        return Ok(());
    }
    fchown(file, Some(owner.uid()), Some(owner.gid()))
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
fn give_to_owner(_path: &Path, _file: &File) -> io::Result<()> {
    Ok(())
}

/// Moves a database with what SQLite keeps beside it.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    for companion in COMPANIONS {
        let beside = with_suffix(from, companion);
        if beside.exists() {
            fs::rename(beside, with_suffix(to, companion))?;
        }
    }
    fs::rename(from, to)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
