//! `/oauth/token`: which grant is meant, and what machines and refreshes may have.
//! What a person approved is `ciba::transaction`'s.

use crate::oauth::api::{AccessPolicy, Api};
use crate::oauth::client::{CIBA_GRANT, CLIENT_CREDENTIALS_GRANT, Client, REFRESH_TOKEN_GRANT};
use crate::oauth::grant::{ClientGrant, SubjectType};
use crate::oauth::parameters::Parameters;
use crate::oauth::refusal::{Reason, Refusal};
use crate::oauth::scope::Scope;

/// What can be exchanged for tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantType {
    /// A person's approval.
    Ciba,
    /// A refresh token.
    RefreshToken,
    /// A machine's own credentials.
    ClientCredentials,
}

impl GrantType {
    /// W147: the parameter `grant_type`.
    pub fn of(parameters: &Parameters) -> Result<Self, Refusal> {
        match parameters.required("grant_type")? {
            CIBA_GRANT => Ok(Self::Ciba),
            REFRESH_TOKEN_GRANT => Ok(Self::RefreshToken),
            CLIENT_CREDENTIALS_GRANT => Ok(Self::ClientCredentials),
            other => {
                let text = format!("Unsupported grant type: {other}");
                Err(Refusal::because(Reason::UnsupportedGrantType, text))
            }
        }
    }

    /// The value of the parameter.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ciba => CIBA_GRANT,
            Self::RefreshToken => REFRESH_TOKEN_GRANT,
            Self::ClientCredentials => CLIENT_CREDENTIALS_GRANT,
        }
    }
}

/// W98, W196: no API is called so.
pub fn unknown_audience(audience: &str) -> Refusal {
    Refusal::because(Reason::UnknownAudience, format!("Service not found: {audience}"))
}

/// W100, W196: the API wants a client grant and there is none, or lets nobody in.
pub fn no_client_grant(audience: &str) -> Refusal {
    Refusal::because(
        Reason::AudienceNotGranted,
        format!(
            "Client is not authorized to access \"{audience}\". You need to create a \
             \"client-grant\" associated to this API."
        ),
    )
}

/// W195, W196: what a machine gets for itself. `api` is what `audience` names, `grant` the client's
/// own grant on it, if they exist.
pub fn machine_scope(
    client: &Client,
    audience: &str,
    api: Option<&Api>,
    grant: Option<&ClientGrant>,
    asked: &Scope,
) -> Result<Scope, Refusal> {
    let api = api.ok_or_else(|| unknown_audience(audience))?;
    let grant = grant.filter(|grant| grant.subject_type == SubjectType::Client);
    let granted = match (api.client_policy, grant) {
        (AccessPolicy::AllowAll, _) => Scope::of(&api.scopes),
        (AccessPolicy::RequireClientGrant, Some(grant)) => grant.scope.clone(),
        (AccessPolicy::RequireClientGrant, None) | (AccessPolicy::DenyAll, _) => {
            return Err(no_client_grant(audience));
        }
    };
    narrowed(client, granted, asked)
}

/// RFC 6749, 6: what a refresh gets out of what was granted. An empty wish is all of it (W197).
pub fn refreshed_scope(client: &Client, granted: Scope, asked: &Scope) -> Result<Scope, Refusal> {
    narrowed(client, granted, asked)
}

fn narrowed(client: &Client, granted: Scope, asked: &Scope) -> Result<Scope, Refusal> {
    if asked.is_empty() {
        return Ok(granted);
    }
    if !client.profile.rules().unknown_scope_is_dropped
        && let Some(foreign) = asked.iter().find(|word| !granted.has(word))
    {
        let text = format!("Scope was not granted: {foreign}");
        return Err(Refusal::because(Reason::UnknownScope, text));
    }
    Ok(granted.filtered(|word| asked.has(word)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{GrantType, machine_scope, refreshed_scope};
    use crate::ciba::profile::Profile;
    use crate::oauth::api::Api;
    use crate::oauth::client::Client;
    use crate::oauth::grant::ClientGrant;
    use crate::oauth::parameters::Parameters;
    use crate::oauth::refusal::Refusal;
    use crate::oauth::scope::Scope;

    fn told(result: Result<Scope, Refusal>) -> String {
        result.map_or_else(|refusal| refusal.body(Profile::Auth0).to_string(), |s| s.to_string())
    }

    fn client(profile: &str) -> Client {
        Client::from_document(&json!({"client_id": "c", "profile": profile})).unwrap()
    }

    fn api(policy: &str) -> Api {
        let document: Value = json!({"identifier": "a", "scopes": [{"value": "x"}, {"value": "y"}],
            "subject_type_authorization": {"client": {"policy": policy}}});
        Api::from_document(&document).unwrap()
    }

    /// W147: an unknown grant type, and none.
    #[test]
    fn a_grant_type_must_be_known() {
        let told = |body: &str| {
            let parameters = Parameters::from_form(body.as_bytes()).unwrap();
            GrantType::of(&parameters).map_or_else(
                |refusal| {
                    let wire = refusal.wire(Profile::Auth0);
                    format!("{} {} {refusal}", wire.status, wire.error)
                },
                |grant| grant.as_str().to_owned(),
            )
        };
        assert_eq!(
            told("grant_type=password"),
            "403 unsupported_grant_type Unsupported grant type: password"
        );
        assert_eq!(told(""), "400 invalid_request grant_type is required");
        for known in ["refresh_token", "client_credentials", "urn:openid:params:grant-type:ciba"] {
            assert_eq!(told(&format!("grant_type={known}")), known);
        }
    }

    /// W196: unknown audience, no client grant.
    #[test]
    fn a_machine_needs_an_api_and_a_grant() {
        let client = client("auth0");
        let none = Scope::default();
        assert_eq!(
            told(machine_scope(&client, "https://no/", None, None, &none)),
            r#"{"error":"access_denied","error_description":"Service not found: https://no/"}"#
        );
        let refused = r#"{"error":"access_denied","error_description":"Client is not authorized to access \"a\". You need to create a \"client-grant\" associated to this API."}"#;
        for policy in ["require_client_grant", "deny_all"] {
            assert_eq!(told(machine_scope(&client, "a", Some(&api(policy)), None, &none)), refused);
        }
        let document = json!({"id": "cgr_1", "client_id": "c", "audience": "a", "scope": ["y"]});
        let grant = ClientGrant::from_document(&document).unwrap();
        let api = api("require_client_grant");
        assert_eq!(told(machine_scope(&client, "a", Some(&api), Some(&grant), &none)), "y");
        let asked = Scope::parse("x y").unwrap();
        assert_eq!(told(machine_scope(&client, "a", Some(&api), Some(&grant), &asked)), "y");
    }

    #[test]
    fn an_open_api_gives_a_machine_all_its_scopes() {
        let api = api("allow_all");
        let none = Scope::default();
        assert_eq!(told(machine_scope(&client("auth0"), "a", Some(&api), None, &none)), "x y");
    }

    /// W197: with or without `scope`, and with an empty one.
    #[test]
    fn a_refresh_never_widens_the_scope() {
        let granted = Scope::parse("openid x offline_access").unwrap();
        let asked = |text: &str| Scope::parse(text).unwrap();
        let refreshed = |profile: &str, text: &str| {
            told(refreshed_scope(&client(profile), granted.clone(), &asked(text)))
        };
        assert_eq!(refreshed("auth0", ""), "openid x offline_access");
        assert_eq!(refreshed("auth0", "openid z"), "openid");
        assert!(refreshed("ciba", "openid z").contains("Scope was not granted: z"));
    }
}
