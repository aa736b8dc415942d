//! Pushes as they lie in the tray, and the consent that a push points to.

use serde_json::Value;

use crate::terminal::shown;

/// One push about one request (guardian-device B3).
#[derive(Clone)]
pub(crate) struct Push {
    /// `cns_…`, the same for all devices of a request.
    pub(crate) consent_id: String,
    /// The enrollment it is for.
    pub(crate) device_id: String,
    /// Opens the consent and takes the answer.
    pub(crate) transaction_token: String,
    /// Comes back in the signed answer.
    pub(crate) challenge: String,
    /// When the request began.
    pub(crate) began: String,
    /// Who asks, as the push names it.
    pub(crate) asker: String,
}

impl Push {
    /// Reads one entry of the tray; `None` if it is no authentication push.
    pub(crate) fn from_tray(entry: &Value) -> Option<Self> {
        let payload = entry.get("payload")?;
        // APNs has everything under `mfa`; FCM's data map is flat.
        let data = payload.get("mfa").or_else(|| payload.get("data")).unwrap_or(payload);
        let text = |name: &str| data.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            consent_id: text("txlnkid")?,
            device_id: text("dai")?,
            transaction_token: text("txtkn")?,
            challenge: text("c")?,
            began: text("d").unwrap_or_default(),
            asker: asker(data),
        })
    }
}

/// `s.b.n`: the name of the client; `s` is JSON text in FCM and an object in APNs.
fn asker(data: &Value) -> String {
    let source = match data.get("s") {
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or(Value::Null),
        Some(other) => other.clone(),
        None => Value::Null,
    };
    source.pointer("/b/n").and_then(Value::as_str).unwrap_or("someone").to_owned()
}

/// The consent as the server sends it (B5), and its lines for people.
pub(crate) struct Consent(pub(crate) Value);

impl Consent {
    fn detail(&self, name: &str) -> Option<&Value> {
        self.0.pointer("/requested_details").and_then(|details| details.get(name))
    }

    /// Who asks: as the request's own words name them, or else the push.
    pub(crate) fn asker<'a>(&'a self, push: &'a Push) -> &'a str {
        self.0.pointer("/client/name").and_then(Value::as_str).unwrap_or(&push.asker)
    }

    /// The binding message; empty if there is none.
    pub(crate) fn message(&self) -> &str {
        self.detail("binding_message").and_then(Value::as_str).unwrap_or_default()
    }

    /// The API that the tokens are for.
    pub(crate) fn audience(&self) -> &str {
        self.detail("audience").and_then(Value::as_str).unwrap_or_default()
    }

    /// What the tokens allow, separated by spaces.
    pub(crate) fn scopes(&self) -> String {
        let scopes = self.detail("scope").and_then(Value::as_array);
        let scopes = scopes.map(Vec::as_slice).unwrap_or_default();
        scopes.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
    }

    /// The numbers to choose from, none where it is typed; `None` if no number is asked for.
    pub(crate) fn number(&self) -> Option<Vec<String>> {
        let number = self.detail("match").filter(|number| !number.is_null())?;
        let list = number.get("numbers").and_then(Value::as_array);
        let texts = list.into_iter().flatten().filter_map(Value::as_str);
        Some(texts.map(str::to_owned).collect())
    }

    /// When it is over.
    pub(crate) fn ends_at(&self) -> &str {
        self.0.get("expires_at").and_then(Value::as_str).unwrap_or_default()
    }

    /// What a person reads before the answer.
    pub(crate) fn lines(&self, asker: &str) -> Vec<String> {
        let text = |value: Option<&Value>| shown(value.and_then(Value::as_str).unwrap_or_default());
        let mut lines = vec![
            format!("request   {}", text(self.0.get("id"))),
            format!("from      {}", shown(asker)),
            format!("message   {}", shown(self.message())),
            format!("for       {}", shown(self.audience())),
            format!("may       {}", shown(&self.scopes())),
            format!("until     {}", text(self.0.get("expires_at"))),
        ];
        let display = self.detail("display").and_then(|display| display.get("lines"));
        let display = display.and_then(Value::as_array).into_iter().flatten();
        let display = display.filter_map(Value::as_str);
        lines.extend(display.map(|line| format!("detail    {}", shown(line))));
        lines.extend(match self.number().as_deref() {
            None => None,
            Some([]) => Some(String::from("number    type the one that the other screen shows")),
            Some(choices) => Some(format!("number    one of {}", shown(&choices.join(", ")))),
        });
        let details = self.detail("authorization_details").and_then(Value::as_array);
        lines.extend(
            details
                .into_iter()
                .flatten()
                .map(|one| format!("detail    {}", shown(&one.to_string()))),
        );
        lines
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Consent, Push};

    #[test]
    fn pushes_of_both_services_are_read() {
        let data = json!({"sh":"https://localhost:8443","dai":"dev_1","txtkn":"t","txlnkid":"cns_1","c":"ch","d":"2026-11-23T04:56:18.000Z"});
        let mut android = data.clone();
        android["s"] = json!("{\"b\":{\"n\":\"Bank\"}}");
        let mut ios = data;
        ios["s"] = json!({"b": {"n": "Bank"}});
        for payload in [android, json!({"aps": {}, "mfa": ios})] {
            let push = Push::from_tray(&json!({"service": "GCM", "payload": payload})).unwrap();
            assert_eq!((push.consent_id.as_str(), push.asker.as_str()), ("cns_1", "Bank"));
        }
        assert!(Push::from_tray(&json!({"payload": {"hello": 1}})).is_none());
        assert!(Push::from_tray(&json!(7)).is_none());
    }

    #[test]
    fn a_consent_is_shown_with_every_detail() {
        let consent = Consent(
            json!({"id":"cns_1","requested_details":{"audience":"a","scope":["openid","x"],
            "binding_message":"Pay\u{1b}","authorization_details":[{"type":"payment","amount":20}]}}),
        );
        let lines = consent.lines("Bank").join("\n");
        assert!(lines.contains("openid x") && lines.contains("\"amount\":20"), "{lines}");
        assert!(!lines.contains('\u{1b}'));
    }
}
