//! The rules: OAuth, CIBA, JOSE and people, as pure functions and types.
//!
//! Nothing here does I/O, reads a clock or draws a random number: `now`, entropy and what storage
//! knows are arguments. HTTP types, SQL and the runtime must not appear.

pub mod aizuchi;
pub mod ciba;
pub mod guardian;
pub mod jose;
pub mod json;
mod log_event;
mod names;
pub mod oauth;
pub mod people;
pub mod shape;
mod time;

pub use log_event::LogEvent;
pub use names::{
    ClientId, ConsentId, DeviceId, Fingerprint, Moment, TenantId, TransactionId, UserId,
};
pub use time::Timestamp;
