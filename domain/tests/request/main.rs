//! W53 to W108 and W171 to W186: what `/bc-authorize` decides, in the order of the requirements.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "what tests share may panic")]

mod accepted;
mod channels;
mod refused;
mod rich_authorization;
mod scopes;
mod stored;

use domain::ciba::hint::{Hint, Who};
use domain::ciba::profile::Profile;
use domain::ciba::request::{Asked, Found, Target, TenantRules, UserFacts, decide, shape};
use domain::oauth::api::Api;
use domain::oauth::client::{CIBA_GRANT, Client};
use domain::oauth::grant::ClientGrant;
use domain::oauth::parameters::Parameters;
use domain::oauth::refusal::Refusal;
use serde_json::{Value, json};

const HINT: &str = r#"{"format":"iss_sub","iss":"https://t/","sub":"auth0|1"}"#;

/// One start: what is sent, and what the server knows.
struct Start {
    sent: Vec<(&'static str, String)>,
    client: Value,
    api: Option<Value>,
    grant: Option<Value>,
    user: Option<UserFacts<'static>>,
    compatible: bool,
    lenient_none: bool,
    push: bool,
}

/// A good request.
fn start() -> Start {
    Start {
        sent: vec![
            ("scope", "openid".into()),
            ("binding_message", "21-49-38".into()),
            ("login_hint", HINT.into()),
        ],
        client: json!({"client_id": "c", "oidc_conformant": true,
            "grant_types": [CIBA_GRANT, "refresh_token"]}),
        api: None,
        grant: None,
        user: Some(UserFacts {
            is_blocked: false,
            push_devices: 1,
            has_pending_enrollment: false,
            permissions: &[],
        }),
        compatible: false,
        lenient_none: true,
        push: true,
    }
}

impl Start {
    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.sent.retain(|(known, _)| *known != name);
        self.sent.push((name, value.into()));
        self
    }

    fn without(mut self, name: &'static str) -> Self {
        self.sent.retain(|(known, _)| *known != name);
        self
    }

    fn twice(mut self, name: &'static str) -> Self {
        self.sent.push((name, "again".into()));
        self
    }

    fn client(mut self, member: &str, value: Value) -> Self {
        self.client[member] = value;
        self
    }

    fn profile(self, profile: Profile) -> Self {
        self.client("profile", profile.as_str().into())
    }

    /// An API `https://a/` with the scopes `x` and `y` and the type `pay`, and it is asked for.
    fn api(mut self, mut more: Value) -> Self {
        let mut api = json!({"identifier": "https://a/", "allow_offline_access": true,
            "scopes": [{"value": "x"}, {"value": "y"}], "authorization_details": [{"type": "pay"}]});
        api.as_object_mut().unwrap().append(more.as_object_mut().unwrap());
        self.api = Some(api);
        self.with("audience", "https://a/")
    }

    fn grant(mut self, scope: &[&str], types: &[&str]) -> Self {
        self.grant = Some(json!({"id": "cgr_1", "client_id": "c", "audience": "https://a/",
            "subject_type": "user", "scope": scope, "authorization_details_types": types}));
        self
    }

    fn user(mut self, user: impl Into<Option<UserFacts<'static>>>) -> Self {
        self.user = user.into();
        self
    }

    fn asked(&self) -> Result<Asked, Refusal> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        self.sent.iter().for_each(|(name, value)| {
            form.append_pair(name, value);
        });
        let parameters = Parameters::from_form(form.finish().as_bytes()).unwrap();
        let client = Client::from_document(&self.client).unwrap();
        let issuers = ["https://t/".to_owned(), "https://custom/".to_owned()];
        let tenant = TenantRules {
            issuer: "https://t/",
            issuers: &issuers,
            default_expiry_s: 300,
            is_resource_compatible: self.compatible,
            is_audience_none_lenient: self.lenient_none,
            is_match_required: false,
            is_push_enabled: self.push,
        };
        let shaped = shape(&parameters, &client, &tenant)?;
        let named = shaped.audiences().first().cloned();
        let api = self.api.as_ref().map(|api| Api::from_document(api).unwrap());
        let api = api.filter(|api| Some(&api.identifier) == named.as_ref());
        let grant = self.grant.as_ref().map(|grant| ClientGrant::from_document(grant).unwrap());
        let user_id = match shaped.hint() {
            Hint::Who(Who::User(user_id)) => user_id.clone(),
            Hint::Who(_) | Hint::LoginHintToken(_) | Hint::IdToken(_) => domain::UserId::new("x"),
        };
        let target = api.as_ref().map(|api| Target { api, grant: grant.as_ref() });
        let found =
            Found { targets: target.as_slice(), user: self.user.map(|user| (&user_id, user)) };
        decide(shaped, &client, &tenant, &found)
    }

    /// `200`, or status, error and text.
    fn told(&self) -> String {
        let profile = Client::from_document(&self.client).unwrap().profile;
        match self.asked() {
            Ok(_) => "200".to_owned(),
            Err(refusal) => {
                let wire = refusal.wire(profile);
                format!("{} {} {}", wire.status, wire.error, refusal.description(profile))
            }
        }
    }
}
