//! What a tenant's administrator sets for mail, in Auth0's shape: `smtp` and nothing else.

use domain::shape::{InvalidBody, Kind, Member, Object, checked, clearable, required, text};
use serde_json::{Value, json};

use super::letter::mailbox;
use crate::outside::SmtpAccount;

/// The name of the one provider, in bodies and rows.
pub(crate) const SMTP: &str = "smtp";
/// Names of Auth0's that this server does not carry mail with.
const OTHERS: [&str; 8] =
    ["mailgun", "mandrill", "sendgrid", "ses", "sparkpost", "azure_cs", "ms365", "custom"];
const MEMBERS: &[Member] = &[
    clearable("name", Kind::Text(1, 32)),
    clearable("enabled", Kind::Flag),
    clearable("default_from_address", Kind::Text(3, 320)),
    clearable("credentials", Kind::Object(8192)),
    clearable("settings", Kind::Object(8192)),
];
const CREDENTIALS: &[Member] = &[
    clearable("smtp_host", Kind::Text(1, 253)),
    clearable("smtp_port", Kind::Integer(1, 65535)),
    clearable("smtp_user", Kind::Text(1, 1024)),
    clearable("smtp_pass", Kind::Text(1, 1024)),
];
/// Where mail is handed in (RFC 6409).
const SUBMISSION: u16 = 587;

/// The settings: what may be shown, and the password.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct MailSettings {
    /// What may be shown.
    pub(crate) document: Object,
    /// What may not.
    pub(crate) secret: Option<Object>,
}

impl std::fmt::Debug for MailSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailSettings").field("document", &self.document).finish_non_exhaustive()
    }
}

impl MailSettings {
    /// These settings with those of `body` laid over them; what could not work is refused.
    pub(crate) fn changed(&self, body: &Object) -> Result<Self, InvalidBody> {
        let given = checked(MEMBERS, body)?;
        match text(&given, "name") {
            None | Some(SMTP) => {}
            Some(name) if OTHERS.contains(&name) => {
                let what = "This server sends mail by smtp only";
                return Err(InvalidBody::on("name", what));
            }
            Some(_) => {
                return Err(InvalidBody::on("name", "No enum match, the only one is smtp"));
            }
        }
        let mut changed = self.clone();
        for name in ["enabled", "default_from_address", "settings"] {
            lay(&mut changed.document, &given, name);
        }
        if let Some(credentials) = given.get("credentials") {
            let none = Object::new();
            let credentials = checked(CREDENTIALS, credentials.as_object().unwrap_or(&none))?;
            for name in ["smtp_host", "smtp_port", "smtp_user"] {
                lay(&mut changed.document, &credentials, name);
            }
            match credentials.get("smtp_pass") {
                None => {}
                Some(Value::Null) => changed.secret = None,
                Some(password) => {
                    let mut secret = Object::new();
                    secret.insert(String::from("smtp_pass"), password.clone());
                    changed.secret = Some(secret);
                }
            }
        }
        changed.try_on()?;
        Ok(changed)
    }

    fn try_on(&self) -> Result<(), InvalidBody> {
        required(&self.document, &["default_from_address", "smtp_host"])?;
        let from = text(&self.document, "default_from_address").unwrap_or_default();
        mailbox(from)
            .map(drop)
            .ok_or_else(|| InvalidBody::on("default_from_address", "It is no e-mail address"))?;
        let host = text(&self.document, "smtp_host").unwrap_or_default();
        let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
        if !host.chars().all(is_host) {
            return Err(InvalidBody::on("smtp_host", "It is no host name"));
        }
        let has_user = self.document.contains_key("smtp_user");
        if has_user != self.secret.is_some() {
            return Err(InvalidBody::on("credentials", "smtp_user and smtp_pass belong together"));
        }
        Ok(())
    }

    /// The settings as `GET` shows them: without the password, as at Auth0.
    pub(crate) fn shown(&self) -> Value {
        let member = |name: &str| self.document.get(name).cloned().unwrap_or(Value::Null);
        let mut credentials = Object::new();
        for name in ["smtp_host", "smtp_port", "smtp_user"] {
            if let Some(value) = self.document.get(name) {
                credentials.insert(name.to_owned(), value.clone());
            }
        }
        let settings = self.document.get("settings").cloned().unwrap_or_else(|| json!({}));
        json!({
            "name": SMTP,
            "enabled": self.is_enabled(),
            "default_from_address": member("default_from_address"),
            "credentials": credentials,
            "settings": settings,
        })
    }

    fn is_enabled(&self) -> bool {
        self.document.get("enabled").and_then(Value::as_bool).unwrap_or(true)
    }

    /// The account that mail is sent with; `None` if it is switched off.
    pub(crate) fn account(&self) -> Option<SmtpAccount> {
        let member = |name: &str| text(&self.document, name).map(str::to_owned);
        let password = self.secret.as_ref().and_then(|secret| text(secret, "smtp_pass"));
        let port = self.document.get("smtp_port").and_then(Value::as_u64);
        let account = SmtpAccount {
            host: member("smtp_host")?,
            port: port.and_then(|port| u16::try_from(port).ok()).unwrap_or(SUBMISSION),
            login: member("smtp_user").zip(password.map(str::to_owned)),
            from: member("default_from_address")?,
        };
        self.is_enabled().then_some(account)
    }
}

/// Takes a member over; `null` clears it.
fn lay(document: &mut Object, given: &Object, name: &str) {
    match given.get(name) {
        None => {}
        Some(Value::Null) => {
            document.remove(name);
        }
        Some(value) => {
            document.insert(name.to_owned(), value.clone());
        }
    }
}
