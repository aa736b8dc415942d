//! What only `aizuchi dev` has: sample data, virtual phones.

mod phone;
mod prepare;

use domain::ciba::profile::Profile;

use crate::tenancy::{Mtls, Settings};

pub use phone::{Refused, give_phone, phone_answers};
pub use prepare::prepare;

/// The settings of a development tenant: every profile may be tried (decision 7), and anybody may
/// register a client.
pub fn tenant_settings() -> Settings {
    let mtls = Mtls { enable_endpoint_aliases: true };
    let profiles = Profile::ALL.iter().map(|profile| profile.as_str().to_owned()).collect();
    Settings { mtls, profiles, open_registration: true, ..Settings::default() }
}

/// Writes a file that only its owner may read, in place of one that is there.
pub(crate) fn write_private(file: &std::path::Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(file)?;
    file.write_all(text.as_bytes())
}
