//! Pushes: from a request and a device to the parcel for its push service, and back from the
//! receipt. No I/O and no storage here.

mod accounts;
mod answer;
pub mod apns;
mod compose;
pub mod fcm;
mod limits;
mod p12;
pub mod settings;

use domain::ciba::transaction::Facts;
use domain::people::Device;
use domain::{ClientId, TenantId, Timestamp};

pub use accounts::{Accounts, Missing};
pub use compose::{PushContext, compose};

/// A request that was just begun, with the devices that are to be told.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Whose request it is.
    pub tenant: TenantId,
    /// What the tenant is called.
    pub tenant_name: String,
    /// The request.
    pub facts: Facts,
    /// The devices that are asked.
    pub devices: Vec<Device>,
    /// The client's id and name.
    pub client: (ClientId, String),
    /// The client's SDK, as its `Auth0-Client` header names it.
    pub sdk: Option<String>,
    /// Until when the pushes are ours to send; then any process may take them from their row.
    pub due_at: Timestamp,
}
