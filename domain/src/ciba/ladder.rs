//! Which channels tell a person of a request, in which order, and how often they are reminded.
//!
//! The default wakes every device at once. A tenant that sets a ladder has its people's own devices
//! woken step by step: the next step is taken where nobody has opened the request by then. Guardian
//! phones are always told at once: they have no inbox to look into.

use serde_json::Value;

/// The channels that a step may name.
pub const CHANNELS: [&str; 5] = ["web_push", "unified_push", "apns", "fcm", EMAIL];
/// The channel that is a mail.
pub const EMAIL: &str = "email";
/// A ladder has no more steps.
pub const MAX_STEPS: usize = 5;
/// How long the next step may be waited for, in seconds.
const WAITS: std::ops::RangeInclusive<i64> = 5..=600;
/// How often a device may be reminded of one request.
const MAX_REMINDERS: i64 = 5;

/// A step: channels, and the wait before it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    channels: Vec<String>,
    at_ms: i64,
}

/// When each channel is used after the beginning of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ladder {
    steps: Vec<Step>,
    reminders: u32,
    remind_every_ms: i64,
}

impl Ladder {
    /// Reads what [`checked`] let pass; anything else is the default.
    pub fn of(document: &Value) -> Self {
        let mut at_ms = 0;
        let mut steps = Vec::new();
        for step in document.get("steps").and_then(Value::as_array).into_iter().flatten() {
            let channels = step.get("channels").and_then(Value::as_array);
            let channels = channels.into_iter().flatten().filter_map(Value::as_str);
            steps.push(Step { channels: channels.map(str::to_owned).collect(), at_ms });
            at_ms += 1000 * step.get("wait_s").and_then(Value::as_i64).unwrap_or_default();
        }
        let number = |name: &str| document.get(name).and_then(Value::as_i64).unwrap_or_default();
        Self {
            steps,
            reminders: u32::try_from(number("reminders")).unwrap_or_default(),
            remind_every_ms: 1000 * number("remind_every_s"),
        }
    }

    /// How long after the beginning a channel is used; `None`: never. Without a ladder every push is
    /// sent at once, and no mail.
    pub fn wait_ms(&self, channel: &str) -> Option<i64> {
        if self.steps.is_empty() {
            return (channel != EMAIL).then_some(0);
        }
        let names = |step: &&Step| step.channels.iter().any(|known| known == channel);
        self.steps.iter().find(names).map(|step| step.at_ms)
    }

    /// How often a device is reminded, and after how long each time; `None`: never.
    pub const fn reminders(&self) -> Option<(u32, i64)> {
        if self.reminders == 0 { None } else { Some((self.reminders, self.remind_every_ms)) }
    }
}

/// What is wrong with an administrator's ladder.
pub fn checked(value: &Value) -> Result<(), String> {
    let members = value.as_object().ok_or("must be an object")?;
    let known = ["steps", "reminders", "remind_every_s"];
    if let Some(name) = members.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(format!("{name} is not one of {}", known.join(", ")));
    }
    let steps = members.get("steps").and_then(Value::as_array).map(Vec::as_slice);
    let steps = steps.unwrap_or_default();
    if steps.len() > MAX_STEPS {
        return Err(format!("steps: at most {MAX_STEPS}"));
    }
    let mut seen: Vec<&str> = Vec::new();
    for (place, step) in steps.iter().enumerate() {
        checked_step(step, place + 1 == steps.len(), &mut seen)?;
    }
    let number = |name: &str, range: std::ops::RangeInclusive<i64>| {
        let value = members.get(name).filter(|value| !value.is_null());
        value
            .map(|value| value.as_i64().filter(|number| range.contains(number)))
            .map(|number| number.ok_or(format!("{name}: {} to {}", range.start(), range.end())))
            .transpose()
    };
    let (reminders, every) =
        (number("reminders", 0..=MAX_REMINDERS)?, number("remind_every_s", WAITS)?);
    if reminders.unwrap_or_default() > 0 && every.is_none() {
        return Err(String::from("reminders need remind_every_s"));
    }
    Ok(())
}

fn checked_step<'v>(step: &'v Value, is_last: bool, seen: &mut Vec<&'v str>) -> Result<(), String> {
    let members = step.as_object().ok_or("steps: each must be an object")?;
    if let Some(name) = members.keys().find(|name| !["channels", "wait_s"].contains(&name.as_str()))
    {
        return Err(format!("steps: {name} is not one of channels, wait_s"));
    }
    let channels = members.get("channels").and_then(Value::as_array).filter(|all| !all.is_empty());
    for channel in channels.ok_or("steps: channels must be a list that is not empty")? {
        let name = channel.as_str().filter(|name| CHANNELS.contains(name));
        let name = name.ok_or(format!("steps: channels are {}", CHANNELS.join(", ")))?;
        if seen.contains(&name) {
            return Err(format!("steps: {name} is named twice"));
        }
        seen.push(name);
    }
    let wait = members.get("wait_s").filter(|wait| !wait.is_null());
    match wait.map(|wait| wait.as_i64().filter(|wait| WAITS.contains(wait))) {
        Some(Some(_)) => Ok(()),
        None if is_last => Ok(()),
        Some(None) | None => Err(format!(
            "steps: wait_s, before the next step, must be {} to {}",
            WAITS.start(),
            WAITS.end()
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn without_a_ladder_everything_but_mail_is_sent_at_once() {
        let ladder = Ladder::of(&Value::Null);
        assert_eq!(ladder.wait_ms("web_push"), Some(0));
        assert_eq!(ladder.wait_ms(EMAIL), None);
        assert_eq!(ladder.reminders(), None);
    }

    /// O455: the waits add up; what is not named is not used.
    #[test]
    fn each_step_comes_after_the_waits_before_it() {
        let wanted = json!({
            "steps": [
                { "channels": ["web_push", "fcm"], "wait_s": 20 },
                { "channels": ["apns"], "wait_s": 30 },
                { "channels": ["email"] },
            ],
            "reminders": 2, "remind_every_s": 60,
        });
        checked(&wanted).unwrap();
        let ladder = Ladder::of(&wanted);
        let waits = CHANNELS.map(|channel| ladder.wait_ms(channel));
        assert_eq!(waits, [Some(0), None, Some(20_000), Some(0), Some(50_000)]);
        assert_eq!(ladder.reminders(), Some((2, 60_000)));
    }

    /// O455: what is wrong is told.
    #[test]
    fn what_is_no_ladder_is_refused() {
        let step = |channels: Value| json!({ "channels": channels, "wait_s": 20 });
        for (wrong, why) in [
            (json!([]), "object"),
            (json!({ "stairs": [] }), "stairs"),
            (json!({ "steps": [step(json!([]))] }), "empty"),
            (json!({ "steps": [step(json!(["pigeon"]))] }), "channels are"),
            (json!({ "steps": [step(json!(["fcm"])), step(json!(["fcm"]))] }), "twice"),
            (json!({ "steps": [{ "channels": ["fcm"] }, step(json!(["apns"]))] }), "wait_s"),
            (json!({ "steps": [{ "channels": ["fcm"], "wait_s": 1 }] }), "wait_s"),
            (json!({ "steps": [], "reminders": 9, "remind_every_s": 60 }), "reminders"),
            (json!({ "steps": [], "reminders": 1 }), "remind_every_s"),
            (json!({ "steps": [7, 7, 7, 7, 7, 7] }), "at most"),
        ] {
            let told = checked(&wrong).unwrap_err();
            assert!(told.contains(why), "{told}");
        }
        assert!(checked(&json!({})).is_ok());
    }
}
