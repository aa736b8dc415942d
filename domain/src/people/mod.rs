//! Users, their devices, and the question that finds them.
//!
//! What a person is and which device may answer is decided here, on plain documents and records;
//! where they are kept is `store`'s matter.

mod device;
pub mod search;
mod ticket;
mod user;
mod user_body;

pub use device::{Device, Own, PushService};
pub use ticket::{TX_LIFETIME_S, Ticket, TicketKind, WEB_LIFETIME_S};
pub use user::{Fields, Identity, SEARCH, User};
