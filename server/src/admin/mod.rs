//! Administration without a browser: the commands of `aizuchi tenant|client|api|user|key`.
//!
//! One process owns an embedded database, so a command reaches a running server through its admin
//! socket; only when none runs does it open the database itself (decision 5).

mod certificates;
mod console;
mod execute;
mod fapi;
mod import;
mod keys;
mod one;
mod push_test;
mod samples;
mod sealing;
mod socket;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::denied::Denial;
use crate::failure::Failure;
use crate::tenancy::FIRST_TENANT;

pub use certificates::fetched;
pub use console::first_link;
pub(crate) use console::make_dev_link;
pub use execute::execute;
pub(crate) use fapi::{placed as placed_fapi, sample_fapi};
pub(crate) use samples::{
    API_IDENTIFIER as SAMPLE_API, ensure_management_api, move_management, named, sample_api,
    sample_client, sample_enrollment, sample_management, sample_user,
};
pub use socket::{AdminSocket, ask, socket_path};

/// What can be asked for. Tenants are named by their short name.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// A new tenant with sample client, API and user; answers its card.
    TenantCreate {
        /// Its short name.
        name: String,
    },
    /// All tenants.
    TenantList {},
    /// A new client; the answer holds its secret, once.
    ClientCreate {
        /// Whose.
        tenant: String,
        /// What people see.
        name: String,
        /// Further members, as the Management API takes them.
        #[serde(default)]
        members: serde_json::Map<String, serde_json::Value>,
    },
    /// The clients of a tenant.
    ClientList {
        /// Whose.
        tenant: String,
    },
    /// A new secret for a client; the old one fails from now on.
    ClientRotateSecret {
        /// Whose.
        tenant: String,
        /// Which.
        client_id: String,
    },
    /// Removes a client with its tokens and open requests.
    ClientDelete {
        /// Whose.
        tenant: String,
        /// Which.
        client_id: String,
    },
    /// An initial access token: leave to register clients. The answer holds it, once.
    ClientInvite {
        /// Whose.
        tenant: String,
        /// What the Management API takes: `uses`, `expires_in`, `metadata`.
        #[serde(default)]
        members: serde_json::Map<String, serde_json::Value>,
    },
    /// A new API.
    ApiCreate {
        /// Whose.
        tenant: String,
        /// Its identifier: the audience of tokens.
        identifier: String,
        /// Its scopes.
        #[serde(default)]
        scopes: Vec<String>,
    },
    /// The APIs of a tenant.
    ApiList {
        /// Whose.
        tenant: String,
    },
    /// Removes an API.
    ApiDelete {
        /// Whose.
        tenant: String,
        /// Its identifier.
        identifier: String,
    },
    /// A new code for a user, told once; or none any more.
    UserCode {
        /// Whose user.
        tenant: String,
        /// Who.
        user_id: String,
        /// Removes it instead.
        #[serde(default)]
        removed: bool,
    },
    /// A new user.
    UserCreate {
        /// Whose.
        tenant: String,
        /// The address.
        email: String,
        /// What people see.
        #[serde(default)]
        name: Option<String>,
    },
    /// The newest users of a tenant.
    UserList {
        /// Whose.
        tenant: String,
    },
    /// One user.
    UserShow {
        /// Whose.
        tenant: String,
        /// Who.
        user_id: String,
    },
    /// Removes a user with devices, tokens and open requests.
    UserDelete {
        /// Whose.
        tenant: String,
        /// Who.
        user_id: String,
    },
    /// Blocks or unblocks a user.
    UserBlock {
        /// Whose.
        tenant: String,
        /// Who.
        user_id: String,
        /// Whether from now on.
        blocked: bool,
    },
    /// Users with their devices, in bulk: for moving in, and for load tests.
    UserImport {
        /// Whose.
        tenant: String,
        /// At most [`IMPORT_LIMIT`] of them.
        users: Vec<ImportedUser>,
    },
    /// A ticket for a user's next device.
    TicketCreate {
        /// Whose.
        tenant: String,
        /// Who.
        user_id: String,
    },
    /// The signing keys of a tenant.
    KeyList {
        /// Whose.
        tenant: String,
    },
    /// A new current signing key for each kind; the old ones stay published.
    KeyRotate {
        /// Whose.
        tenant: String,
    },
    /// What is sealed under which root key, in all tenants; sealed anew under the newest.
    KeyReseal {
        /// Only look, change nothing.
        only_look: bool,
    },
    /// The certificates that the server fetches.
    CertificateList {},
    /// One push to one device; answers what its service said.
    PushTest {
        /// Whose credentials.
        tenant: String,
        /// Where to.
        address: PushAddress,
    },
    /// A copy of the embedded database, all tenants, as it is now, in the server's folder: whoever
    /// asked takes it out of there.
    BackUp {},
    /// A one-time link to the console.
    ConsoleLink {
        /// Whose.
        tenant: String,
        /// For which operator, who becomes one by it.
        name: String,
    },
    /// The operators of a tenant.
    ConsoleList {
        /// Whose.
        tenant: String,
    },
    /// Removes an operator with passkeys, links and sessions.
    ConsoleRemove {
        /// Whose.
        tenant: String,
        /// Which.
        name: String,
    },
}

impl Command {
    /// The tenant it is about; the first one for commands about tenants themselves.
    fn tenant(&self) -> &str {
        match self {
            Self::TenantCreate { .. }
            | Self::TenantList {}
            | Self::CertificateList {}
            | Self::KeyReseal { .. }
            | Self::BackUp { .. } => FIRST_TENANT,
            Self::ClientCreate { tenant, .. }
            | Self::ClientList { tenant }
            | Self::ClientRotateSecret { tenant, .. }
            | Self::ClientDelete { tenant, .. }
            | Self::ClientInvite { tenant, .. }
            | Self::ApiCreate { tenant, .. }
            | Self::ApiList { tenant }
            | Self::ApiDelete { tenant, .. }
            | Self::UserCode { tenant, .. }
            | Self::UserCreate { tenant, .. }
            | Self::UserList { tenant }
            | Self::UserShow { tenant, .. }
            | Self::UserDelete { tenant, .. }
            | Self::UserBlock { tenant, .. }
            | Self::UserImport { tenant, .. }
            | Self::TicketCreate { tenant, .. }
            | Self::ConsoleLink { tenant, .. }
            | Self::ConsoleList { tenant }
            | Self::ConsoleRemove { tenant, .. }
            | Self::KeyList { tenant }
            | Self::KeyRotate { tenant }
            | Self::PushTest { tenant, .. } => tenant,
        }
    }
}

/// Where a test push goes.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PushAddress {
    /// To an enrolled device.
    Device(String),
    /// To a device token.
    Token {
        /// `APNS` or `GCM`.
        service: String,
        /// The token at that service.
        token: String,
    },
}

/// Users in one [`Command::UserImport`].
pub const IMPORT_LIMIT: usize = 500;

/// One user of an import.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ImportedUser {
    /// `auth0|…` or another connection's id.
    pub user_id: String,
    /// The address.
    pub email: String,
    /// The device, if there is one: its public key and where its pushes go.
    #[serde(default)]
    pub device: Option<ImportedDevice>,
}

/// The device of an imported user.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ImportedDevice {
    /// Its own name for itself.
    pub identifier: String,
    /// Where pushes go (FCM).
    pub push_token: String,
    /// Its public key.
    pub public_key: serde_json::Value,
}

/// Why a command was not carried out: one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused(pub String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self(failure.to_string())
    }
}

impl From<Denial> for Refused {
    fn from(denial: Denial) -> Self {
        Self(match denial {
            Denial::Denied(denied) => denied.wire().1,
            Denial::Broken(broken) => broken.to_string(),
        })
    }
}

impl From<store::Error> for Refused {
    fn from(error: store::Error) -> Self {
        Self(error.to_string())
    }
}
