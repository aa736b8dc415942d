//! Which tenant a request is for, and under which public address it was reached.
//!
//! A tenant is found by the host name, or by the path prefix `/t/{tenant}` (decision 8). The
//! addresses come from the configuration and the tenant's hosts; an unchecked `Host` header never
//! becomes part of one (guardian B6).

use std::sync::Arc;

use domain::TenantId;
use domain::ciba::context_policy::ContextPolicy;
use domain::ciba::hint_token::HintIssuer;
use domain::ciba::ladder::Ladder;
use domain::ciba::profile::{Profile, Rules};
use domain::ciba::prompt_limits::PromptLimits;
use domain::jose;
use domain::oauth::registration::StatementIssuer;
use domain::shape::Object;
use serde::{Deserialize, Serialize};

/// The tenant that the public address without a prefix belongs to.
pub const FIRST_TENANT: &str = "default";

/// What an administrator can set for a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches of the tenant")]
pub struct Settings {
    /// The profile of clients that name none.
    pub default_profile: String,
    /// The profiles its clients may have (decision 7).
    pub profiles: Vec<String>,
    /// Takes a literal `audience=None` as no audience (WD18).
    pub lenient_audience_none: bool,
    /// `audience` or `compatibility` (W71).
    pub resource_parameter_profile: String,
    /// Refuses a device answer whose `iss` is not the device's identifier (GD7).
    pub strict_device_identifier: bool,
    /// Refuses an approval by a device that has not read the consent record.
    pub require_consent_read: bool,
    /// The push factor (W94, W254).
    pub push_factor: bool,
    /// When a second factor is asked for; kept for administrators, CIBA always asks (W255).
    pub mfa_policies: Vec<String>,
    /// Who sends pushes: `guardian` (the server's own app), `direct` (the tenant's) or `sns` (W256).
    pub push_provider: String,
    /// Revoking one refresh token ends all of that user, client and audience (W192).
    pub revocation_deletes_grant: bool,
    /// Client certificates.
    pub mtls: Mtls,
    /// The app that people enroll with (W261).
    pub custom_app: CustomApp,
    /// Who may vouch for people by `login_hint_token` (C26).
    pub login_hint_token_issuers: Vec<TrustedIssuer>,
    /// How many people its clients may ask together.
    pub prompt_limits: serde_json::Value,
    /// In which order its people's devices are woken.
    pub wake_ladder: serde_json::Value,
    /// The seconds between polls that its clients are told; else the configuration's (N46).
    pub ciba_interval_s: Option<u32>,
    /// A second exchange of an `auth_req_id` ends what the first one gave (N49, A7).
    pub reuse_revokes_grant: bool,
    /// Who may vouch for clients that register themselves (C15).
    pub software_statement_issuers: Vec<TrustedIssuer>,
    /// Whether anybody may register a client (Auth0's `enable_dynamic_client_registration`).
    pub open_registration: bool,
    /// Whether clients that ask people must not authenticate with a secret (C22).
    pub refuse_shared_secrets: bool,
    /// Whether a client cannot tell people who cannot be asked from those who do not answer (A16).
    pub privacy_mode: bool,
    /// Where people may approve from (A4).
    pub context_policy: serde_json::Value,
    /// Whether every person must enter a number to approve (D17).
    pub match_code_required: bool,
    /// How they enter it: `type` or `choose`.
    pub match_style: String,
    /// Whether every approval is confirmed by a passkey (D14).
    pub passkey_required: bool,
    /// From which origins passkeys of its people answer, beside its own.
    pub passkey_origins: Vec<String>,
    /// How long the receipt of a decision is kept (D19).
    pub receipt_lifetime_days: u32,
}

/// An issuer of `login_hint_token`s, and the public keys it signs them with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct TrustedIssuer {
    /// Its `iss`.
    pub issuer: String,
    /// Its key set.
    pub jwks: serde_json::Value,
}

impl Settings {
    /// The seconds between polls, the configuration's being `configured`.
    pub fn interval_s(&self, configured: u32) -> i64 {
        self.ciba_interval_s.unwrap_or(configured).into()
    }

    /// Those issuers, their keys read.
    pub fn hint_issuers(&self) -> Vec<HintIssuer> {
        let read = |trusted: &TrustedIssuer| HintIssuer {
            issuer: trusted.issuer.clone(),
            keys: jose::parse_set(&trusted.jwks).unwrap_or_default(),
        };
        self.login_hint_token_issuers.iter().map(read).collect()
    }

    /// The issuers of software statements, their keys read.
    pub fn statement_issuers(&self) -> Vec<StatementIssuer> {
        let read = |trusted: &TrustedIssuer| {
            let keys = jose::parse_set(&trusted.jwks).unwrap_or_default();
            (trusted.issuer.clone(), keys)
        };
        self.software_statement_issuers.iter().map(read).collect()
    }
}

/// An app of the tenant's own, as the enrollment page names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct CustomApp {
    /// What people call it.
    pub app_name: Option<String>,
    /// Where Apple offers it.
    pub apple_app_link: Option<String>,
    /// Where Google offers it.
    pub google_app_link: Option<String>,
}

impl CustomApp {
    /// The members that are set.
    pub fn shown(&self) -> Object {
        let members = [
            ("app_name", &self.app_name),
            ("apple_app_link", &self.apple_app_link),
            ("google_app_link", &self.google_app_link),
        ];
        let set = members.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        set.map(|(name, value)| (name.to_owned(), value.as_str().into())).collect()
    }
}

/// What a tenant says of client certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Mtls {
    /// The metadata names the listener that asks for them (W10).
    pub enable_endpoint_aliases: bool,
}

/// How long a receipt is kept unless the tenant says otherwise: seven years.
const RECEIPT_LIFETIME_DAYS: u32 = 7 * 366;

impl Default for Settings {
    fn default() -> Self {
        Self {
            default_profile: String::from("auth0"),
            profiles: vec![String::from("auth0")],
            lenient_audience_none: true,
            resource_parameter_profile: String::from("audience"),
            strict_device_identifier: false,
            require_consent_read: false,
            push_factor: true,
            mfa_policies: Vec::new(),
            push_provider: String::from("guardian"),
            revocation_deletes_grant: false,
            mtls: Mtls::default(),
            login_hint_token_issuers: Vec::new(),
            prompt_limits: serde_json::Value::Null,
            wake_ladder: serde_json::Value::Null,
            ciba_interval_s: None,
            reuse_revokes_grant: false,
            software_statement_issuers: Vec::new(),
            open_registration: false,
            refuse_shared_secrets: false,
            privacy_mode: false,
            context_policy: serde_json::Value::Null,
            match_code_required: false,
            match_style: String::from("type"),
            passkey_required: false,
            passkey_origins: Vec::new(),
            receipt_lifetime_days: RECEIPT_LIFETIME_DAYS,
            custom_app: CustomApp::default(),
        }
    }
}

/// What stands in front of a host where client certificates are asked for, as at Auth0.
pub const MTLS_LABEL: &str = "mtls.";

/// The profile of clients that name none, and those that clients of the tenant may have.
pub fn profiles(tenant: Option<&Tenant>) -> (Profile, Vec<Profile>) {
    let default = Settings::default();
    let settings = tenant.map_or(&default, |tenant| &tenant.settings);
    let named = |name: &String| Profile::from_name(name);
    let profiles = settings.profiles.iter().filter_map(named).collect();
    (named(&settings.default_profile).unwrap_or(Profile::Auth0), profiles)
}

/// What clients of the profile of this name are held to.
pub fn rules_of(profile: &str) -> Option<&'static Rules> {
    Profile::from_name(profile).map(Profile::rules)
}

/// What clients of the tenant may be held to.
pub fn rules(tenant: &Tenant) -> Vec<&'static Rules> {
    profiles(Some(tenant)).1.into_iter().map(Profile::rules).collect()
}

/// One tenant as requests see it.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Its short name.
    pub id: TenantId,
    /// What people see.
    pub display_name: String,
    /// What is set.
    pub settings: Settings,
    /// Who may vouch for its people.
    pub hint_issuers: Vec<HintIssuer>,
    /// How many people its clients may ask together.
    pub prompt_limits: PromptLimits,
    /// In which order its people's devices are woken.
    pub ladder: Ladder,
    /// Where people may approve from.
    pub context_policy: Option<ContextPolicy>,
    /// Its own host names, without port.
    pub hosts: Vec<String>,
}

/// The public addresses of one tenant, as one request reached it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// `https://T/`: the issuer, with its final slash.
    pub issuer: String,
    /// Every address that stands for the tenant, issuer first, each with its final slash: what a
    /// device may sign as `aud` or `htu`, what a `login_hint` may name as `iss`.
    pub all: Vec<String>,
    /// The address where client certificates are asked for, with its final slash.
    pub mtls: Option<String>,
}

impl Base {
    /// `https://T/` + `path` (without a leading slash).
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }

    /// `https://T` without the final slash.
    pub fn origin(&self) -> &str {
        self.issuer.strip_suffix('/').unwrap_or(&self.issuer)
    }

    /// `T`: host, port and prefix.
    pub fn name(&self) -> &str {
        self.origin().strip_prefix("https://").unwrap_or_else(|| self.origin())
    }
}

/// The tenant of a request and the address it was reached by.
#[derive(Clone, Debug)]
pub struct Context {
    /// Whose request it is.
    pub tenant: Arc<Tenant>,
    /// Where it was reached.
    pub base: Arc<Base>,
}

/// Where the server can be reached, apart from the tenants' own hosts.
#[derive(Clone, Debug)]
pub struct PublicAddresses {
    /// The https address, with its final slash.
    pub https: String,
    /// In `dev`, the plain listener of localhost, with its final slash (decision 10).
    pub http: Option<String>,
    /// Where client certificates are asked for, with its final slash.
    pub mtls: Option<String>,
}

impl PublicAddresses {
    /// The addresses of `tenant` for a request that came by `/t/{tenant}` (`by_prefix`) or with
    /// `host` in its `Host` header.
    pub fn base(&self, tenant: &Tenant, by_prefix: bool, host: &str) -> Base {
        let suffix = if by_prefix { format!("t/{}/", tenant.id) } else { String::new() };
        let mut all = Vec::new();
        let port = port_suffix(&self.https);
        let own = |name: &String| format!("https://{name}{port}/");
        if !by_prefix && let Some(name) = tenant.hosts.iter().find(|name| same_host(name, host)) {
            all.push(own(name));
        }
        let shared = [Some(self.https.as_str()), self.http.as_deref()];
        let is_first = tenant.id.as_str() == FIRST_TENANT;
        for address in shared.into_iter().flatten() {
            if is_first && suffix.is_empty() {
                all.push(address.to_owned());
            } else if !is_first || by_prefix {
                all.push(format!("{address}t/{}/", tenant.id));
            }
        }
        for address in tenant.hosts.iter().map(own) {
            if !all.contains(&address) {
                all.push(address);
            }
        }
        let issuer = all.first().cloned().unwrap_or_else(|| self.https.clone());
        let mtls = self.mtls.as_deref().and_then(|mtls| self.alias(&issuer, mtls));
        Base { issuer, all, mtls }
    }

    /// The address of `issuer` on the listener for client certificates: beside a host of the
    /// tenant's own, a port or `mtls.` in front, as beside the shared one.
    fn alias(&self, issuer: &str, mtls: &str) -> Option<String> {
        if let Some(rest) = issuer.strip_prefix(&self.https) {
            return Some(format!("{mtls}{rest}"));
        }
        let (own, shared) = (url::Url::parse(issuer).ok()?, url::Url::parse(mtls).ok()?);
        let here = url::Url::parse(&self.https).ok()?;
        let in_front = if shared.host_str() == here.host_str() { "" } else { MTLS_LABEL };
        let port = port_suffix(mtls);
        Some(format!("https://{in_front}{}{port}{}", own.host_str()?, own.path()))
    }
}

/// The host of a `Host` header, without its port.
pub fn host_name(host_header: &str) -> &str {
    host_header.rsplit_once(':').map_or(host_header, |(host, port)| {
        if port.bytes().all(|byte| byte.is_ascii_digit()) { host } else { host_header }
    })
}

/// Whether a `Host` header names this host, whatever its port and letter case.
pub fn same_host(name: &str, host_header: &str) -> bool {
    host_name(host_header).eq_ignore_ascii_case(name)
}

fn port_suffix(address: &str) -> String {
    url::Url::parse(address)
        .ok()
        .and_then(|url| url.port())
        .map_or_else(String::new, |port| format!(":{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses() -> PublicAddresses {
        PublicAddresses {
            https: String::from("https://localhost:8443/"),
            http: Some(String::from("http://localhost:8080/")),
            mtls: Some(String::from("https://localhost:8444/")),
        }
    }

    fn tenant(id: &str, hosts: &[&str]) -> Tenant {
        Tenant {
            id: TenantId::new(id),
            display_name: id.to_owned(),
            settings: Settings::default(),
            hint_issuers: Vec::new(),
            prompt_limits: PromptLimits::default(),
            ladder: Ladder::default(),
            context_policy: None,
            hosts: hosts.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn the_first_tenant_has_the_public_address() {
        let base = addresses().base(&tenant(FIRST_TENANT, &[]), false, "localhost:8443");
        assert_eq!(base.issuer, "https://localhost:8443/");
        assert_eq!(base.all, ["https://localhost:8443/", "http://localhost:8080/"]);
        assert_eq!(
            (base.name(), base.url("bc-authorize").as_str()),
            ("localhost:8443", "https://localhost:8443/bc-authorize")
        );
    }

    #[test]
    fn a_prefixed_tenant_lives_below_its_prefix() {
        let base = addresses().base(&tenant("acme", &[]), true, "localhost:8443");
        assert_eq!(base.issuer, "https://localhost:8443/t/acme/");
        assert_eq!(base.name(), "localhost:8443/t/acme");
    }

    #[test]
    fn a_host_of_its_own_is_the_issuer_of_requests_that_name_it() {
        let acme = tenant("acme", &["login.acme.example"]);
        let base = addresses().base(&acme, false, "LOGIN.acme.example:8443");
        assert_eq!(base.issuer, "https://login.acme.example:8443/");
        assert!(base.all.contains(&String::from("https://localhost:8443/t/acme/")));
        let base = addresses().base(&acme, true, "localhost:8443");
        assert_eq!(base.issuer, "https://localhost:8443/t/acme/");
    }

    #[test]
    fn client_certificates_are_asked_for_beside_every_address() {
        let alias = |addresses: &PublicAddresses, tenant: &Tenant, by_prefix, host| {
            addresses.base(tenant, by_prefix, host).mtls.unwrap()
        };
        let by_port = addresses();
        let acme = tenant("acme", &["login.acme.example"]);
        assert_eq!(alias(&by_port, &acme, true, "localhost"), "https://localhost:8444/t/acme/");
        let own = "https://login.acme.example:8444/";
        assert_eq!(alias(&by_port, &acme, false, "login.acme.example"), own);
        let by_name = PublicAddresses {
            https: String::from("https://id.example/"),
            http: None,
            mtls: Some(String::from("https://mtls.id.example/")),
        };
        let own = "https://mtls.login.acme.example/";
        assert_eq!(alias(&by_name, &acme, false, "login.acme.example"), own);
        let first = tenant(FIRST_TENANT, &[]);
        assert_eq!(alias(&by_name, &first, false, "id.example"), "https://mtls.id.example/");
    }
}
