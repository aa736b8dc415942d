//! Sockets: the accept loop, TLS, and the development certificate authority.
//!
//! Nothing here knows what a request means.

mod accept;
mod certificates;
mod client_certificates;
mod dev_ca;
mod files;
mod loopback;
mod tls;

pub use accept::{Drain, Limits, serve_connections};
pub use certificates::{Certificates, Served};
pub use client_certificates::{MAX_CHAIN, PeerCertificates};
pub use dev_ca::{DevCa, DevCaError};
pub use files::{CertificateFiles, Pair};
pub(crate) use loopback::listen_on_loopback;
pub use tls::{ClientCertificates, Offered, TlsError, server_config, server_config_from_pem};
