//! The repository as data, for the tests that hold it to its own rules: which files there are,
//! and what in a Rust file is code, text or comment. Nothing here judges.

pub(crate) mod rust;

use std::fs;
use std::path::{Path, PathBuf};

/// What we did not write.
const FOREIGN: [&str; 6] =
    ["target", "node_modules", ".git", ".venv", "__pycache__", "aizuchi-data"];

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// One file of ours.
pub(crate) struct File {
    /// From the workspace's folder, with `/`.
    pub(crate) path: String,
    /// What it says.
    pub(crate) text: String,
}

impl File {
    /// Whether the file lies in this folder.
    pub(crate) fn is_in(&self, folder: &str) -> bool {
        self.path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Whether its name ends so.
    pub(crate) fn is_named(&self, ending: &str) -> bool {
        self.path.ends_with(ending)
    }
}

/// All text files of ours, ordered by path.
pub(crate) fn files() -> Vec<File> {
    let (root, mut found) = (root(), Vec::new());
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let (path, name) = (entry.path(), entry.file_name());
            if FOREIGN.contains(&name.to_str().unwrap()) {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                let path = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
                found.push(File { path, text });
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

/// One file of ours by its path from the workspace's folder.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Compares a committed file with what is generated, or writes it if the variable is set.
pub(crate) fn is_generated(path: &str, variable: &str, generated: &str) {
    #[expect(clippy::disallowed_methods, reason = "the developer's wish, not configuration")]
    let wanted = std::env::var(variable).is_ok();
    if wanted {
        fs::write(root().join(path), generated).unwrap();
    }
    let committed = fs::read_to_string(root().join(path)).unwrap_or_default();
    let differing = committed.lines().zip(generated.lines()).position(|(one, other)| one != other);
    assert!(
        committed == generated,
        "{path} is not what the code generates (first difference at line {}); run \
         {variable}=1 cargo test -p testkit",
        differing.unwrap_or_else(|| committed.lines().count().min(generated.lines().count())) + 1,
    );
}

/// Fails with all findings, one a line.
pub(crate) fn none(rule: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{rule}:\n{}", findings.join("\n"));
}
