//! What people are shown of a client, and what is to be done where it is not.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use device_protocol::aizuchi::content::Logo;
use domain::oauth::client_site::SiteKind;
use domain::{ClientId, Fingerprint, Timestamp};
use serde_json::{Value, json};
use store::client_sites::{self, ClientSite};
use store::clients;

use crate::App;
use crate::denied::{Denial, Denied};
use crate::tenancy::Context;

/// A client's logo and domain: what it names, what was seen there, and what the log was told.
pub async fn read_appearance(
    app: &App,
    context: &Context,
    client: &ClientId,
    now: Timestamp,
) -> Result<Value, Denial> {
    let tenant = &context.tenant.id;
    clients::one(&app.database, tenant, client).await?.ok_or(Denied::NoClient)?;
    let sites = client_sites::of_client(&app.database, tenant, client).await?;
    let of_kind = |kind: SiteKind| {
        let site = sites.iter().find(|site| site.kind == kind);
        let shown = site.map(|site| shown(context, site, now));
        (kind.member().to_owned(), shown.into())
    };
    Ok(Value::Object(SiteKind::ALL.into_iter().map(of_kind).collect()))
}

fn shown(context: &Context, site: &ClientSite, now: Timestamp) -> Value {
    let state = match &site.problem {
        _ if site.is_shown(now) => "shown",
        Some(_) => "failed",
        None => "waiting",
    };
    let (name, more) = match site.kind {
        SiteKind::Logo => {
            let named = |hash: Fingerprint| BASE64_URL_SAFE_NO_PAD.encode(hash.as_bytes());
            let logo = site.logo.filter(|_| site.is_shown(now)).map(named);
            ("logo", logo.map(|hash| Logo::named(hash).to_json()).into())
        }
        SiteKind::Domain => {
            let client = json!({
                "issuer": context.base.issuer, "client_id": site.client.as_str(),
            });
            let url = site.kind.address(&site.named).map(String::from).ok();
            ("proof", json!({ "url": url, "content": { "clients": [client] } }))
        }
    };
    json!({
        "named": site.named,
        "state": state,
        "problem": site.problem,
        "looked_at": site.looked_at.map(Timestamp::to_iso),
        "good_until": site.good_until.map(Timestamp::to_iso),
        (name): more,
    })
}
