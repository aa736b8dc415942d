//! `Prefer: wait=N` (RFC 7240 4.3): how long a client would rather wait than be told "pending".

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::request::Parts;

use crate::App;

/// Seconds that the caller prefers to wait; none if it does not, or says so in no readable way.
pub(crate) struct Wait(pub(crate) Option<i64>);

impl FromRequestParts<Arc<App>> for Wait {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Infallible> {
        Ok(Self(preferred(&parts.headers)))
    }
}

/// The first `wait` among the preferences counts (RFC 7240 2); zero is as good as none.
fn preferred(headers: &HeaderMap) -> Option<i64> {
    let lines = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let value = lines.flat_map(|line| line.split(',')).find_map(|preference| {
        let (name, value) = preference.split(';').next()?.split_once('=')?;
        name.trim().eq_ignore_ascii_case("wait").then(|| value.trim().trim_matches('"'))
    })?;
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    // More digits than fit are a long time.
    let seconds = is_number.then(|| value.parse().unwrap_or(i64::MAX))?;
    (seconds > 0).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::preferred;
    use http::HeaderMap;

    fn of(lines: &[&'static str]) -> Option<i64> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("prefer", line.parse().unwrap());
        }
        preferred(&headers)
    }

    #[test]
    fn the_first_wait_among_all_preferences_counts() {
        assert_eq!(of(&["wait=10"]), Some(10));
        assert_eq!(of(&["respond-async, Wait = \"7\"; foo=bar, wait=9"]), Some(7));
        assert_eq!(of(&["return=minimal", "wait=30"]), Some(30));
        assert_eq!(of(&["wait=99999999999999999999999"]), Some(i64::MAX));
    }

    #[test]
    fn what_is_no_number_of_seconds_is_no_preference() {
        for line in ["", "wait", "wait=", "wait=0", "wait=-1", "wait=1.5", "wait=soon", "awaits=3"]
        {
            assert_eq!(of(&[line]), None, "{line}");
        }
        assert_eq!(of(&[]), None);
    }
}
