//! What only `aizuchi dev` has: sample data, virtual phones.

mod phone;
mod prepare;

use crate::tenancy::{Mtls, Settings};

pub use phone::{Refused, give_phone, phone_answers};
pub use prepare::prepare;

/// The settings of a development tenant: every profile may be tried (decision 7).
pub fn tenant_settings() -> Settings {
    let mtls = Mtls { enable_endpoint_aliases: true };
    Settings { mtls, ..Settings::default() }
}
