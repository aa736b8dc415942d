//! Certificates in files: read at start, and again when they change. What is garbage then changes
//! nothing: the certificate that was good goes on being served, and the log says so.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustls::crypto::CryptoProvider;

use super::{Served, TlsError};

/// No more pairs are read from the folder.
const MOST_PAIRS: usize = 1_000;
/// No certificate file is larger.
const FILE_BYTES: u64 = 1024 * 1024;

/// A chain and its key, each in a file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pair {
    /// PEM file with the chain.
    pub chain: PathBuf,
    /// PEM file with the key.
    pub key: PathBuf,
}

/// What the system says of a file: another word, another file.
type Stamp = Option<(SystemTime, u64)>;

/// The files of all certificates, and the last good reading of each.
#[derive(Debug)]
pub struct CertificateFiles {
    first: Pair,
    folder: PathBuf,
    good: HashMap<Pair, Served>,
    seen: Vec<(Pair, Stamp, Stamp)>,
}

impl CertificateFiles {
    /// The pair that everybody gets who asks for no other, and a folder of others, `NAME.pem` with
    /// `NAME.key`; an empty path is no folder.
    pub fn new(first: Pair, folder: &Path) -> Self {
        let folder = folder.to_path_buf();
        Self { first, folder, good: HashMap::new(), seen: Vec::new() }
    }

    /// Reads every pair; a sentence for each that cannot be read. Those keep the last good reading.
    pub fn read(&mut self) -> (Vec<Served>, Vec<String>) {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let (pairs, mut problems) = self.pairs();
        self.seen = pairs.iter().map(stamped).collect();
        let mut all = Vec::new();
        self.good.retain(|pair, _| pairs.contains(pair));
        for pair in pairs {
            match read(&pair, &provider) {
                Ok(served) => {
                    self.good.insert(pair.clone(), served);
                }
                Err(problem) => problems.push(problem),
            }
            all.extend(self.good.get(&pair).cloned());
        }
        (all, problems)
    }

    /// Whether a file is another than when they were last read.
    pub fn have_changed(&self) -> bool {
        let (pairs, _) = self.pairs();
        self.seen != pairs.iter().map(stamped).collect::<Vec<_>>()
    }

    fn pairs(&self) -> (Vec<Pair>, Vec<String>) {
        let mut pairs = vec![self.first.clone()];
        if self.folder.as_os_str().is_empty() {
            return (pairs, Vec::new());
        }
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) => {
                let told = format!("tls.folder: {}: {error}", self.folder.display());
                return (pairs, vec![told]);
            }
        };
        let mut chains: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "pem"))
            .take(MOST_PAIRS)
            .collect();
        chains.sort();
        pairs.extend(
            chains.into_iter().map(|chain| Pair { key: chain.with_extension("key"), chain }),
        );
        (pairs, Vec::new())
    }
}

fn stamped(pair: &Pair) -> (Pair, Stamp, Stamp) {
    let stamp = |path: &Path| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    (pair.clone(), stamp(&pair.chain), stamp(&pair.key))
}

fn read(pair: &Pair, provider: &CryptoProvider) -> Result<Served, String> {
    let text = |path: &Path| {
        let told = |error: io::Error| format!("{}: {error}", path.display());
        if std::fs::metadata(path).map_err(told)?.len() > FILE_BYTES {
            return Err(format!("{}: more than {FILE_BYTES} bytes", path.display()));
        }
        std::fs::read(path).map_err(told)
    };
    let (chain, key) = (text(&pair.chain)?, text(&pair.key)?);
    Served::from_pem(&chain, &key, provider).map_err(|error| match error {
        TlsError::Certificate(_) => format!("{}: {error}", pair.chain.display()),
        TlsError::Key(_) => format!("{}: {error}", pair.key.display()),
    })
}
