//! What a Guardian device must prove before it is believed: its key, its answers, its proofs and
//! the credential of its account (guardian B2, B4, B5).
//!
//! The dialect itself is `device-protocol`'s; here its messages meet what is stored and what time
//! it is. Whether a transaction still waits, and whether a `jti` was seen before, is for storage to
//! say.

mod account;
mod address;
mod answer;
mod key;
mod proof;

use std::fmt;

use device_protocol::guardian::errors::Code;

pub use account::{AccountRules, check_account_token, is_jwt};
pub use answer::{Answer, AnswerRules, check_answer};
pub use key::device_key;
pub use proof::{HeldProof, PROOF_MEMORY_S, ProofRules, check_proof};

/// Why a device may not: the code that its SDK branches on, and a sentence for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The code, which has a status of its own.
    pub code: Code,
    /// What is wrong. Never a value that was sent.
    pub message: String,
}

impl Refused {
    /// Refuses with a code and a sentence.
    pub fn because(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.message)
    }
}

impl std::error::Error for Refused {}

/// Refuses a credential, whatever it was that is wrong about it.
fn invalid_token(why: impl fmt::Display) -> Refused {
    Refused::because(Code::InvalidToken, format!("The token is not valid: {why}"))
}
