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
pub mod web_push;

use std::fmt;

use domain::ciba::transaction::Facts;
use domain::people::Device;
use domain::{ClientId, DeviceId, TenantId, Timestamp};

pub use accounts::{Accounts, Missing};
pub use compose::{PushContext, compose};

/// Transaction tokens by device; their Debug tells no more than how many.
#[derive(Clone, Default)]
pub struct DeviceTokens(Vec<(DeviceId, String)>);

impl DeviceTokens {
    /// Adds a device's.
    pub fn add(&mut self, device: &DeviceId, token: String) {
        self.0.push((device.clone(), token));
    }

    /// The one of this device.
    pub fn of(&self, device: &DeviceId) -> Option<&str> {
        let (_, token) = self.0.iter().find(|(known, _)| known == device)?;
        Some(token)
    }
}

impl fmt::Debug for DeviceTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceTokens({})", self.0.len())
    }
}

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
    /// Their transaction tokens, where they were just made; others are made again.
    pub tokens: DeviceTokens,
    /// The client's id and name.
    pub client: (ClientId, String),
    /// The client's SDK, as its `Auth0-Client` header names it.
    pub sdk: Option<String>,
    /// Until when the pushes are ours to send; then any process may take them from their row.
    pub due_at: Timestamp,
}

impl Outgoing {
    /// The device of this id, if it is still enrolled.
    pub fn device(&self, id: &DeviceId) -> Option<&Device> {
        self.devices.iter().find(|device| device.id == *id)
    }
}
