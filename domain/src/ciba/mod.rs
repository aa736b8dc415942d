//! CIBA: asking a person on a device of theirs, in three accents.
//!
//! `request` decides whether to ask, `transaction` what came of it, `pacing` how fast a client may
//! look. How a device speaks is `device-protocol`; who may answer is `people`.

pub mod authorization_details;
pub mod challenge;
pub mod context_policy;
pub mod delivery;
pub mod hint;
pub mod hint_token;
pub mod ladder;
pub mod login_hint;
pub mod number;
pub mod pacing;
pub mod profile;
pub mod prompt_limits;
pub mod request;
pub mod signed_request;
pub mod transaction;
