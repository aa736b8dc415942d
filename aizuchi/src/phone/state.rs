//! The state file of the phone in a terminal: readable by its owner only, replaced as a whole.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::terminal::Failed;

/// The layout of this version of the file.
const VERSION: u32 = 1;
/// No state file is larger.
const FILE_BYTES: u64 = 4 * 1024 * 1024;
/// So many of our own answers are remembered.
const ANSWERS: usize = 200;

/// What the phone keeps. No `Debug`: it holds the device key and the device token.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    version: u32,
    /// The address of the tenant, with a final slash.
    pub(crate) server: String,
    /// The certificate authorities that the server is checked with, PEM.
    pub(crate) ca_pem: Option<String>,
    /// The device's own name for itself (`iss` of its answers).
    pub(crate) identifier: String,
    /// The name that people see.
    pub(crate) name: String,
    /// Where pushes go: random, so nobody else reads this tray.
    pub(crate) push_token: String,
    /// `ES256` or `RS256`.
    pub(crate) algorithm: String,
    /// The device key, PKCS#8 in base64.
    pub(crate) key: String,
    /// What the server said when the device enrolled; none yet while it is about to.
    pub(crate) enrollment: Option<Enrollment>,
    /// Our own answers by consent id: `approved` or `denied`.
    #[serde(default)]
    pub(crate) answers: BTreeMap<String, String>,
    /// Where the receipts of our own answers are, by consent id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) receipts: BTreeMap<String, String>,
    /// The answer that was given last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last: Option<String>,
}

/// The server's words about the enrolled device.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Enrollment {
    /// `dev_…`
    pub(crate) id: String,
    /// Whose device it is.
    pub(crate) user_id: String,
    /// The device token.
    pub(crate) token: String,
    /// The tenant's name.
    pub(crate) issuer: String,
    /// What only a device of our own dialect keeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) own: Option<Own>,
}

/// Whom a device of our own dialect answers to, and whose words it believes.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Own {
    /// The `aud` of its decisions.
    pub(crate) issuer_url: String,
    /// The key that signs contents.
    pub(crate) server_key: serde_json::Value,
}

impl State {
    /// A state before its enrollment.
    pub(crate) fn new(server: &str, ca_pem: Option<String>, name: &str) -> Self {
        Self {
            version: VERSION,
            server: server.to_owned(),
            ca_pem,
            identifier: String::new(),
            name: name.to_owned(),
            push_token: String::new(),
            algorithm: String::new(),
            key: String::new(),
            enrollment: None,
            answers: BTreeMap::new(),
            receipts: BTreeMap::new(),
            last: None,
        }
    }

    /// Remembers an answer; others make room when there are too many.
    pub(crate) fn remember(&mut self, consent_id: &str, answer: &str) {
        while self.answers.len() >= ANSWERS && self.answers.pop_first().is_some() {}
        self.answers.insert(consent_id.to_owned(), answer.to_owned());
        self.last = Some(consent_id.to_owned());
    }

    /// Remembers where the receipt of an answer is, if there is one.
    pub(crate) fn remember_receipt(&mut self, consent_id: &str, location: Option<String>) {
        let Some(location) = location else { return };
        while self.receipts.len() >= ANSWERS && self.receipts.pop_first().is_some() {}
        self.receipts.insert(consent_id.to_owned(), location);
    }
}

/// Where one phone is kept.
#[derive(Clone, Debug)]
pub(crate) struct StateFile(PathBuf);

impl StateFile {
    /// The file at `path`.
    pub(crate) fn at(path: &Path) -> Self {
        Self(path.to_path_buf())
    }

    /// Takes the place for a new phone; refused if there is one already.
    pub(crate) fn claim(&self) -> Result<(), Failed> {
        let opened = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.0);
        match opened {
            Ok(_file) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(Failed::because(format!(
                    "{} is already a phone; run `aizuchi phone forget` first or name another file with --state",
                    self.0.display()
                )))
            }
            Err(error) => Err(self.wrong(&error)),
        }
    }

    /// The phone kept in the file.
    pub(crate) fn read(&self) -> Result<State, Failed> {
        let text = fs::metadata(&self.0).and_then(|metadata| {
            if metadata.len() > FILE_BYTES {
                return Err(io::Error::other("the file is too large for a phone"));
            }
            fs::read(&self.0)
        });
        let text = match text {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Failed::because(format!(
                    "there is no phone in {}; run `aizuchi phone enroll` first or name its file with --state",
                    self.0.display()
                )));
            }
            Err(error) => return Err(self.wrong(&error)),
        };
        let state: Result<State, _> = serde_json::from_slice(&text);
        match state {
            Ok(state) if state.version == VERSION => Ok(state),
            Ok(_) | Err(_) => Err(Failed::because(format!(
                "{} is not a phone of this version; remove it and enroll again",
                self.0.display()
            ))),
        }
    }

    /// Writes the phone: a new file takes the old one's place at once.
    pub(crate) fn write(&self, state: &State) -> Result<(), Failed> {
        let text = serde_json::to_vec_pretty(state)
            .map_err(|error| Failed::because(format!("the phone cannot be kept: {error}")))?;
        let mut beside = self.0.clone().into_os_string();
        beside.push(".new");
        let beside = PathBuf::from(beside);
        let written = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)
            .and_then(|mut file| {
                file.set_permissions(fs::Permissions::from_mode(0o600))?;
                file.write_all(&text)?;
                file.sync_all()
            })
            .and_then(|()| fs::rename(&beside, &self.0));
        written.map_err(|error| self.wrong(&error))
    }

    /// Removes the phone.
    pub(crate) fn remove(&self) -> Result<(), Failed> {
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.wrong(&error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn wrong(&self, error: &io::Error) -> Failed {
        Failed::because(format!(
            "{}: {error}; choose a file you may write with --state",
            self.0.display()
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::{ANSWERS, State, StateFile};

    #[test]
    fn a_phone_is_kept_for_its_owner_only_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("phone.json");
        let file = StateFile::at(&path);
        assert!(file.read().is_err());
        file.claim().unwrap();
        assert!(file.claim().is_err(), "the place is taken");
        file.write(&State::new("https://localhost/", None, "Test")).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(file.read().unwrap().name, "Test");
        file.remove().unwrap();
        file.remove().unwrap();
    }

    #[test]
    fn a_damaged_file_is_said_to_be_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("phone.json");
        std::fs::write(&path, "{\"version\":9}").unwrap();
        assert!(StateFile::at(&path).read().err().unwrap().to_string().contains("enroll again"));
    }

    #[test]
    fn only_so_many_answers_are_remembered() {
        let mut state = State::new("https://localhost/", None, "Test");
        for index in 0..ANSWERS + 5 {
            state.remember(&format!("cns_{index:04}"), "approved");
        }
        assert_eq!(state.answers.len(), ANSWERS);
    }
}
