//! How a client learns the outcome of a request (CIBA 5): it polls, is pinged, or is sent its
//! tokens; and what its answer to such a notice means.

use std::fmt;

use crate::oauth::refusal::{Reason, Refusal};

/// C24: the longest token that a client names for its notices.
pub const NOTIFICATION_TOKEN_CHARS: usize = 1024;

/// How outcomes are delivered to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// It asks the token endpoint. The default.
    Poll,
    /// It is told that there is an outcome, and asks the token endpoint.
    Ping,
    /// It is sent the outcome.
    Push,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Poll, Self::Ping, Self::Push];

    /// The name in registrations and metadata.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::Ping => "ping",
            Self::Push => "push",
        }
    }

    /// The mode of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == name)
    }

    /// Whether the client must have an endpoint that we call.
    pub const fn notifies(self) -> bool {
        match self {
            Self::Poll => false,
            Self::Ping | Self::Push => true,
        }
    }
}

/// What a client wants us to show at its endpoint (`client_notification_token`).
#[derive(Clone, PartialEq, Eq)]
pub struct NotificationToken(String);

impl NotificationToken {
    /// C24: RFC 6750's `b64token`, of at most 1024 characters.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let refused = |why: &'static str| Refusal::because(Reason::BadParameter, why);
        if text.len() > NOTIFICATION_TOKEN_CHARS {
            return Err(refused("client_notification_token must not exceed 1024 characters"));
        }
        let body = text.trim_end_matches('=');
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-._~+/".contains(c);
        if body.is_empty() || !body.chars().all(is_allowed) {
            return Err(refused("client_notification_token must be a bearer token"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The token itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for NotificationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NotificationToken(…)")
    }
}

/// What a client's answer to a notice means for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// It was taken.
    Delivered,
    /// Not now: try again.
    Later,
    /// Never call again.
    Never,
}

impl Verdict {
    /// P5 to P8: a redirect is not followed, and of the client's errors only those that pass are
    /// tried again.
    pub const fn of_status(status: u16) -> Self {
        match status {
            200..=299 => Self::Delivered,
            408 | 425 | 429 | 500..=599 => Self::Later,
            _ => Self::Never,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_a_bearer_token_of_bounded_length() {
        let longest = format!("{}=", "a".repeat(1023));
        for good in ["a", "AZaz09-._~+/==", "8d67dc78-7faa-4d41-aabd-67707b374255", &longest] {
            assert!(NotificationToken::parse(good).is_ok(), "{good}");
        }
        let too_long = "a".repeat(1025);
        for bad in ["", "=", "a=b", "a b", "a,b", "ä", "a\n", "a\"", &too_long] {
            assert!(NotificationToken::parse(bad).is_err(), "{bad}");
        }
        let secret = NotificationToken::parse("secret").unwrap();
        assert!(!format!("{secret:?}").contains("secret"));
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for status in [200, 202, 204] {
            assert_eq!(Verdict::of_status(status), Verdict::Delivered);
        }
        for status in [408, 425, 429, 500, 502, 503, 599] {
            assert_eq!(Verdict::of_status(status), Verdict::Later);
        }
        for status in [0, 100, 301, 302, 307, 308, 400, 401, 403, 404, 410, 600] {
            assert_eq!(Verdict::of_status(status), Verdict::Never);
        }
    }
}
