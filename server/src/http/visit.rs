//! The manners of a resource server under FAPI (FAPI 1.0 Part 1, 6.2.1; F32): every visit has a
//! name, which its answer and the log tell, and its answer has a date.

use axum::response::Response;
use domain::Timestamp;
use domain::oauth::refusal::Endpoint;
use http::{HeaderMap, HeaderValue, header};

use crate::outside::Entropy;

const INTERACTION_ID: &str = "x-fapi-interaction-id";
/// A name is not longer: UUIDs have 36 characters.
const NAME_BYTES: usize = 64;

/// One visit to a resource.
#[derive(Debug)]
pub(crate) struct Visit {
    name: HeaderValue,
}

impl Visit {
    /// As the caller named it, or newly named. What callers tell of the person they act for
    /// (`x-fapi-customer-ip-address`, `x-fapi-auth-date`) nobody has to send (F24), and nobody needs.
    pub(crate) fn of(headers: &HeaderMap, entropy: &Entropy) -> Self {
        let is_name = |value: &&HeaderValue| {
            let text = value.to_str().unwrap_or_default();
            (1..=NAME_BYTES).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let named = headers.get(INTERACTION_ID).filter(is_name).cloned();
        let name = named.or_else(|| HeaderValue::from_str(&uuid(entropy)).ok());
        Self { name: name.unwrap_or_else(|| HeaderValue::from_static("")) }
    }

    /// The answer to it; told to the log.
    pub(crate) fn ends(self, mut answer: Response, endpoint: Endpoint, now: Timestamp) -> Response {
        tracing::info!(
            endpoint = endpoint.path(),
            status = answer.status().as_u16(),
            interaction.id = self.name.to_str().unwrap_or_default(),
            "a resource was visited"
        );
        let headers = answer.headers_mut();
        headers.insert(INTERACTION_ID, self.name);
        if let Ok(date) = HeaderValue::from_str(&now.to_http()) {
            headers.insert(header::DATE, date);
        }
        answer
    }
}

/// A random UUID (RFC 9562 5.4).
fn uuid(entropy: &Entropy) -> String {
    let digits = entropy.hex::<16>();
    digits.chars().enumerate().fold(String::with_capacity(36), |mut text, (place, digit)| {
        if [8, 12, 16, 20].contains(&place) {
            text.push('-');
        }
        let variant = digit.to_digit(16).and_then(|value| char::from_digit(value & 3 | 8, 16));
        text.push(match place {
            12 => '4',
            16 => variant.unwrap_or('8'),
            _ => digit,
        });
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_of(sent: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(INTERACTION_ID, HeaderValue::from_str(sent).unwrap());
        let visit = Visit::of(&headers, &Entropy::seeded(1));
        visit.name.to_str().unwrap().to_owned()
    }

    /// F32: a name is taken as it is; what is none is replaced by a UUID.
    #[test]
    fn a_visit_has_a_name() {
        let given = "c770aef3-6784-41f7-8e0e-ff5f97bddb3a";
        assert_eq!(name_of(given), given);
        for bad in ["", "a b", &"x".repeat(65)] {
            let made = name_of(bad);
            assert_eq!((made.len(), made.as_bytes()[14]), (36, b'4'), "{made}");
            assert!(b"89ab".contains(&made.as_bytes()[19]), "{made}");
        }
    }
}
