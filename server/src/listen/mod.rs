//! Sockets: the accept loop, TLS, and the development certificate authority.
//!
//! Nothing here knows what a request means.

mod accept;
mod dev_ca;
mod tls;

pub use accept::{Drain, Limits, serve_connections};
pub use dev_ca::{DevCa, DevCaError};
pub use tls::{TlsError, server_config_from_pem};
