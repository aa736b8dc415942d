//! The two kinds of failure a flow has: the caller may not, or we are broken (style 2.2).

use std::error::Error as StdError;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use device_protocol::aizuchi::errors as own;
use device_protocol::guardian::errors::Code;
use domain::guardian::Refused;
use domain::oauth::refusal::Refusal;

/// What a flow returns instead of what was asked for.
#[derive(Debug)]
pub enum Failure {
    /// The caller may not, and may know why.
    Refused(Box<Refusal>),
    /// Ours to mend: told to the log once, at the face.
    Broken(Broken),
}

/// What a flow behind a device path returns instead of what was asked for: in Guardian's codes, or
/// those of our own dialect.
#[derive(Debug)]
pub enum DeviceFailure<C = Code> {
    /// The device may not, with the code its program branches on and a sentence for a person.
    Refused(C, String),
    /// Ours to mend.
    Broken(Broken),
}

/// A fault of ours: the database is away, a row makes no sense, a key cannot sign.
#[derive(Debug)]
pub struct Broken {
    cause: Box<dyn StdError + Send + Sync>,
    passes: bool,
    number: u64,
}

/// Faults since the process began: what a caller can quote and the log names.
static FAULTS: AtomicU64 = AtomicU64::new(1);

/// Seconds after which a caller may try again while the database is away.
pub const RETRY_AFTER_S: u32 = 5;

impl Broken {
    /// A fault that time alone does not mend.
    pub fn because(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let number = FAULTS.fetch_add(1, Ordering::Relaxed);
        Self { cause: cause.into(), passes: false, number }
    }

    /// The number that the caller is told and the log line carries.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Whether trying again later may help: 503 and `Retry-After`, not 500.
    pub const fn passes(&self) -> bool {
        self.passes
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl From<store::Error> for Broken {
    fn from(error: store::Error) -> Self {
        let passes = matches!(error, store::Error::Unavailable(_));
        Self { passes, ..Self::because(error) }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl From<Broken> for Failure {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        Self::Broken(error.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Broken(broken) => broken.fmt(f),
        }
    }
}

/// Devices of our own dialect.
pub type OwnFailure = DeviceFailure<own::Code>;

/// The codes of a dialect.
pub trait DeviceCode: Copy {
    /// The code on the wire.
    fn name(self) -> &'static str;
}

impl DeviceCode for Code {
    fn name(self) -> &'static str {
        self.as_str()
    }
}

impl DeviceCode for own::Code {
    fn name(self) -> &'static str {
        self.as_str()
    }
}

impl<C> DeviceFailure<C> {
    /// Refuses with a sentence.
    pub fn refused(code: C, sentence: impl Into<String>) -> Self {
        Self::Refused(code, sentence.into())
    }
}

impl<C> From<Broken> for DeviceFailure<C> {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

impl<C> From<store::Error> for DeviceFailure<C> {
    fn from(error: store::Error) -> Self {
        Self::Broken(error.into())
    }
}

impl From<Refused> for DeviceFailure {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused.code, refused.message)
    }
}

impl From<own::Refusal> for OwnFailure {
    fn from(refused: own::Refusal) -> Self {
        Self::Refused(refused.code, refused.message)
    }
}
