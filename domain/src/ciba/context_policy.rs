//! What a tenant demands of the places of both devices: where the client says it is asked from
//! (`request_context`), and where the person answers (A4, C83).

use std::net::IpAddr;

use serde_json::Value;

use crate::json;
use crate::shape::{InvalidBody, Kind, Member, Object, checked, clearable, is_set, member, text};

/// The farthest that two places on Earth can be apart, rounded up.
const MAX_DISTANCE_KM: i64 = 20_100;
/// Kilometres.
const EARTH_RADIUS_KM: f64 = 6_371.0;
/// Addresses of one network share so many bytes: /24, and /48 (RFC 6177).
const NETWORK_BYTES: (usize, usize) = (3, 6);

/// The members of the setting.
const MEMBERS: &[Member] = &[
    clearable("max_distance_km", Kind::Integer(1, MAX_DISTANCE_KM)),
    member("same_network", Kind::Flag),
    member("unknown", Kind::OneOf(&["allow", "refuse"])),
];

/// A place on Earth, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Location {
    latitude: f64,
    longitude: f64,
}

impl Location {
    /// Reads `{"latitude": …, "longitude": …}`; `None` if it is no place. Other members are ignored.
    pub fn of(value: &Value) -> Option<Self> {
        let degrees = |name: &str, most: f64| {
            value.get(name)?.as_f64().filter(|degrees| degrees.abs() <= most)
        };
        Some(Self { latitude: degrees("latitude", 90.0)?, longitude: degrees("longitude", 180.0)? })
    }

    /// The length of the way to `other`, as the crow flies.
    fn distance_km(self, other: Self) -> f64 {
        let (a, b) = (self.latitude.to_radians(), other.latitude.to_radians());
        let half = |from: f64, to: f64| ((to - from) / 2.0).sin().powi(2);
        let east = half(self.longitude.to_radians(), other.longitude.to_radians());
        let chord = half(a, b) + a.cos() * b.cos() * east;
        2.0 * EARTH_RADIUS_KM * chord.clamp(0.0, 1.0).sqrt().asin()
    }
}

/// What is known of where a device is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Whereabouts {
    /// The address it calls from.
    pub address: Option<IpAddr>,
    /// Where it says it is.
    pub location: Option<Location>,
}

impl Whereabouts {
    /// What a `request_context` says: its members `ip_address` and `location`.
    pub fn of_context(context: Option<&str>) -> Self {
        let context = context.and_then(|text| json::parse(text.as_bytes()).ok());
        let member = |name: &str| context.as_ref().and_then(|context| context.get(name));
        Self {
            address: member("ip_address").and_then(Value::as_str).and_then(|ip| ip.parse().ok()),
            location: member("location").and_then(Location::of),
        }
    }
}

/// Why the policy refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objection {
    /// The devices are farther apart than allowed.
    TooFar,
    /// They are in different networks.
    OtherNetwork,
    /// It is not known where one of them is.
    Unknown,
}

impl Objection {
    /// One sentence for the person.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::TooFar => "This device is too far from where the request was started",
            Self::OtherNetwork => "This device is in another network than the one that asks",
            Self::Unknown => "It is not known where this device or the one that asks is",
        }
    }
}

/// What a tenant demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContextPolicy {
    max_distance_km: Option<u32>,
    is_same_network: bool,
    refuses_unknown: bool,
}

impl ContextPolicy {
    /// Reads what [`checked_policy`] let pass; `None` if it demands nothing.
    pub fn of(setting: &Value) -> Option<Self> {
        let setting: &Object = setting.as_object()?;
        let most = setting.get("max_distance_km").and_then(Value::as_u64);
        let policy = Self {
            max_distance_km: most.and_then(|most| u32::try_from(most).ok()),
            is_same_network: is_set(setting, "same_network"),
            refuses_unknown: text(setting, "unknown") == Some("refuse"),
        };
        (policy.max_distance_km.is_some() || policy.is_same_network).then_some(policy)
    }

    /// Whether a request can be approved at all that says this much of where it comes from.
    pub fn check_request(self, context: Option<&str>) -> Result<(), Objection> {
        let asked_from = Whereabouts::of_context(context);
        let lacks = (self.max_distance_km.is_some() && asked_from.location.is_none())
            || (self.is_same_network && asked_from.address.is_none());
        if lacks && self.refuses_unknown { Err(Objection::Unknown) } else { Ok(()) }
    }

    /// Whether a request may be approved from here.
    pub fn check_approval(
        self,
        context: Option<&str>,
        answered_from: Whereabouts,
    ) -> Result<(), Objection> {
        let asked_from = Whereabouts::of_context(context);
        let unknown = || if self.refuses_unknown { Err(Objection::Unknown) } else { Ok(()) };
        if let Some(most) = self.max_distance_km {
            match asked_from.location.zip(answered_from.location) {
                Some((one, other)) if one.distance_km(other) > f64::from(most) => {
                    return Err(Objection::TooFar);
                }
                Some(_) => {}
                None => unknown()?,
            }
        }
        if self.is_same_network {
            match asked_from.address.zip(answered_from.address) {
                Some((one, other)) if !is_same_network(one, other) => {
                    return Err(Objection::OtherNetwork);
                }
                Some(_) => {}
                None => unknown()?,
            }
        }
        Ok(())
    }
}

fn is_same_network(one: IpAddr, other: IpAddr) -> bool {
    match (one.to_canonical(), other.to_canonical()) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            one.octets().iter().zip(other.octets()).take(NETWORK_BYTES.0).all(|(a, b)| *a == b)
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => {
            one.octets().iter().zip(other.octets()).take(NETWORK_BYTES.1).all(|(a, b)| *a == b)
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

/// An administrator's policy; `{}` demands nothing.
pub fn checked_policy(setting: &Value) -> Result<(), InvalidBody> {
    const NAME: &str = "context_policy";
    let members = setting.as_object();
    let members = members.ok_or_else(|| InvalidBody::on(NAME, "It must be an object"))?;
    checked(MEMBERS, members)?;
    match members.keys().find(|name| MEMBERS.iter().all(|known| known.name != name.as_str())) {
        None => Ok(()),
        Some(name) => Err(InvalidBody::on(NAME, format!("{name} is not a member of it"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TOKYO: (f64, f64) = (35.68, 139.77);
    const YOKOHAMA: (f64, f64) = (35.44, 139.64);
    const LONDON: (f64, f64) = (51.51, -0.13);

    fn at((latitude, longitude): (f64, f64)) -> Whereabouts {
        let location = Location::of(&json!({"latitude": latitude, "longitude": longitude}));
        assert!(location.is_some());
        Whereabouts { location, address: None }
    }

    fn from((latitude, longitude): (f64, f64)) -> String {
        json!({"location": {"latitude": latitude, "longitude": longitude}}).to_string()
    }

    #[test]
    fn distances_are_those_of_the_globe() {
        let between = |one, other| {
            let (one, other) = (at(one).location.unwrap(), at(other).location.unwrap());
            one.distance_km(other)
        };
        assert!((between(TOKYO, LONDON) - 9_559.0).abs() < 20.0, "{}", between(TOKYO, LONDON));
        assert!((between(TOKYO, YOKOHAMA) - 29.0).abs() < 2.0);
        assert!((between((0.0, 179.5), (0.0, -179.5)) - 111.2).abs() < 1.0);
        assert!(between((90.0, 0.0), (-90.0, 0.0)) < 20_100.0);
        for no_place in [json!(null), json!({}), json!({"latitude": 91, "longitude": 0})] {
            assert_eq!(Location::of(&no_place), None, "{no_place}");
        }
    }

    #[test]
    fn who_is_too_far_away_may_not_approve() {
        let policy = ContextPolicy::of(&json!({"max_distance_km": 100})).unwrap();
        let here = from(TOKYO);
        assert_eq!(policy.check_approval(Some(&here), at(YOKOHAMA)), Ok(()));
        assert_eq!(policy.check_approval(Some(&here), at(LONDON)), Err(Objection::TooFar));
    }

    #[test]
    fn networks_are_compared_by_their_prefix() {
        let policy = ContextPolicy::of(&json!({"same_network": true})).unwrap();
        let check = |asked: &str, answered: &str| {
            let context = json!({"ip_address": asked}).to_string();
            let answered_from =
                Whereabouts { address: answered.parse().ok(), ..Whereabouts::default() };
            policy.check_approval(Some(&context), answered_from)
        };
        assert_eq!(check("192.0.2.7", "192.0.2.200"), Ok(()));
        assert_eq!(check("192.0.2.7", "::ffff:192.0.2.8"), Ok(()));
        assert_eq!(check("192.0.2.7", "192.0.3.7"), Err(Objection::OtherNetwork));
        assert_eq!(check("2001:db8:1::1", "2001:db8:1:ffff::2"), Ok(()));
        assert_eq!(check("2001:db8:1::1", "2001:db8:2::1"), Err(Objection::OtherNetwork));
        assert_eq!(check("2001:db8:1::1", "192.0.2.7"), Err(Objection::OtherNetwork));
    }

    #[test]
    fn what_is_unknown_follows_the_default_of_the_policy() {
        let lenient = json!({"max_distance_km": 100, "same_network": true});
        let strict = json!({"max_distance_km": 100, "unknown": "refuse"});
        let (lenient, strict) =
            (ContextPolicy::of(&lenient).unwrap(), ContextPolicy::of(&strict).unwrap());
        let here = from(TOKYO);
        for context in [None, Some("{}"), Some(here.as_str())] {
            assert_eq!(lenient.check_request(context), Ok(()));
            let nowhere = Whereabouts::default();
            assert_eq!(lenient.check_approval(context, nowhere), Ok(()));
            assert_eq!(strict.check_approval(context, nowhere), Err(Objection::Unknown));
        }
        assert_eq!(strict.check_request(None), Err(Objection::Unknown));
        assert_eq!(strict.check_request(Some(&here)), Ok(()));
        assert_eq!(strict.check_approval(None, at(TOKYO)), Err(Objection::Unknown));
    }

    #[test]
    fn a_policy_that_demands_nothing_is_none() {
        for nothing in [json!(null), json!({}), json!({"unknown": "refuse"})] {
            assert_eq!(ContextPolicy::of(&nothing), None, "{nothing}");
        }
        assert!(checked_policy(&json!({"max_distance_km": null, "unknown": "allow"})).is_ok());
        for bad in [
            json!([]),
            json!({"max_distance_km": 0}),
            json!({"unknown": "perhaps"}),
            json!({"more": 1}),
        ] {
            assert!(checked_policy(&bad).is_err(), "{bad}");
        }
    }
}
