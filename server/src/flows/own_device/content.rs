//! The words of a request, signed once for each language and kept: a decision is over exactly these
//! bytes (D11, D12).

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use device_protocol::aizuchi::content::{self, Asker, Audience, Content, Logo, Match};
use domain::ciba::number::{Number, Style};
use domain::ciba::request::WantedClaims;
use domain::ciba::transaction::Facts;
use domain::oauth::client_site::SiteKind;
use domain::{ClientId, Fingerprint, TenantId, Timestamp};
use serde_json::Value;
use store::issuer_keys::Purpose;
use store::{Written, client_sites, contents, resource_servers};

use crate::App;
use crate::failure::{Broken, Failure};
use crate::flows::DECIDE_TRIES;
use crate::flows::read_consent::in_words;
use crate::tenancy::Context;

/// The languages that contents are made in; the first for everybody else.
const LANGUAGES: [&str; 2] = ["en", "ja"];

/// The content of a request for a reader of `language`: made when it is first read.
pub(super) async fn content_of(
    app: &App,
    context: &Context,
    (facts, language): (&Facts, &str),
    now: Timestamp,
) -> Result<String, Broken> {
    let tenant = &context.tenant.id;
    let locale = supported(language);
    let hash = &facts.auth_req_hash;
    for _ in 0..DECIDE_TRIES {
        if let Some(kept) = contents::in_language(&app.database, tenant, (hash, locale)).await? {
            return Ok(kept);
        }
        let claims = words(app, context, (facts, locale), now).await?.claims();
        let key = app.issuer_key(tenant, Purpose::Content, now).await?;
        let signed = key.sign(content::TYP, &claims)?;
        let signed_hash = content::hash(&signed);
        let kept = (locale, signed_hash.as_str(), signed.as_str());
        let write = contents::insert(tenant, hash, kept, facts.expires_at);
        match app.database.run(write).await? {
            Written::Done => return Ok(signed),
            // Another device of the person reads it in this moment.
            Written::Overtaken => {}
        }
    }
    Err(Broken::because("a content can neither be kept nor read"))
}

/// The language of ours that is nearest to a tag (RFC 4647 3.4, on the first part alone).
fn supported(tag: &str) -> &'static str {
    let first = tag.split('-').next().unwrap_or_default();
    let [default, ..] = LANGUAGES;
    LANGUAGES.into_iter().find(|known| first.eq_ignore_ascii_case(known)).unwrap_or(default)
}

async fn words(
    app: &App,
    context: &Context,
    (facts, locale): (&Facts, &str),
    now: Timestamp,
) -> Result<Content, Broken> {
    let tenant = &context.tenant.id;
    let asked = &facts.asked;
    let client = app.client(tenant, &facts.client_id, now).await.map_err(broken)?;
    // A request of the enrollment page has no client: it asks in the tenant's name.
    let name = client
        .map_or_else(|| context.tenant.display_name.clone(), |known| known.client().name.clone());
    let (logo, domain) = appearance(app, tenant, &facts.client_id, now).await?;
    let (lines, template_sha256) = lines(facts, locale);
    let api = match &asked.audience {
        None => None,
        Some(audience) => {
            let row = resource_servers::by_identifier(&app.database, tenant, audience).await?;
            row.and_then(|row| serde_json::from_str::<Value>(&row.document).ok())
        }
    };
    let describe = |scope: &str| {
        let scopes = api.as_ref()?.get("scopes")?.as_array()?;
        let found = scopes.iter().find(|known| known["value"] == scope)?;
        found.get("description")?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let name_of = |api: &Value| api.get("name").and_then(Value::as_str).map(str::to_owned);
    let audience = asked.audience.as_ref().map(|identifier| Audience {
        identifier: identifier.clone(),
        name: api.as_ref().and_then(name_of).unwrap_or_else(|| identifier.clone()),
    });
    let json = |text: &Option<String>| text.as_deref().and_then(|t| serde_json::from_str(t).ok());
    Ok(Content {
        request: facts.consent_id.to_string(),
        issuer: asked.issuer.clone(),
        user: facts.user_id().to_string(),
        client: Asker { id: facts.client_id.to_string(), name, domain },
        logo,
        binding_message: asked.binding_message.clone(),
        scope: asked.scope.iter().map(|scope| (scope.to_owned(), describe(scope))).collect(),
        audience,
        further_audiences: asked.beyond.audiences.clone(),
        claims: claims(facts),
        authorization_details: json(&asked.details),
        locale: locale.to_owned(),
        lines,
        template_sha256,
        context: json(&asked.request_context),
        match_style: asked.beyond.number.as_ref().map(shown),
        is_verification_required: asked.beyond.is_passkey_required,
        created_at: facts.created_at.seconds(),
        expires_at: facts.expires_at.seconds(),
    })
}

/// The logo that we have seen, and the domain that names the client: nothing else is shown.
async fn appearance(
    app: &App,
    tenant: &TenantId,
    client: &ClientId,
    now: Timestamp,
) -> Result<(Option<Logo>, Option<String>), Broken> {
    let (mut logo, mut domain) = (None, None);
    for site in client_sites::of_client(&app.database, tenant, client).await? {
        if !site.is_shown(now) {
            continue;
        }
        match site.kind {
            SiteKind::Logo => logo = site.logo,
            SiteKind::Domain => domain = Some(site.named),
        }
    }
    let named = |hash: Fingerprint| BASE64_URL_SAFE_NO_PAD.encode(hash.as_bytes());
    Ok((logo.map(named).map(Logo::named), domain))
}

/// D17: how the number is entered, not which it is.
fn shown(number: &Number) -> Match {
    match number.style() {
        Style::Type => Match::Type,
        Style::Choose => Match::Choose(number.choices.clone()),
    }
}

/// What is told of the person beyond the scopes.
fn claims(facts: &Facts) -> Vec<String> {
    let wanted = &facts.asked.beyond.claims;
    let named = wanted.id_token.iter().chain(&wanted.userinfo).copied();
    texts(&Value::from(WantedClaims::known(named)))
}

/// The details in words, as their registered type is shown, and which templates these words are of.
fn lines(facts: &Facts, locale: &str) -> (Vec<String>, Option<String>) {
    let Some(display) = facts.asked.beyond.display.as_deref() else { return (Vec::new(), None) };
    let shown = in_words(display, locale);
    let templates = shown.get("template_sha256").and_then(Value::as_str).map(str::to_owned);
    (shown.get("lines").map(texts).unwrap_or_default(), templates)
}

fn texts(list: &Value) -> Vec<String> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(|text| text.as_str().map(str::to_owned)).collect()
}

fn broken(failure: Failure) -> Broken {
    match failure {
        Failure::Broken(broken) => broken,
        Failure::Refused(refusal) => Broken::because(refusal.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::supported;

    #[test]
    fn everybody_reads_one_of_our_languages() {
        for (tag, language) in
            [("ja", "ja"), ("JA-JP", "ja"), ("en-GB", "en"), ("fr", "en"), ("", "en")]
        {
            assert_eq!(supported(tag), language, "{tag}");
        }
    }
}
