//! What only `aizuchi dev` has: sample data, virtual phones.

mod prepare;

use crate::tenancy::Settings;

pub use prepare::prepare;

/// The settings of a development tenant: every profile may be tried (decision 7).
pub fn tenant_settings() -> Settings {
    Settings::default()
}
