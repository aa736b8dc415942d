//! The development certificate authority: made on first start, kept in the data folder, trusted
//! only by whoever is pointed at its file.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256,
};

const CA_CERTIFICATE: &str = "ca.pem";
const CA_KEY: &str = "ca.key";

/// Why the development authority cannot work.
#[derive(Debug)]
pub enum DevCaError {
    /// A file of the data folder cannot be read or written.
    File {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The kept files are no certificate or key.
    Unreadable(String),
}

impl fmt::Display for DevCaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Unreadable(why) => {
                write!(
                    f,
                    "the development certificates cannot be used ({why}); remove {CA_CERTIFICATE} and {CA_KEY} to have new ones made"
                )
            }
        }
    }
}

impl std::error::Error for DevCaError {}

impl From<rcgen::Error> for DevCaError {
    fn from(error: rcgen::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

/// The development authority of one data folder.
#[derive(Debug)]
pub struct DevCa {
    certificate_pem: String,
    issuer: Issuer<'static, KeyPair>,
    file: PathBuf,
}

impl DevCa {
    /// Reads the authority kept in `folder`, or makes one there. The key file is readable by its
    /// owner only.
    pub fn open(folder: &Path) -> Result<Self, DevCaError> {
        let file = folder.join(CA_CERTIFICATE);
        let key_file = folder.join(CA_KEY);
        let (certificate_pem, key_pem) = if file.exists() && key_file.exists() {
            (read(&file)?, read(&key_file)?)
        } else {
            let (certificate, key) = make_authority()?;
            write_private(&key_file, &key)?;
            fs::write(&file, &certificate)
                .map_err(|source| DevCaError::File { path: file.clone(), source })?;
            (certificate, key)
        };
        let issuer = Issuer::new(authority()?, KeyPair::from_pem(&key_pem)?);
        Ok(Self { certificate_pem, issuer, file })
    }

    /// The file that holds the authority's certificate, for clients to trust.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// A fresh server certificate for `names` (DNS names or addresses): chain and key, both PEM.
    pub fn issue(&self, names: &[&str]) -> Result<(String, String), DevCaError> {
        self.issue_for(&KeyPair::generate()?, names)
    }

    /// The same with an RSA key, as FAPI wants it below TLS 1.3 (F16); making one takes a good part
    /// of a second.
    pub fn issue_rsa(&self, names: &[&str]) -> Result<(String, String), DevCaError> {
        self.issue_for(&KeyPair::generate_for(&PKCS_RSA_SHA256)?, names)
    }

    fn issue_for(&self, key: &KeyPair, names: &[&str]) -> Result<(String, String), DevCaError> {
        let mut params =
            CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        params.distinguished_name.push(DnType::CommonName, "Aizuchi development server");
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2036, 1, 1);
        let certificate = params.signed_by(key, &self.issuer)?;
        Ok((format!("{}{}", certificate.pem(), self.certificate_pem), key.serialize_pem()))
    }
}

/// Everything of the authority's certificate but its key: the same at every start.
fn authority() -> Result<CertificateParams, DevCaError> {
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    params.distinguished_name.push(DnType::CommonName, "Aizuchi development CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2036, 1, 1);
    Ok(params)
}

fn make_authority() -> Result<(String, String), DevCaError> {
    let key = KeyPair::generate()?;
    let certificate = authority()?.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

fn read(path: &Path) -> Result<String, DevCaError> {
    fs::read_to_string(path).map_err(|source| DevCaError::File { path: path.to_path_buf(), source })
}

fn write_private(path: &Path, text: &str) -> Result<(), DevCaError> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|source| DevCaError::File { path: path.to_path_buf(), source })
}
