//! How often and how many people a client may ask (C78, A1, A19): limits of a client or a tenant,
//! each off unless an administrator sets it (decision 4).

use serde_json::{Map, Value};

/// The members, with the most that each may be.
const MEMBERS: [(&str, i64); 4] = [
    ("starts_per_minute", 1_000_000),
    ("pending", 1_000_000),
    ("pending_per_user", 100),
    ("wait_after_refusal", 600),
];

/// Limits; `None` is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PromptLimits {
    /// Requests that may begin within a minute.
    pub starts_per_minute: Option<u32>,
    /// Requests that may wait for an answer at once.
    pub pending: Option<u32>,
    /// Those of them that may be one person's.
    pub pending_per_user: Option<u32>,
    /// Seconds that a client waits after a person refused its request, or let it run out.
    pub wait_after_refusal_s: Option<u32>,
}

impl PromptLimits {
    /// Reads what [`checked`] let pass; anything else is no limit.
    pub fn of(document: &Value) -> Self {
        let number = |name: &str| u32::try_from(document.get(name)?.as_u64()?).ok();
        Self {
            starts_per_minute: number("starts_per_minute"),
            pending: number("pending"),
            pending_per_user: number("pending_per_user"),
            wait_after_refusal_s: number("wait_after_refusal"),
        }
    }
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
    Ok(Value::Object(kept))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{PromptLimits, checked};

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
        ] {
            assert!(checked(&bad).is_err(), "{bad}");
        }
    }
}
