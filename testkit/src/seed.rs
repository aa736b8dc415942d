//! What stands in a fresh World, written by `store` functions for speed.

use std::sync::Arc;

use domain::ciba::profile::Profile;
use domain::jose::SigningKey;
use domain::oauth::client::CIBA_GRANT;
use domain::oauth::client_document::{self, ClientRules};
use domain::people::User;
use domain::{ClientId, Fingerprint};
use serde_json::{Value, json};
use server::flows::{MANAGEMENT_SCOPES, create_tenant_with_keys};
use server::tenancy::Settings;
use store::client_credentials::CredentialRow;
use store::client_grants::ClientGrantRow;
use store::clients::ClientRow;
use store::resource_servers::ResourceServerRow;
use store::{Write, Written};

use crate::World;
use crate::client::Proof;
use crate::keys;

/// The client id of the default client.
pub(crate) const BANK: &str = "BankBankBankBankBankBankBankBank";
/// The client id of the administrator's program.
pub(crate) const ADMINISTRATION: &str = "AdminAdminAdminAdminAdminAdminAd";
/// The API of the default client.
pub(crate) const PAYMENTS: &str = "https://api.example.com/payments";
const PEOPLE: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// The secret of a seeded client.
pub(crate) fn secret_of(client: &str) -> String {
    format!("secret-of-{client}")
}

pub(crate) async fn tenant(world: &World, settings: &Settings) {
    let app = world.app();
    let keys = keys::tenant_keys();
    let name = ("Example", settings);
    let made = create_tenant_with_keys(&app, world.tenant_id(), name, &keys, world.now()).await;
    assert!(made.unwrap(), "the tenant is new");
    let payments = json!({
        "identifier": PAYMENTS,
        "name": "Payments",
        "allow_offline_access": true,
        "scopes": [{"value": "read:balance"}, {"value": "transfer:funds"}],
        "authorization_details": [{"type": "payment_initiation"}],
    });
    api(world, &payments).await;
    client(world, BANK, &json!({"name": "Bank"})).await;
    let program = json!({
        "name": "Administration", "grant_types": ["client_credentials"], "profile": "auth0",
    });
    client(world, ADMINISTRATION, &program).await;
    let management = (ADMINISTRATION, world.url("api/v2/"));
    grant(world, (management.0, &management.1), "client", MANAGEMENT_SCOPES).await;
    for name in PEOPLE {
        user(world, name).await;
    }
}

/// Stores a client; `members` may name `private_key_jwt` as `token_endpoint_auth_method`.
pub(crate) async fn client(world: &World, name: &str, members: &Value) -> Proof {
    client_with_key(world, name, members, keys::client_key()).await
}

/// The same; `private_key_jwt` is by `key`, with its default algorithm.
pub(crate) async fn client_with_key(
    world: &World,
    name: &str,
    members: &Value,
    key: Arc<SigningKey>,
) -> Proof {
    let mut document = json!({
        "name": name,
        "is_first_party": true,
        "oidc_conformant": true,
        "grant_types": [CIBA_GRANT, "refresh_token", "client_credentials"],
        "app_type": "regular_web",
    });
    for (member, value) in members.as_object().unwrap() {
        document[member] = value.clone();
    }
    let id = ClientId::new(name);
    let by_key = document["token_endpoint_auth_method"] == "private_key_jwt"
        && document.get("jwks_uri").is_none();
    let is_public = document["token_endpoint_auth_method"] == "none";
    let mut write = Write::new();
    if by_key {
        document.as_object_mut().unwrap().remove("token_endpoint_auth_method");
        document["client_authentication_methods"] =
            json!({"private_key_jwt": {"credentials": [{"id": format!("cred_{name}")}]}});
        write =
            store::client_credentials::insert(world.tenant_id(), &credential(world, &id, &key), 2);
    }
    let default_profile = Profile::from_name(world.profile()).unwrap();
    let rules = ClientRules { default_profile, profiles: &Profile::ALL, refuses_secrets: false };
    let document = client_document::created(&document, &id, &rules).unwrap();
    let row = ClientRow {
        client_id: id,
        secret_hash: (!by_key && !is_public).then(|| Fingerprint::of(secret_of(name).as_bytes())),
        document: document.to_string(),
        created_at: world.now(),
        updated_at: world.now(),
    };
    let first = store::clients::insert(world.tenant_id(), &row);
    run(world, if by_key { first.and(write) } else { first }).await;
    match (by_key, is_public) {
        (true, _) => Proof::Assertion(key),
        (false, true) => Proof::Nothing,
        (false, false) => Proof::Secret(secret_of(name)),
    }
}

fn credential(world: &World, client: &ClientId, key: &SigningKey) -> CredentialRow {
    let jwk: Value = serde_json::from_str(key.public().canonical_json()).unwrap();
    let alg = key.public().key_type().default_algorithm().name();
    let document = json!({"credential_type": "public_key", "alg": alg, "public_jwk": jwk});
    CredentialRow {
        id: format!("cred_{client}"),
        client_id: client.clone(),
        document: document.to_string(),
        created_at: world.now(),
        updated_at: world.now(),
        expires_at: None,
    }
}

pub(crate) async fn api(world: &World, body: &Value) {
    let id = world.app().entropy.hex::<12>();
    let document = domain::oauth::api::created(body, &id).unwrap();
    let row = ResourceServerRow {
        identifier: document["identifier"].as_str().unwrap().to_owned(),
        document: document.to_string(),
        id,
        created_at: world.now(),
        updated_at: world.now(),
    };
    run(world, store::resource_servers::insert(world.tenant_id(), &row)).await;
}

pub(crate) async fn grant(
    world: &World,
    (client, audience): (&str, &str),
    subject_type: &str,
    scope: &[&str],
) {
    let id = format!("cgr_{}", world.app().entropy.alphanumerics(16));
    let body = json!({
        "client_id": client, "audience": audience, "scope": scope, "subject_type": subject_type,
    });
    let row = ClientGrantRow {
        document: domain::oauth::grant::created(&body, &id).unwrap().to_string(),
        id,
        client_id: ClientId::new(client),
        audience: audience.to_owned(),
        subject_type: subject_type.to_owned(),
        created_at: world.now(),
    };
    run(world, store::client_grants::insert(world.tenant_id(), &row)).await;
}

pub(crate) async fn user(world: &World, name: &str) {
    let body = json!({
        "connection": "Username-Password-Authentication",
        "user_id": name,
        "email": format!("{name}@example.com"),
        "email_verified": true,
        "name": format!("{name} Example"),
        "password": "not-used-anywhere",
    });
    let new_id = world.app().entropy.hex::<12>();
    let user = User::created(body.as_object().unwrap(), &new_id, world.now()).unwrap();
    run(world, store::users::insert(world.tenant_id(), &user, world.now())).await;
}

async fn run(world: &World, write: Write) {
    assert_eq!(world.app().database.run(write).await.unwrap(), Written::Done);
}
