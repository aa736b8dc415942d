//! The golden vectors: what released SDKs put on the wire.

use serde_json::Value;

/// Requests of Auth0's server-side SDKs.
pub fn auth0_sdk_requests() -> Value {
    serde_json::from_str(include_str!("../vectors/auth0-sdk-requests.json")).unwrap()
}

/// Calls of the Guardian SDK for Android.
pub fn guardian_android() -> Value {
    serde_json::from_str(include_str!("../vectors/guardian-android.json")).unwrap()
}

/// Push payloads and what the Guardian SDK for Android makes of them.
pub fn guardian_push_parse() -> Value {
    serde_json::from_str(include_str!("../vectors/guardian-push-parse.json")).unwrap()
}
