//! Clients: made, changed, given another secret.

use domain::oauth::client::{AUTH_METHOD, JWKS_URI, NOTIFICATION_ENDPOINT};
use domain::oauth::client_document::{self, ClientRules};
use domain::shape::{InvalidBody, Kind, Object, checked, member, text};
use domain::{ClientId, Fingerprint, TenantId, Timestamp};
use serde_json::{Value, json};
use store::client_credentials::{self, CredentialRow};
use store::clients::{self, ClientRow};
use store::{Write, Written};

use url::Url;

use super::{ATTEMPTS, credentials, sized};
use crate::App;
use crate::denied::{Denial, Denied};
use crate::failure::Broken;
use crate::flows::client_sites;
use crate::outside::may_name;
use crate::tenancy::{self, Context};

/// The member that names how a client proves who it is.
const METHODS: &str = "client_authentication_methods";
/// Shortest secret that an administrator may choose: only its hash is kept, so it must be as hard
/// to guess as one of ours.
const SECRET_CHARS: usize = 32;

/// A client that was just made: its document, and the secret that is told once.
#[derive(Debug)]
pub struct NewClient {
    /// What the Management API shows of it.
    pub document: Value,
    /// Its secret, unless it is public.
    pub client_secret: Option<String>,
}

/// A client that may be made, and the write that makes it.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// Its name.
    pub(crate) client_id: ClientId,
    /// What is told of it.
    pub(crate) made: NewClient,
    /// Stores it; the first step decides.
    pub(crate) write: Write,
}

/// Makes a client.
pub async fn create_client(
    app: &App,
    context: &Context,
    body: &Object,
    now: Timestamp,
) -> Result<NewClient, Denial> {
    let tenant = &context.tenant.id;
    let Prepared { client_id, made, write } = prepare_client(app, context, body, now)?;
    match app.database.run(write).await? {
        Written::Done => {
            client_sites::ring(app, &made.document);
            tracing::info!(tenant.id = %tenant, client.id = %client_id, "client created");
            Ok(made)
        }
        Written::Overtaken => Err(Broken::because("two clients of one name").into()),
    }
}

/// Checks a client that is to be made, whoever makes it: there is no other way to one.
pub(crate) fn prepare_client(
    app: &App,
    context: &Context,
    body: &Object,
    now: Timestamp,
) -> Result<Prepared, Denial> {
    let tenant = &context.tenant.id;
    let client_id = ClientId::new(app.entropy.alphanumerics(32));
    let (body, added) = with_credentials(app, &client_id, body, now)?;
    let (default_profile, profiles) = tenancy::profiles(Some(&context.tenant));
    let refuses_secrets = context.tenant.settings.refuse_shared_secrets;
    let rules = ClientRules { default_profile, profiles: &profiles, refuses_secrets };
    let document = client_document::created(&Value::Object(body), &client_id, &rules)?;
    check_addresses(app, &document)?;
    // Clients with credentials get one too, as at Auth0; it is good for nothing (W41).
    let has_secret =
        text_of(&document, AUTH_METHOD).is_none_or(|method| method.starts_with("client_secret"));
    let client_secret = has_secret.then(|| app.entropy.base64url::<48>());
    let row = ClientRow {
        client_id: client_id.clone(),
        secret_hash: client_secret.as_ref().map(|secret| Fingerprint::of(secret.as_bytes())),
        document: sized(&document)?,
        created_at: now,
        updated_at: now,
    };
    let most = client_document::MAX_CREDENTIALS;
    let write = added.iter().fold(clients::insert(tenant, &row), |write, credential| {
        write.and(client_credentials::insert(tenant, credential, most))
    });
    let write = client_sites::wanted(write, (tenant, &client_id), (None, &document), now);
    Ok(Prepared { client_id, made: NewClient { document, client_secret }, write })
}

/// The body with its inline credentials replaced by the ids they get, and these credentials.
fn with_credentials(
    app: &App,
    client: &ClientId,
    body: &Object,
    now: Timestamp,
) -> Result<(Object, Vec<CredentialRow>), InvalidBody> {
    let mut body = body.clone();
    let mut added = Vec::new();
    let Some(Value::Object(methods)) = body.get_mut(METHODS) else { return Ok((body, added)) };
    for method in methods.values_mut() {
        let Some(list) = method.get_mut("credentials").and_then(Value::as_array_mut) else {
            continue;
        };
        if list.len() > client_document::MAX_CREDENTIALS {
            let most = client_document::MAX_CREDENTIALS;
            return Err(InvalidBody::on(METHODS, format!("At most {most} credentials")));
        }
        for credential in list {
            let Value::Object(given) = credential else { continue };
            let row = credentials::new_row(app, client, given, now)?;
            *credential = json!({ "id": row.id });
            added.push(row);
        }
    }
    Ok((body, added))
}

/// Changes a client.
pub async fn change_client(
    app: &App,
    who: (&Context, &ClientId),
    body: &Object,
    now: Timestamp,
) -> Result<Value, Denial> {
    change_client_if(app, who, body, (&|_, _| Ok(()), now)).await
}

/// What may be asked of a change: from which document to which.
pub(crate) type Allows<'a> = &'a (dyn Fn(&Value, &Value) -> Result<(), InvalidBody> + Sync);

/// Changes a client if `allows` has nothing against what comes of it.
pub(crate) async fn change_client_if(
    app: &App,
    (context, client): (&Context, &ClientId),
    body: &Object,
    (allows, now): (Allows<'_>, Timestamp),
) -> Result<Value, Denial> {
    let tenant = &context.tenant.id;
    checked(&[member("client_secret", Kind::Text(SECRET_CHARS, 512))], body)?;
    let (default_profile, profiles) = tenancy::profiles(Some(&context.tenant));
    let refuses_secrets = context.tenant.settings.refuse_shared_secrets;
    let rules = ClientRules { default_profile, profiles: &profiles, refuses_secrets };
    for _ in 0..ATTEMPTS {
        let was = clients::one(&app.database, tenant, client).await?.ok_or(Denied::NoClient)?;
        let existing: Value = serde_json::from_str(&was.document).map_err(Broken::because)?;
        let document = client_document::patched(&existing, &Value::Object(body.clone()), &rules)?;
        check_credentials(app, tenant, client, &document).await?;
        check_addresses(app, &document)?;
        allows(&existing, &document)?;
        let secret = text(body, "client_secret").map(|text| Fingerprint::of(text.as_bytes()));
        let row = ClientRow {
            secret_hash: secret.or(was.secret_hash),
            document: sized(&document)?,
            updated_at: now,
            ..was.clone()
        };
        let was_named = Some((&existing, body));
        let write = clients::replace(tenant, &was, &row);
        let write = client_sites::wanted(write, (tenant, client), (was_named, &document), now);
        match app.database.run(write).await? {
            Written::Done => {
                client_sites::ring(app, &document);
                tracing::info!(tenant.id = %tenant, client.id = %client, "client changed");
                return Ok(document);
            }
            Written::Overtaken => {}
        }
    }
    Err(Denied::Contended.into())
}

/// A8, A9: an address that must not be called, as far as it tells, is refused; names are checked
/// when they are called.
fn check_addresses(app: &App, document: &Value) -> Result<(), InvalidBody> {
    for name in [NOTIFICATION_ENDPOINT, JWKS_URI] {
        let Some(address) = text_of(document, name) else { continue };
        let url = Url::parse(address);
        if !url.is_ok_and(|url| may_name(&app.config.outbound, app.is_dev, &url)) {
            let what = "Must be an https address of a public host, on port 443 or one above 1023";
            return Err(InvalidBody::on(name, what));
        }
    }
    Ok(())
}

fn text_of<'a>(document: &'a Value, name: &str) -> Option<&'a str> {
    document.get(name).and_then(Value::as_str)
}

/// Every credential that the document names must be the client's.
async fn check_credentials(
    app: &App,
    tenant: &TenantId,
    client: &ClientId,
    document: &Value,
) -> Result<(), Denial> {
    let Some(Value::Object(methods)) = document.get(METHODS) else { return Ok(()) };
    let lists = methods.values().filter_map(|method| method.get("credentials")?.as_array());
    let named: Vec<&str> = lists.flatten().filter_map(|one| one.get("id")?.as_str()).collect();
    if named.is_empty() {
        return Ok(());
    }
    let rows = client_credentials::of_client(&app.database, tenant, client).await?;
    match named.iter().find(|id| !rows.iter().any(|row| row.id == **id)) {
        None => Ok(()),
        Some(_) => Err(InvalidBody::on(METHODS, "The client has no such credential").into()),
    }
}

/// Deletes a client with everything that is the client's; one that is gone is no error (W208).
pub async fn delete_client(
    app: &App,
    tenant: &TenantId,
    client: &ClientId,
    now: Timestamp,
) -> Result<(), Denial> {
    match app.database.run(clients::delete(tenant, client, now)).await? {
        Written::Done => {
            app.open.forget_tenant(tenant);
            tracing::info!(tenant.id = %tenant, client.id = %client, "client deleted");
        }
        Written::Overtaken => {}
    }
    Ok(())
}

/// Gives a client another secret; the old one fails from then on (W270).
pub async fn rotate_secret(
    app: &App,
    tenant: &TenantId,
    client: &ClientId,
    now: Timestamp,
) -> Result<NewClient, Denial> {
    let secret = app.entropy.base64url::<48>();
    let hash = Fingerprint::of(secret.as_bytes());
    match app.database.run(clients::change_secret(tenant, client, hash, now)).await? {
        Written::Done => {
            let row = clients::one(&app.database, tenant, client).await?.ok_or(Denied::NoClient)?;
            let document = serde_json::from_str(&row.document).map_err(Broken::because)?;
            tracing::info!(tenant.id = %tenant, client.id = %client, "client secret rotated");
            Ok(NewClient { document, client_secret: Some(secret) })
        }
        Written::Overtaken => Err(Denied::NoClient.into()),
    }
}
