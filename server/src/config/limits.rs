//! `[limits]`: how much is allowed, and how such numbers are written.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// `[limits]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Requests that may reach one user within any 60 seconds (W110); above 60 nothing is counted.
    pub prompts_per_user_per_minute: u32,
    /// Connections at a time on each listener.
    pub connections: usize,
    /// Polls that wait for their outcome at a time (`Prefer: wait`, C64); one more is answered 503.
    pub waiting_polls: usize,
    /// Streams of events that are open at a time (`GET /ciba/events`); one more is answered 503.
    pub event_streams: usize,
    /// Devices that listen to `GET /device/v1/events` at a time.
    pub device_streams: usize,
    /// Whether Auth0's numbers hold for those of the limits below that name none.
    pub like_auth0: bool,
    /// Starts from one address (W116).
    pub starts_per_address: Allowance,
    /// Starts for one tenant (W117).
    pub starts_per_tenant: Allowance,
    /// Requests of one tenant that are neither over nor exchanged (W118); 0: any number.
    pub open_per_tenant: u32,
    /// Calls of the Authentication API for one tenant (W119).
    pub authentication_per_tenant: Allowance,
    /// Calls of `/userinfo` about one user (W120).
    pub userinfo_per_user: Allowance,
    /// Calls of the Management API for one tenant (W121).
    pub management_per_tenant: Allowance,
    /// Calls of devices from one address (G57).
    pub devices_per_address: Allowance,
    /// Registrations of clients from one address (`POST /oidc/register`).
    pub registrations_per_address: Allowance,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            prompts_per_user_per_minute: 5,
            connections: 10_000,
            waiting_polls: 20_000,
            event_streams: 20_000,
            device_streams: 25_000,
            like_auth0: false,
            starts_per_address: Allowance::NONE,
            starts_per_tenant: Allowance::NONE,
            open_per_tenant: 0,
            authentication_per_tenant: Allowance::NONE,
            userinfo_per_user: Allowance::NONE,
            management_per_tenant: Allowance::NONE,
            devices_per_address: Allowance::NONE,
            registrations_per_address: Allowance::NONE,
        }
    }
}

impl Limits {
    /// The same with Auth0's numbers (auth0-wire B11) in the empty places, if they are wanted. Auth0
    /// names none for devices: they have those of starts.
    #[must_use]
    pub fn filled(&self) -> Self {
        if !self.like_auth0 {
            return self.clone();
        }
        let or = |own: Allowance, theirs| Allowance(own.0.or(Some(theirs)));
        let open_per_tenant = if self.open_per_tenant == 0 { 5_000 } else { self.open_per_tenant };
        Self {
            starts_per_address: or(self.starts_per_address, Rhythm::bucket(500, 500, MINUTE_MS)),
            starts_per_tenant: or(self.starts_per_tenant, Rhythm::window(500, MINUTE_MS)),
            open_per_tenant,
            authentication_per_tenant: or(
                self.authentication_per_tenant,
                Rhythm::window(100, SECOND_MS),
            ),
            userinfo_per_user: or(self.userinfo_per_user, Rhythm::bucket(10, 5, MINUTE_MS)),
            management_per_tenant: or(
                self.management_per_tenant,
                Rhythm::bucket(50, 16, SECOND_MS),
            ),
            devices_per_address: or(self.devices_per_address, Rhythm::bucket(500, 500, MINUTE_MS)),
            ..self.clone()
        }
    }
}

const SECOND_MS: u32 = 1_000;
const MINUTE_MS: u32 = 60_000;
const HOUR_MS: u32 = 3_600_000;
/// The periods that an allowance can name.
const PERIODS: [(&str, u32); 3] = [("second", SECOND_MS), ("minute", MINUTE_MS), ("hour", HOUR_MS)];
/// The largest number of an allowance.
const MOST: u32 = 1_000_000;

/// How often something may happen, if that is limited: `500/minute` (a minute begins with the first,
/// and with the first after it), `10 + 5/minute` (ten at once, and five a minute come back one by
/// one), or nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Allowance(pub Option<Rhythm>);

/// The numbers of an allowance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// How many at once.
    pub burst: u32,
    /// How many come back in each period.
    pub refill: u32,
    /// The period, in milliseconds.
    pub period_ms: u32,
    /// Whether they come back one by one, and not all at the period's end.
    pub is_gradual: bool,
}

impl Allowance {
    /// As often as it likes.
    pub const NONE: Self = Self(None);
}

impl Rhythm {
    const fn window(burst: u32, period_ms: u32) -> Self {
        Self { burst, refill: burst, period_ms, is_gradual: false }
    }

    const fn bucket(burst: u32, refill: u32, period_ms: u32) -> Self {
        Self { burst, refill, period_ms, is_gradual: true }
    }
}

impl FromStr for Allowance {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("`{text}` is no limit; write `500/minute`, `10 + 5/minute` or nothing at all")
        };
        if text.trim().is_empty() {
            return Ok(Self::NONE);
        }
        let number = |digits: &str| {
            let number = digits.trim().parse().ok();
            number.filter(|number| (1..=MOST).contains(number)).ok_or_else(wrong)
        };
        let (numbers, period) = text.split_once('/').ok_or_else(wrong)?;
        let named = PERIODS.iter().find(|(name, _)| *name == period.trim());
        let (_, period_ms) = *named.ok_or_else(wrong)?;
        Ok(Self(Some(match numbers.split_once('+') {
            None => Rhythm::window(number(numbers)?, period_ms),
            Some((burst, refill)) => Rhythm::bucket(number(burst)?, number(refill)?, period_ms),
        })))
    }
}

impl TryFrom<String> for Allowance {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Allowance> for String {
    fn from(Allowance(rhythm): Allowance) -> Self {
        let Some(Rhythm { burst, refill, period_ms, is_gradual }) = rhythm else {
            return Self::new();
        };
        let named = PERIODS.iter().find(|(_, ms)| *ms == period_ms);
        let period = named.map_or("", |(name, _)| name);
        if is_gradual {
            format!("{burst} + {refill}/{period}")
        } else {
            format!("{refill}/{period}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allowances_are_written_as_they_are_read() {
        for text in ["", "500/minute", "10 + 5/minute", "100/second", "7 + 1/hour"] {
            let allowance: Allowance = text.parse().unwrap();
            assert_eq!(String::from(allowance), text);
        }
        let tight: Allowance = " 10+5 / minute ".parse().unwrap();
        assert_eq!(tight.0, Some(Rhythm::bucket(10, 5, MINUTE_MS)));
        for wrong in ["5", "0/minute", "5/day", "x/minute", "5 + /minute", "-1/second", "1e3/hour"]
        {
            assert!(wrong.parse::<Allowance>().unwrap_err().contains("10 + 5/minute"), "{wrong}");
        }
    }

    #[test]
    fn auth0s_numbers_fill_what_is_empty() {
        let own = "7/hour".parse().unwrap();
        let asked = Limits { userinfo_per_user: own, ..Limits::default() };
        assert_eq!(asked.filled(), asked, "off by default");
        let filled = Limits { like_auth0: true, ..asked }.filled();
        let written = |allowance: Allowance| String::from(allowance);
        assert_eq!(written(filled.starts_per_address), "500 + 500/minute");
        assert_eq!(written(filled.starts_per_tenant), "500/minute");
        assert_eq!(filled.open_per_tenant, 5_000);
        assert_eq!(written(filled.authentication_per_tenant), "100/second");
        assert_eq!(written(filled.userinfo_per_user), "7/hour");
        assert_eq!(written(filled.management_per_tenant), "50 + 16/second");
        let without = Limits { like_auth0: true, ..Limits::default() }.filled();
        assert_eq!(written(without.userinfo_per_user), "10 + 5/minute");
    }
}
