//! What happened, as one entry of a tenant's log.

use serde_json::Value;

use crate::{ClientId, Timestamp, UserId};

/// One entry of a tenant's log. It never holds a secret, an `auth_req_id` or a binding message.
#[derive(Clone, Debug, PartialEq)]
pub struct LogEvent {
    /// Its place in the log: grows with time, unique within the tenant.
    pub id: i64,
    /// When it happened.
    pub at: Timestamp,
    /// Its type code, such as `ciba_start_succeeded`.
    pub kind: String,
    /// The client it is about.
    pub client_id: Option<ClientId>,
    /// The person it is about.
    pub user_id: Option<UserId>,
    /// The other members of the entry.
    pub document: Value,
}
