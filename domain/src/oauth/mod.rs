//! OAuth: what callers send, what clients and APIs are registered as, and every refusal.
//!
//! How a token is signed is `jose`; how a person is asked is `ciba`.

pub mod api;
pub mod binding;
pub mod certificate;
pub mod claims;
pub mod client;
pub mod client_document;
mod client_keys;
pub mod client_site;
pub mod details_type;
mod document;
pub mod exchange;
pub mod grant;
pub mod parameters;
pub mod refusal;
pub mod registration;
pub mod scope;
pub mod subject;
pub mod tenant_settings;
