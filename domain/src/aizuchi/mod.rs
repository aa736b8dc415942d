//! What a device of our own dialect must prove before it is believed: its key, its calls and its
//! decisions (D1, D2, D7, D13); and how a receipt of one is checked (D20).
//!
//! The dialect itself is `device-protocol`'s; here its messages meet what is stored and what time
//! it is. Whether a request still waits, which words were shown, and whether a `jti` was seen
//! before, is for storage to say.

mod confirmation;
mod decision;
mod key;
mod proof;
mod receipt;

use std::fmt;

use device_protocol::aizuchi::errors::{Code, Refusal};
use device_protocol::aizuchi::proof::WINDOW_S;

use crate::Timestamp;
use crate::jose::{Algorithm, PublicKey};

pub use confirmation::Confirmed;
pub use decision::{DecisionRules, check_decision};
pub use key::{check_device_proof, check_ticket_proof, device_key};
pub use proof::{HeldProof, PROOF_MEMORY_S, ProofRules, UncheckedProof};
pub use receipt::{Fault, Place, Verified, verify_receipt};

/// The one algorithm of a device's key.
fn algorithm_of(key: &PublicKey) -> [Algorithm; 1] {
    [key.key_type().default_algorithm()]
}

fn refuse(code: Code, why: impl fmt::Display) -> Refusal {
    Refusal::new(code, why.to_string())
}

/// Refuses what was signed by a clock that is too far off, and says by how much.
fn check_clock(
    issued_at_ms: i64,
    (earliest, latest): (Timestamp, Timestamp),
    now: Timestamp,
) -> Result<(), Refusal> {
    let (from, to) = (earliest.plus_seconds(-WINDOW_S), latest.plus_seconds(WINDOW_S));
    if (from.ms()..=to.ms()).contains(&issued_at_ms) {
        return Ok(());
    }
    let off_s = issued_at_ms.saturating_sub(now.ms()) / 1000;
    let direction = if off_s < 0 { "slow" } else { "fast" };
    let sentence = format!("The device's clock is {} seconds {direction}", off_s.unsigned_abs());
    Err(Refusal::new(Code::ClockOff, sentence))
}
