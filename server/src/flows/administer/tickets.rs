//! What an administrator may say about an enrollment ticket (W246 to W250).

use domain::shape::{InvalidBody, Kind, Member, Object, checked, clearable, required, text};
use domain::{DeviceId, TenantId, UserId};
use serde_json::Value;
use store::users;

use crate::App;
use crate::denied::{Denial, Denied};
use crate::language::Language;
use crate::mail::letter::mailbox;

/// What a ticket is wanted for.
#[derive(Clone, Debug)]
pub struct WantedTicket {
    /// Whose device it enrolls.
    pub user: UserId,
    /// Whether it may enroll a further device.
    pub allow_multiple: bool,
    /// The device that is gone once the new one is there (D6).
    pub replaces: Option<DeviceId>,
    /// Whether the link is to be mailed.
    pub is_mailed: bool,
    /// To this address, not to the person's own.
    pub email: Option<String>,
    /// In this language.
    pub email_locale: Option<String>,
}

/// Members of the body; `send_email` and booleans as text are how a documentation page writes them
/// (WD37).
const MEMBERS: &[Member] = &[
    clearable("user_id", Kind::Text(1, 512)),
    clearable("email", Kind::Text(1, 254)),
    clearable("email_locale", Kind::Text(1, 32)),
    clearable("replaces", Kind::Text(1, 128)),
];
/// The factor of this server, by both of its names.
const PUSH: [&str; 2] = ["push-notification", "oob"];
/// Auth0's other factors.
const OTHERS: [&str; 5] = ["phone", "email", "otp", "webauthn-roaming", "webauthn-platform"];

impl WantedTicket {
    /// From the body of the call.
    pub fn from_body(body: &Object) -> Result<Self, InvalidBody> {
        checked(MEMBERS, body)?;
        required(body, &["user_id"])?;
        match body.get("factor") {
            None | Some(Value::Null) => {}
            Some(Value::String(factor)) if PUSH.contains(&factor.as_str()) => {}
            Some(Value::String(factor)) if OTHERS.contains(&factor.as_str()) => {
                return Err(InvalidBody::on("factor", "This server does not have the factor"));
            }
            Some(_) => {
                let words = format!("{}, {}", PUSH[0], OTHERS.join(", "));
                return Err(InvalidBody::on("factor", format!("No enum match, one of {words}")));
            }
        }
        let is_mailed = is_true(body, "send_mail")? || is_true(body, "send_email")?;
        Ok(Self {
            user: UserId::new(text(body, "user_id").unwrap_or_default()),
            allow_multiple: is_true(body, "allow_multiple_enrollments")?,
            replaces: text(body, "replaces").map(DeviceId::new),
            is_mailed,
            email: text(body, "email").map(str::to_owned),
            email_locale: text(body, "email_locale").map(str::to_owned),
        })
    }
}

/// To whom a ticket's link is mailed, and in which language; refused where there is no provider, no
/// person, or no address.
pub(crate) async fn mailed_to(
    app: &App,
    tenant: &TenantId,
    wanted: &WantedTicket,
) -> Result<(String, Language), Denial> {
    let user = users::one(&app.database, tenant, &wanted.user).await?.ok_or(Denied::NoUser)?;
    let settings = app.mail_settings(tenant).await?;
    settings.and_then(|settings| settings.account()).ok_or(Denied::NoMail)?;
    let to = wanted.email.as_deref().or_else(|| user.email());
    let to = to.ok_or_else(|| InvalidBody::on("email", "The user has no e-mail address"))?;
    mailbox(to).ok_or_else(|| InvalidBody::on("email", "It is no e-mail address"))?;
    let language = wanted.email_locale.as_deref().and_then(Language::named);
    Ok((to.to_owned(), language.unwrap_or(Language::English)))
}

/// A boolean, also as text.
fn is_true(body: &Object, name: &str) -> Result<bool, InvalidBody> {
    match body.get(name) {
        None | Some(Value::Null | Value::Bool(false)) => Ok(false),
        Some(Value::Bool(true)) => Ok(true),
        Some(Value::String(text)) if text == "true" => Ok(true),
        Some(Value::String(text)) if text == "false" => Ok(false),
        Some(_) => Err(InvalidBody::on(name, "Expected type boolean")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wanted(body: &Value) -> Result<WantedTicket, InvalidBody> {
        WantedTicket::from_body(body.as_object().unwrap())
    }

    #[test]
    fn booleans_are_understood_as_text_and_under_both_names() {
        let ticket = wanted(&json!({
            "user_id": "auth0|a", "send_email": "true", "allow_multiple_enrollments": "true",
            "factor": "oob",
        }));
        let ticket = ticket.unwrap();
        assert!(ticket.is_mailed && ticket.allow_multiple);
        let ticket = wanted(&json!({"user_id": "auth0|a", "send_mail": false})).unwrap();
        assert!(!ticket.is_mailed && !ticket.allow_multiple);
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(wanted(&json!({})).unwrap_err().message.contains("user_id"));
        assert!(wanted(&json!({"user_id": 5})).unwrap_err().message.contains("user_id"));
        let factor = json!({"user_id": "a", "factor": "smoke"});
        assert!(wanted(&factor).unwrap_err().message.contains("push-notification"));
        let factor = json!({"user_id": "a", "factor": "otp"});
        assert!(wanted(&factor).unwrap_err().message.contains("does not have"));
        let mail = json!({"user_id": "a", "send_mail": "yes"});
        assert!(wanted(&mail).unwrap_err().message.contains("send_mail"));
    }
}
