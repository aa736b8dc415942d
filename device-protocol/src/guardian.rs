//! The dialect of the Auth0 Guardian SDKs for Android and iOS.
//!
//! Enrollment, device accounts, push payloads, answers, proofs for reading a consent, and the
//! envelope of errors. What the SDKs do, not what documents say, decides: their recorded requests
//! are the tests.

pub mod account;
pub mod enroll;
pub mod errors;
pub mod otpauth;
pub mod proof;
pub mod push;
pub mod resolve;
pub mod url;

use crate::{claims, members};

pub use claims::InvalidClaim;
pub use members::InvalidBody;
