//! What was asked, as the column `request` holds it. The names here are a stored format: a change
//! needs a new version, however the types are renamed.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::UserId;
use crate::ciba::delivery::Mode;
use crate::ciba::number::Number;
use crate::ciba::request::{Asked, Beyond, WantedClaims};
use crate::oauth::client::Channel;
use crate::oauth::scope::Scope;

const VERSION: u32 = 1;

/// A stored text that is no request, or one of a version we do not know.
#[derive(Debug, PartialEq, Eq)]
pub struct NoRequest;

#[derive(Serialize, Deserialize)]
struct Document<'a> {
    v: u32,
    user_id: Cow<'a, str>,
    issuer: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    audience: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    further_audiences: Vec<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    id_token_claims: Vec<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    userinfo_claims: Vec<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    display: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    match_code: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    backs_off: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    match_choices: Vec<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    passkey: bool,
    scope: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    binding_message: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    authorization_details: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    acr: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_context: Option<Box<RawValue>>,
    expires_in: i64,
    channel: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delivery: Option<Cow<'a, str>>,
}

impl Asked {
    /// The column.
    pub fn to_document(&self) -> String {
        let details = self.details.clone().and_then(|text| RawValue::from_string(text).ok());
        let context = self.request_context.clone();
        let context = context.and_then(|text| RawValue::from_string(text).ok());
        let beyond = &self.beyond;
        let display = beyond.display.clone().and_then(|text| RawValue::from_string(text).ok());
        let number = beyond.number.as_ref();
        let choices = number.map(|number| number.choices.as_slice()).unwrap_or_default();
        let names = |names: &[&'static str]| names.iter().map(|name| Cow::from(*name)).collect();
        let document = Document {
            v: VERSION,
            further_audiences: beyond.audiences.iter().map(Cow::from).collect(),
            id_token_claims: names(&beyond.claims.id_token),
            userinfo_claims: names(&beyond.claims.userinfo),
            display,
            backs_off: beyond.backs_off,
            match_code: number.map(|number| Cow::from(&number.code)),
            match_choices: choices.iter().map(Cow::from).collect(),
            passkey: beyond.is_passkey_required,
            user_id: self.user_id.as_str().into(),
            issuer: self.issuer.as_str().into(),
            audience: self.audience.as_deref().map(Cow::from),
            scope: self.scope.to_string().into(),
            binding_message: self.binding_message.as_deref().map(Cow::from),
            authorization_details: details,
            acr: self.acr.as_deref().map(Cow::from),
            request_context: context,
            expires_in: self.expires_in_s,
            channel: self.channel.as_str().into(),
            delivery: self.delivery.notifies().then(|| self.delivery.as_str().into()),
        };
        serde_json::to_string(&document).unwrap_or_default()
    }

    /// Reads the column.
    pub fn from_document(text: &str) -> Result<Self, NoRequest> {
        let document: Document<'_> = serde_json::from_str(text).ok().ok_or(NoRequest)?;
        if document.v != VERSION {
            return Err(NoRequest);
        }
        let names = |names: &[Cow<'_, str>]| WantedClaims::known(names);
        let beyond = Beyond {
            claims: WantedClaims {
                id_token: names(&document.id_token_claims),
                userinfo: names(&document.userinfo_claims),
            },
            audiences: document.further_audiences.into_iter().map(Cow::into_owned).collect(),
            display: document.display.map(|display| display.get().to_owned()),
            backs_off: document.backs_off,
            number: document.match_code.map(|code| Number {
                code: code.into_owned(),
                choices: document.match_choices.into_iter().map(Cow::into_owned).collect(),
            }),
            is_passkey_required: document.passkey,
        };
        Ok(Self {
            beyond,
            user_id: UserId::new(document.user_id),
            issuer: document.issuer.into_owned(),
            audience: document.audience.map(Cow::into_owned),
            scope: Scope::of(document.scope.split(' ').filter(|word| !word.is_empty())),
            binding_message: document.binding_message.map(Cow::into_owned),
            details: document.authorization_details.map(|details| details.get().to_owned()),
            acr: document.acr.map(Cow::into_owned),
            request_context: document.request_context.map(|context| context.get().to_owned()),
            expires_in_s: document.expires_in,
            channel: Channel::from_name(&document.channel).ok_or(NoRequest)?,
            delivery: match &document.delivery {
                Some(name) => Mode::from_name(name).ok_or(NoRequest)?,
                None => Mode::Poll,
            },
        })
    }
}
