//! What happened, as one entry of a tenant's log.

use serde_json::Value;

use crate::shape::Object;
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

impl LogEvent {
    /// The entry as the Management API shows it (B14).
    pub fn to_json(&self) -> Object {
        let mut shown = self.document.as_object().cloned().unwrap_or_default();
        let id = self.id.to_string();
        let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
        put("_id", id.as_str().into());
        put("log_id", id.into());
        put("date", self.at.to_iso().into());
        put("type", self.kind.as_str().into());
        put("client_id", self.client_id.as_ref().map_or("", ClientId::as_str).into());
        put("user_id", self.user_id.as_ref().map_or("", UserId::as_str).into());
        let agent = shown.get("user_agent").and_then(Value::as_str).unwrap_or_default();
        let is_mobile = MOBILE.iter().any(|word| agent.contains(word));
        shown.insert(String::from("isMobile"), is_mobile.into());
        shown
    }
}

/// Words of the user agents of telephones, browsers and SDKs alike.
const MOBILE: [&str; 4] = ["Android", "iPhone", "iPad", "Mobile"];
