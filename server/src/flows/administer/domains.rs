//! Custom domains: claimed, verified by where they point, given up.

use std::net::IpAddr;

use domain::shape::{
    InvalidBody, Kind, Member, Object, checked, clearable, member, required, text,
};
use domain::{Fingerprint, TenantId, Timestamp};
use serde_json::{Value, json};
use store::custom_domains::{self, CustomDomainRow};
use store::{Written, tenants};

use super::{ATTEMPTS, sized};
use crate::App;
use crate::denied::{Denial, Denied, Inexistent};
use crate::failure::Broken;
use crate::tenancy::{Context, host_name};

/// Longest host name (RFC 1035, section 2.3.4), and longest part of one.
const NAME_LIMIT: (usize, usize) = (253, 63);
/// A domain whose certificates are the server's, and one with a proxy of its own in front.
const MANAGED: &str = "auth0_managed_certs";
const SELF_MANAGED: &str = "self_managed_certs";
/// Largest `domain_metadata`, in bytes; Auth0 has 10 members of 255 characters.
const METADATA_BYTES: usize = 8 * 1024;

/// What an administrator may change later.
const CHANGEABLE: &[Member] = &[
    member("tls_policy", Kind::OneOf(&["recommended"])),
    clearable(
        "custom_client_ip_header",
        Kind::OneOf(&[
            "",
            "true-client-ip",
            "cf-connecting-ip",
            "x-forwarded-for",
            "x-azure-clientip",
        ]),
    ),
    member("domain_metadata", Kind::Object(METADATA_BYTES)),
    clearable("relying_party_identifier", Kind::Text(1, 253)),
];

/// What is said once, when the domain is claimed.
const FIXED: &[Member] = &[
    member("domain", Kind::Text(1, 255)),
    member("type", Kind::OneOf(&[MANAGED, SELF_MANAGED])),
    member("verification_method", Kind::OneOf(&["txt", "cname"])),
];

/// The tenant's domains as the Management API shows them.
pub async fn list_domains(app: &App, context: &Context) -> Result<Vec<Object>, Denial> {
    let rows = custom_domains::list(&app.database, &context.tenant.id).await?;
    rows.iter().map(|row| Ok(view(app, row)?)).collect()
}

/// The domain of this id.
pub async fn read_domain(app: &App, tenant: &TenantId, id: &str) -> Result<Object, Denial> {
    Ok(view(app, &one(app, tenant, id).await?)?)
}

/// Claims a domain: it is the tenant's once it is verified.
pub async fn create_domain(
    app: &App,
    tenant: &TenantId,
    body: &Object,
    now: Timestamp,
) -> Result<Object, Denial> {
    required(body, &["domain", "type"])?;
    let fixed = checked(FIXED, body)?;
    let name = domain_name(text(&fixed, "domain").unwrap_or_default())?;
    let mut document = checked(CHANGEABLE, body)?;
    let kind = text(&fixed, "type").unwrap_or(MANAGED);
    document.insert(String::from("type"), kind.into());
    document.retain(|_, value| !value.is_null() && value.as_str() != Some(""));
    let is_ours = name.eq_ignore_ascii_case(public_host(app));
    if is_ours || tenants::by_host(&app.database, &name).await?.is_some() {
        return Err(Denied::DomainExists.into());
    }
    let row = CustomDomainRow {
        id: format!("cd_{}", app.entropy.alphanumerics(16)),
        domain: name,
        is_ready: false,
        api_key_hash: None,
        document: sized(&Value::Object(document))?,
        created_at: now,
    };
    match app.database.run(custom_domains::insert(tenant, &row)).await? {
        Written::Done => Ok(view(app, &row)?),
        Written::Overtaken => Err(Denied::DomainExists.into()),
    }
}

/// Changes what may be changed.
pub async fn change_domain(
    app: &App,
    tenant: &TenantId,
    id: &str,
    body: &Object,
) -> Result<Object, Denial> {
    let change = checked(CHANGEABLE, body)?;
    for _ in 0..ATTEMPTS {
        let row = one(app, tenant, id).await?;
        let mut document = parsed(&row)?;
        document.extend(change.clone());
        document.retain(|_, value| !value.is_null() && value.as_str() != Some(""));
        let text = sized(&Value::Object(document))?;
        let write = custom_domains::replace(tenant, &row, &text);
        if app.database.run(write).await? == Written::Done {
            return Ok(view(app, &CustomDomainRow { document: text, ..row })?);
        }
    }
    Err(Denied::Contended.into())
}

/// Looks where the domain points, and makes it a host of the tenant if that is here. What is
/// wrong otherwise stands in the answer.
pub async fn verify_domain(
    app: &App,
    tenant: &TenantId,
    id: &str,
    now: Timestamp,
) -> Result<Object, Denial> {
    let row = one(app, tenant, id).await?;
    if row.is_ready {
        return Ok(view(app, &row)?);
    }
    if let Some(error) = fault_of(app, &row.domain).await {
        tracing::info!(tenant.id = %tenant, domain = row.domain, error, "domain not verified");
        let mut shown = view(app, &row)?;
        if let Some(verification) = shown.get_mut("verification").and_then(Value::as_object_mut) {
            verification.insert(String::from("status"), "failed".into());
            verification.insert(String::from("error_msg"), error.into());
            verification.insert(String::from("last_verified_at"), now.to_iso().into());
        }
        return Ok(shown);
    }
    let is_self_managed = text(&parsed(&row)?, "type") == Some(SELF_MANAGED);
    let key = is_self_managed.then(|| app.entropy.base64url::<32>());
    let hash = key.as_ref().map(|key| Fingerprint::of(key.as_bytes()));
    match app.database.run(custom_domains::make_ready(tenant, &row, hash)).await? {
        Written::Done => {}
        Written::Overtaken => return Err(Denied::DomainExists.into()),
    }
    tracing::info!(tenant.id = %tenant, domain = row.domain, "custom domain verified");
    let mut shown = view(app, &CustomDomainRow { is_ready: true, api_key_hash: hash, ..row })?;
    if let Some(key) = key {
        shown.insert(String::from("cname_api_key"), key.into());
    }
    Ok(shown)
}

/// Whether the domain points here, and if not, why.
pub async fn test_domain(app: &App, tenant: &TenantId, id: &str) -> Result<Object, Denial> {
    let row = one(app, tenant, id).await?;
    let fault = fault_of(app, &row.domain).await;
    let mut answer = Object::new();
    answer.insert(String::from("success"), fault.is_none().into());
    if let Some(message) = fault {
        answer.insert(String::from("message"), message.into());
    }
    Ok(answer)
}

/// Gives a domain up: it is no host of the tenant any more.
pub async fn delete_domain(app: &App, tenant: &TenantId, id: &str) -> Result<(), Denial> {
    for _ in 0..ATTEMPTS {
        let row = one(app, tenant, id).await?;
        if app.database.run(custom_domains::delete(tenant, &row)).await? == Written::Done {
            tracing::info!(tenant.id = %tenant, domain = row.domain, "custom domain given up");
            return Ok(());
        }
    }
    Err(Denied::Contended.into())
}

async fn one(app: &App, tenant: &TenantId, id: &str) -> Result<CustomDomainRow, Denial> {
    let row = custom_domains::one(&app.database, tenant, id).await?;
    row.ok_or_else(|| Inexistent::Domain.into())
}

/// Why a domain is not one of ours: it points nowhere, or elsewhere than the public host and the
/// trusted proxies.
async fn fault_of(app: &App, name: &str) -> Option<String> {
    let found = app.resolver.addresses(name).await;
    if found.is_empty() {
        return Some(format!("{name} has no address; set up its CNAME record first"));
    }
    let host = public_host(app);
    let ours = match host.parse::<IpAddr>() {
        Ok(address) => vec![address],
        Err(_) => app.resolver.addresses(host).await,
    };
    let is_ours = |address: &IpAddr| {
        ours.contains(address)
            || app.config.proxy.trusted.iter().any(|proxies| proxies.contains(*address))
    };
    if found.iter().any(is_ours) {
        return None;
    }
    Some(format!("{name} does not point to {host}; check its CNAME record"))
}

fn public_host(app: &App) -> &str {
    let address = app.addresses.https.strip_prefix("https://").unwrap_or(&app.addresses.https);
    host_name(address.split('/').next().unwrap_or_default())
}

/// A host name of at least two parts, in lower case; no address, no port, no wildcard.
fn domain_name(text: &str) -> Result<String, InvalidBody> {
    let name = text.to_ascii_lowercase();
    let is_part = |part: &str| {
        !part.is_empty()
            && part.len() <= NAME_LIMIT.1
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    let is_name = name.len() <= NAME_LIMIT.0
        && name.contains('.')
        && name.split('.').all(is_part)
        && last.bytes().any(|byte| byte.is_ascii_alphabetic());
    if is_name {
        return Ok(name);
    }
    Err(InvalidBody::on("domain", "It must be a host name, such as login.example.com"))
}

fn parsed(row: &CustomDomainRow) -> Result<Object, Broken> {
    serde_json::from_str(&row.document).map_err(Broken::because)
}

fn view(app: &App, row: &CustomDomainRow) -> Result<Object, Broken> {
    let mut view = parsed(row)?;
    let is_self_managed = text(&view, "type") == Some(SELF_MANAGED);
    let (status, host) =
        (if row.is_ready { "ready" } else { "pending_verification" }, public_host(app));
    let mut put = |name: &str, value: Value| view.insert(name.to_owned(), value);
    put("custom_domain_id", row.id.as_str().into());
    put("domain", row.domain.as_str().into());
    put("primary", true.into());
    put("status", status.into());
    put(
        "verification",
        json!({ "methods": [{ "name": "cname", "record": host, "domain": row.domain }] }),
    );
    if is_self_managed {
        put("origin_domain_name", host.into());
    }
    for (name, default) in
        [("tls_policy", "recommended".into()), ("custom_client_ip_header", Value::Null)]
    {
        view.entry(name).or_insert(default);
    }
    view.entry("domain_metadata").or_insert_with(|| json!({}));
    Ok(view)
}
