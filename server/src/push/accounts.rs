//! With which accounts a tenant's pushes are sent.

use std::fmt;
use std::sync::Arc;

use super::apns::ApnsAccount;
use super::fcm::FcmAccount;

/// Why there is no account: what an operator has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing(pub String);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The accounts of one tenant, or of the whole server.
#[derive(Clone, Debug)]
pub struct Accounts {
    /// For iOS.
    pub apns: Result<Arc<ApnsAccount>, Missing>,
    /// For Android.
    pub fcm: Result<Arc<FcmAccount>, Missing>,
}

impl Accounts {
    /// No account at all, for one reason.
    pub fn none(why: &str) -> Self {
        Self { apns: Err(Missing(why.to_owned())), fcm: Err(Missing(why.to_owned())) }
    }
}
