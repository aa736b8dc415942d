//! Faces of the server over HTTP: extractors, handlers, pages, and every path on one page.

mod authenticator;
mod body;
pub mod console;
mod context;
mod dev;
mod device;
mod enrollment;
mod limited;
mod management;
mod oauth;
mod observe;
mod ops;
mod own_device;
mod pages;
mod prefix;
mod proxy;
mod receipts;
mod resource;
mod router;
mod same_origin;
mod visit;

pub use ops::router as ops_router;
pub use router::{behind_proxies, router};
