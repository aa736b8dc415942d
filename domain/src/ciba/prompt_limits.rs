//! How often and how many people a client may ask (C78, A1, A19): limits of a client or a tenant,
//! each off unless an administrator sets it (decision 4).

use serde_json::{Map, Value};

use crate::Timestamp;

/// A day has so many minutes; the last one's end is midnight.
const DAY_MINUTES: i64 = 24 * 60;

/// The members, with the most that each may be.
const MEMBERS: [(&str, i64); 9] = [
    ("starts_per_minute", 1_000_000),
    ("starts_per_user_per_minute", 1_000),
    ("unknown_per_minute", 1_000_000),
    ("pending", 1_000_000),
    ("pending_per_user", 100),
    ("wait_after_refusal", 600),
    ("wait_grows_to", 86_400),
    ("quiet_from", DAY_MINUTES),
    ("quiet_to", DAY_MINUTES),
];

/// Limits; `None` is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PromptLimits {
    /// Requests that may begin within a minute.
    pub starts_per_minute: Option<u32>,
    /// Those of them that may be about one person.
    pub starts_per_user_per_minute: Option<u32>,
    /// Refusals within a minute for people who cannot be asked, before nothing begins (A16).
    pub unknown_per_minute: Option<u32>,
    /// Requests that may wait for an answer at once.
    pub pending: Option<u32>,
    /// Those of them that may be one person's.
    pub pending_per_user: Option<u32>,
    /// Seconds that a client waits after a person refused its request, or let it run out.
    pub wait_after_refusal_s: Option<u32>,
    /// Seconds up to which that wait doubles each time, until the person approves.
    pub wait_grows_to_s: Option<u32>,
    /// From when to when nobody is asked, in minutes of the day (UTC).
    pub quiet: Option<(u32, u32)>,
}

impl PromptLimits {
    /// Reads what [`checked`] let pass; anything else is no limit.
    pub fn of(document: &Value) -> Self {
        let number = |name: &str| u32::try_from(document.get(name)?.as_u64()?).ok();
        Self {
            starts_per_minute: number("starts_per_minute"),
            starts_per_user_per_minute: number("starts_per_user_per_minute"),
            unknown_per_minute: number("unknown_per_minute"),
            pending: number("pending"),
            pending_per_user: number("pending_per_user"),
            wait_after_refusal_s: number("wait_after_refusal"),
            wait_grows_to_s: number("wait_grows_to"),
            quiet: number("quiet_from").zip(number("quiet_to")),
        }
    }
}

/// The seconds until the quiet time is over, if it is now.
pub fn quiet_for_s((from, to): (u32, u32), now: Timestamp) -> Option<i64> {
    const DAY_S: i64 = DAY_MINUTES * 60;
    let [from_s, to_s] = [from, to].map(|minute| i64::from(minute) * 60 % DAY_S);
    let into_s = (now.seconds() - from_s).rem_euclid(DAY_S);
    let lasts_s = (to_s - from_s).rem_euclid(DAY_S);
    (into_s < lasts_s).then_some(lasts_s - into_s)
}

/// An administrator's limits; a member that is `null` is off.
pub fn checked(value: &Value) -> Result<Value, String> {
    let fault = || {
        let members = MEMBERS.map(|(name, most)| format!("{name} (1 to {most})"));
        format!("must be an object of whole numbers: {}", members.join(", "))
    };
    let mut kept = Map::new();
    for (name, value) in value.as_object().ok_or_else(fault)? {
        let (_, most) = MEMBERS.iter().find(|(known, _)| known == name).ok_or_else(fault)?;
        if value.is_null() {
            continue;
        }
        value.as_i64().filter(|number| (1..=*most).contains(number)).ok_or_else(fault)?;
        kept.insert(name.clone(), value.clone());
    }
    let number = |name: &str| kept.get(name).and_then(Value::as_i64);
    if number("quiet_from").is_some() != number("quiet_to").is_some() {
        return Err(String::from("needs both quiet_from and quiet_to"));
    }
    let is_shorter = |most: i64| number("wait_after_refusal").is_none_or(|first| most < first);
    if number("wait_grows_to").is_some_and(is_shorter) {
        return Err(String::from("needs a wait_after_refusal of at most wait_grows_to"));
    }
    Ok(Value::Object(kept))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{PromptLimits, checked, quiet_for_s};
    use crate::Timestamp;

    #[test]
    fn limits_are_whole_numbers_by_name() {
        let given = json!({"starts_per_minute": 5, "pending_per_user": 1, "pending": null});
        let limits = PromptLimits::of(&checked(&given).unwrap());
        let expected = PromptLimits {
            starts_per_minute: Some(5),
            pending_per_user: Some(1),
            ..PromptLimits::default()
        };
        assert_eq!(limits, expected);
        assert_eq!(PromptLimits::of(&Value::Null), PromptLimits::default());
        for bad in [
            json!(5),
            json!({"pending": 0}),
            json!({"pending": 1.5}),
            json!({"pending": "5"}),
            json!({"pending_per_user": 101}),
            json!({"wait_after_refusal": 601}),
            json!({"more": 1}),
            json!({"quiet_from": 60}),
            json!({"quiet_from": 0, "quiet_to": 60}),
            json!({"wait_grows_to": 60}),
            json!({"wait_grows_to": 60, "wait_after_refusal": 61}),
        ] {
            assert!(checked(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_quiet_time_may_pass_midnight() {
        let at = |hour: i64, minute: i64| Timestamp::from_ms((hour * 60 + minute) * 60_000);
        let night = (22 * 60, 7 * 60);
        assert_eq!(quiet_for_s(night, at(21, 59)), None);
        assert_eq!(quiet_for_s(night, at(22, 0)), Some(9 * 3600));
        assert_eq!(quiet_for_s(night, at(6, 59)), Some(60));
        assert_eq!(quiet_for_s(night, at(7, 0)), None);
        let noon = (12 * 60, 13 * 60);
        assert_eq!(quiet_for_s(noon, at(12, 30)), Some(1800));
        assert_eq!(quiet_for_s(noon, at(13, 0)), None);
        assert_eq!(quiet_for_s((24 * 60, 60), at(0, 30)), Some(1800));
        assert_eq!(quiet_for_s((60, 60), at(1, 0)), None);
    }
}
