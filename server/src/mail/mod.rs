//! Mail: what a tenant sets for its SMTP server, and what people read. No I/O and no storage here.
//!
//! A mail wakes or invites; it never decides (decision 18), so no link in one answers anything.

pub(crate) mod letter;
pub(crate) mod settings;
