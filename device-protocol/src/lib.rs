//! The words between an authenticator on somebody's phone and the server that asks it.
//!
//! Messages, claims and hashes, built and parsed: no network, no TLS, no runtime, no clock and no
//! private keys. The caller signs and verifies; this crate says what is signed. Both sides use it:
//! the server to read what devices send, a device to write it.
//!
//! * [`guardian`]: the dialect of the Auth0 Guardian SDKs.
//! * [`aizuchi`]: our own, in which the person signs what they saw.

pub mod aizuchi;
mod claims;
mod codes;
pub mod guardian;
mod members;
