//! What every call to a push service may cost.

use std::time::Duration;

use http::HeaderValue;

use crate::outside::CallLimits;

/// Less than the lease of a push (five seconds): whoever takes the row over finds us done.
pub(super) const PUSH_LIMITS: CallLimits =
    CallLimits { within: Duration::from_secs(4), answer_bytes: 16 * 1024 };

/// `Bearer …`, never shown.
pub(super) fn bearer(token: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}
