//! The tables of configuration: tenants, keys, clients, APIs and client grants.

use crate::common::{NOW, Place};
use domain::{ClientId, Fingerprint, TenantId, Timestamp};
use store::client_credentials::CredentialRow;
use store::client_grants::{ClientGrantRow, Filter};
use store::clients::ClientRow;
use store::push_providers::PushProviderRow;
use store::resource_servers::ResourceServerRow;
use store::signing_keys::{SigningKeyRow, Stage};
use store::tenants::TenantRow;
use store::{Database, Written};
use store::{
    client_credentials, client_grants, clients, push_providers, resource_servers, sealed,
    signing_keys, tenants,
};

fn acme() -> TenantId {
    TenantId::new("acme")
}

async fn done(database: &Database, write: store::Write) {
    assert_eq!(database.run(write).await, Ok(Written::Done));
}

async fn overtaken(database: &Database, write: store::Write) {
    assert_eq!(database.run(write).await, Ok(Written::Overtaken));
}

fn tenant(id: &str, hosts: &[&str]) -> TenantRow {
    TenantRow {
        id: TenantId::new(id),
        display_name: id.to_uppercase(),
        settings: String::from("{}"),
        created_at: NOW,
        hosts: hosts.iter().map(ToString::to_string).collect(),
    }
}

fn client(number: i64) -> ClientRow {
    ClientRow {
        client_id: ClientId::new(format!("client{number}")),
        secret_hash: Some(Fingerprint::of(b"secret")),
        document: String::from("{\"name\":\"bank\"}"),
        created_at: NOW.plus_ms(number),
        updated_at: NOW,
    }
}

fn key(kid: &str, stage: Stage) -> SigningKeyRow {
    SigningKeyRow {
        revoked_at: None,
        kid: kid.to_owned(),
        alg: String::from("RS256"),
        stage,
        public_jwk: String::from("{}"),
        sealed_private: vec![1, 2, 3],
        created_at: NOW,
        retired_at: None,
    }
}

fn api(number: i64) -> ResourceServerRow {
    ResourceServerRow {
        id: format!("{number:024x}"),
        identifier: format!("https://api{number}.example.com"),
        document: String::from("{}"),
        created_at: NOW.plus_ms(number),
        updated_at: NOW,
    }
}

fn grant(number: i64, client: &str, audience: &str) -> ClientGrantRow {
    ClientGrantRow {
        id: format!("cgr_{number}"),
        client_id: ClientId::new(client),
        audience: audience.to_owned(),
        subject_type: String::from("client"),
        document: String::from("{\"scope\":[]}"),
        created_at: NOW,
    }
}

#[tokio::test]
async fn a_tenant_is_found_by_name_and_by_each_of_its_hosts() {
    let place = Place::new();
    let database = place.open().await;
    let made = tenant("acme", &["a.example", "b.example"]);
    done(&database, tenants::create(&made)).await;
    done(&database, tenants::create(&tenant("bare", &[]))).await;
    assert_eq!(tenants::one(&database, &acme()).await, Ok(Some(made)));
    assert_eq!(tenants::by_host(&database, "b.example").await, Ok(Some(acme())));
    assert_eq!(tenants::by_host(&database, "c.example").await, Ok(None));
    assert_eq!(tenants::one(&database, &TenantId::new("nobody")).await, Ok(None));
    let list = tenants::list(&database).await.unwrap();
    let names: Vec<&str> = list.iter().map(|tenant| tenant.id.as_str()).collect();
    assert_eq!(names, ["acme", "bare"]);
}

#[tokio::test]
async fn a_host_belongs_to_one_tenant_and_a_taken_one_makes_no_tenant() {
    let place = Place::new();
    let database = place.open().await;
    done(&database, tenants::create(&tenant("acme", &["a.example"]))).await;
    overtaken(&database, tenants::create(&tenant("acme", &[]))).await;
    overtaken(&database, tenants::create(&tenant("other", &["o.example", "a.example"]))).await;
    assert_eq!(tenants::one(&database, &TenantId::new("other")).await, Ok(None));
    assert_eq!(tenants::by_host(&database, "o.example").await, Ok(None));
    overtaken(&database, tenants::add_host(&acme(), "a.example")).await;
    done(&database, tenants::add_host(&acme(), "o.example")).await;
}

#[tokio::test]
async fn settings_change_only_from_what_they_were() {
    let place = Place::new();
    let database = place.open().await;
    done(&database, tenants::create(&tenant("acme", &[]))).await;
    let before = database.configuration_generation();
    done(&database, tenants::change_settings(&acme(), "{}", "{\"a\":1}")).await;
    assert!(database.configuration_generation() > before);
    overtaken(&database, tenants::change_settings(&acme(), "{}", "{\"a\":2}")).await;
    done(&database, tenants::rename(&acme(), "Acme Bank")).await;
    overtaken(&database, tenants::change(&acme(), "{}", "{}", "No")).await;
    done(&database, tenants::change(&acme(), "{\"a\":1}", "{\"b\":1}", "Acme")).await;
    let row = tenants::one(&database, &acme()).await.unwrap().unwrap();
    assert_eq!((row.settings.as_str(), row.display_name.as_str()), ("{\"b\":1}", "Acme"));
    done(&database, tenants::change(&acme(), "{\"b\":1}", "{\"a\":1}", "Acme Bank")).await;
    let row = tenants::one(&database, &acme()).await.unwrap().unwrap();
    assert_eq!((row.settings.as_str(), row.display_name.as_str()), ("{\"a\":1}", "Acme Bank"));
}

#[tokio::test]
async fn a_tenant_has_one_current_and_one_next_key_of_an_algorithm() {
    let place = Place::new();
    let database = place.open().await;
    assert_eq!(signing_keys::is_wanted(&database, &acme(), "ES256").await, Ok(false));
    let document = String::from(r#"{"signing_alg":"ES256"}"#);
    let modern = ResourceServerRow { document, ..api(7) };
    done(&database, resource_servers::insert(&acme(), &modern)).await;
    assert_eq!(signing_keys::is_wanted(&database, &acme(), "ES256").await, Ok(true));
    assert_eq!(signing_keys::is_wanted(&database, &acme(), "ES384").await, Ok(false));
    done(&database, signing_keys::add(&acme(), &key("k1", Stage::Current))).await;
    overtaken(&database, signing_keys::add(&acme(), &key("k2", Stage::Current))).await;
    done(&database, signing_keys::add(&acme(), &key("k2", Stage::Next))).await;
    overtaken(&database, signing_keys::add(&acme(), &key("k3", Stage::Next))).await;
    overtaken(&database, signing_keys::rotate(&acme(), "k1", "k3", NOW)).await;
    done(&database, signing_keys::rotate(&acme(), "k1", "k2", NOW)).await;
    let keys = signing_keys::list(&database, &acme()).await.unwrap();
    let stages: Vec<_> = keys.iter().map(|key| (key.kid.as_str(), key.stage)).collect();
    assert_eq!(stages, [("k1", Stage::Retired), ("k2", Stage::Current)]);
    assert_eq!(keys[0].retired_at, Some(NOW));
    assert_eq!(keys[0].sealed_private, [1, 2, 3]);
    overtaken(&database, signing_keys::revoke(&acme(), "k2", NOW)).await;
    done(&database, signing_keys::revoke(&acme(), "k1", NOW)).await;
    overtaken(&database, signing_keys::revoke(&acme(), "k1", NOW)).await;
    let keys = signing_keys::list(&database, &acme()).await.unwrap();
    assert_eq!((keys[0].revoked_at, keys[1].revoked_at), (Some(NOW), None));
    done(&database, signing_keys::forget_retired(&acme(), NOW)).await;
    assert_eq!(signing_keys::list(&database, &acme()).await.unwrap().len(), 2);
    done(&database, signing_keys::forget_retired(&acme(), NOW.plus_ms(1))).await;
    assert_eq!(signing_keys::list(&database, &acme()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn clients_are_listed_by_age_and_changed_only_from_what_they_were() {
    let place = Place::new();
    let database = place.open().await;
    for number in [3, 1, 2] {
        done(&database, clients::insert(&acme(), &client(number))).await;
    }
    overtaken(&database, clients::insert(&acme(), &client(1))).await;
    assert_eq!(clients::count(&database, &acme()).await, Ok(3));
    assert_eq!(clients::count(&database, &TenantId::new("other")).await, Ok(0));
    let page = clients::list(&database, &acme(), 1, 5).await.unwrap();
    assert_eq!(page, [client(2), client(3)]);
    let was = clients::one(&database, &acme(), &client(1).client_id).await.unwrap().unwrap();
    assert_eq!(was, client(1));
    let changed =
        ClientRow { document: String::from("{}"), updated_at: NOW.plus_ms(9), ..client(1) };
    done(&database, clients::replace(&acme(), &was, &changed)).await;
    overtaken(&database, clients::replace(&acme(), &was, &changed)).await;
    let secret = Fingerprint::of(b"new");
    done(&database, clients::change_secret(&acme(), &was.client_id, secret, NOW)).await;
    let row = clients::one(&database, &acme(), &was.client_id).await.unwrap().unwrap();
    assert_eq!((row.secret_hash, row.document.as_str()), (Some(secret), "{}"));
}

#[tokio::test]
async fn a_client_takes_its_credentials_and_grants_along() {
    let place = Place::new();
    let database = place.open().await;
    let credential = CredentialRow {
        id: String::from("cred_1"),
        client_id: client(1).client_id,
        document: String::from("{}"),
        created_at: NOW,
        updated_at: NOW,
        expires_at: None,
    };
    let make = clients::insert(&acme(), &client(1)).and(client_credentials::insert(
        &acme(),
        &credential,
        2,
    ));
    done(&database, make).await;
    done(&database, client_grants::insert(&acme(), &grant(1, "client1", "x"))).await;
    let id = client(1).client_id;
    let listed = client_credentials::of_client(&database, &acme(), &id).await.unwrap();
    assert_eq!(listed, std::slice::from_ref(&credential));
    for (id, answer) in [("cred_2", Written::Done), ("cred_3", Written::Overtaken)] {
        let another = CredentialRow { id: id.to_owned(), ..credential.clone() };
        let write = client_credentials::insert(&acme(), &another, 2);
        assert_eq!(database.run(write).await, Ok(answer));
    }
    done(&database, client_credentials::delete(&acme(), &id, "cred_2")).await;
    let expires = Some(Timestamp::from_ms(5));
    done(&database, client_credentials::change_expiry(&acme(), &credential, expires, NOW)).await;
    let listed = client_credentials::of_client(&database, &acme(), &id).await.unwrap();
    assert_eq!(listed[0].expires_at, expires);
    done(&database, clients::delete(&acme(), &id, NOW)).await;
    overtaken(&database, clients::delete(&acme(), &id, NOW)).await;
    assert_eq!(client_credentials::of_client(&database, &acme(), &id).await, Ok(vec![]));
    assert_eq!(client_grants::one(&database, &acme(), "cgr_1").await, Ok(None));
    overtaken(&database, client_credentials::delete(&acme(), &id, "cred_1")).await;
}

#[tokio::test]
async fn a_taken_id_adds_neither_the_client_nor_its_credential() {
    let place = Place::new();
    let database = place.open().await;
    done(&database, clients::insert(&acme(), &client(1))).await;
    let credential = CredentialRow {
        id: String::from("cred_9"),
        client_id: client(1).client_id,
        document: String::from("{}"),
        created_at: NOW,
        updated_at: NOW,
        expires_at: None,
    };
    let make = clients::insert(&acme(), &client(1)).and(client_credentials::insert(
        &acme(),
        &credential,
        2,
    ));
    overtaken(&database, make).await;
    let listed = client_credentials::of_client(&database, &acme(), &client(1).client_id).await;
    assert_eq!(listed, Ok(vec![]));
}

#[tokio::test]
async fn an_api_has_an_identifier_of_its_own_and_takes_its_grants_along() {
    let place = Place::new();
    let database = place.open().await;
    for number in 1..=3 {
        done(&database, resource_servers::insert(&acme(), &api(number))).await;
    }
    let same = ResourceServerRow { id: String::from("f"), ..api(1) };
    overtaken(&database, resource_servers::insert(&acme(), &same)).await;
    assert_eq!(resource_servers::count(&database, &acme()).await, Ok(3));
    assert_eq!(resource_servers::list(&database, &acme(), 1, 1).await, Ok(vec![api(2)]));
    assert_eq!(resource_servers::one(&database, &acme(), &api(2).id).await, Ok(Some(api(2))));
    let found = resource_servers::by_identifier(&database, &acme(), &api(2).identifier).await;
    assert_eq!(found, Ok(Some(api(2))));
    done(&database, resource_servers::replace(&acme(), &api(2), "{\"a\":1}", NOW)).await;
    overtaken(&database, resource_servers::replace(&acme(), &api(2), "{\"a\":1}", NOW)).await;
    done(&database, client_grants::insert(&acme(), &grant(1, "c", &api(2).identifier))).await;
    done(&database, resource_servers::delete(&acme(), &api(2))).await;
    overtaken(&database, resource_servers::delete(&acme(), &api(2))).await;
    assert_eq!(client_grants::one(&database, &acme(), "cgr_1").await, Ok(None));
}

#[tokio::test]
async fn client_grants_are_one_for_each_client_api_and_kind() {
    let place = Place::new();
    let database = place.open().await;
    for (number, client, audience) in [(1, "a", "x"), (2, "a", "y"), (3, "b", "x")] {
        done(&database, client_grants::insert(&acme(), &grant(number, client, audience))).await;
    }
    overtaken(&database, client_grants::insert(&acme(), &grant(4, "a", "x"))).await;
    let of_a = Filter { client_id: String::from("a"), ..Filter::default() };
    let for_x = Filter { audience: String::from("x"), ..Filter::default() };
    let for_users = Filter { subject_type: String::from("user"), ..Filter::default() };
    assert_eq!(client_grants::count(&database, &acme(), &of_a).await, Ok(2));
    assert_eq!(client_grants::count(&database, &acme(), &for_users).await, Ok(0));
    let page = client_grants::page(&database, &acme(), &for_x, 1, 5).await.unwrap();
    assert_eq!(page, [grant(3, "b", "x")]);
    let first = client_grants::list(&database, &acme(), &Filter::default(), "", 2).await.unwrap();
    assert_eq!(first, [grant(1, "a", "x"), grant(2, "a", "y")]);
    let after = &first[1].id;
    let rest = client_grants::list(&database, &acme(), &Filter::default(), after, 2).await.unwrap();
    assert_eq!(rest, [grant(3, "b", "x")]);
    let found =
        client_grants::by_client(&database, &acme(), &ClientId::new("b"), "x", "client").await;
    assert_eq!(found, Ok(Some(grant(3, "b", "x"))));
    done(&database, client_grants::replace(&acme(), &grant(3, "b", "x"), "{}")).await;
    overtaken(&database, client_grants::replace(&acme(), &grant(3, "b", "x"), "{}")).await;
    done(&database, client_grants::delete(&acme(), "cgr_3")).await;
    overtaken(&database, client_grants::delete(&acme(), "cgr_3")).await;
}

#[tokio::test]
async fn sealed_values_are_paged_and_replaced_only_as_they_were() {
    let place = Place::new();
    let database = place.open().await;
    done(&database, signing_keys::add(&acme(), &key("k1", Stage::Current))).await;
    done(&database, signing_keys::add(&acme(), &key("k2", Stage::Next))).await;
    done(&database, signing_keys::add(&TenantId::new("bank"), &key("k1", Stage::Current))).await;
    let keys = sealed::Place::SigningKeys;
    let all = sealed::page(&database, keys, ("", "")).await.unwrap();
    let names: Vec<_> = all.iter().map(sealed::SealedValue::associated).collect();
    let expected = ["acme/k1", "acme/k2", "bank/k1"].map(|id| format!("signing_keys/{id}"));
    assert_eq!(names, expected.map(String::into_bytes));
    assert_eq!(sealed::page(&database, keys, ("acme", "k1")).await.unwrap(), all[1..]);
    assert_eq!(sealed::page(&database, keys, ("acme", "k9")).await.unwrap(), all[2..]);
    done(&database, sealed::replace(&all[1], b"anew")).await;
    overtaken(&database, sealed::replace(&all[1], b"late")).await;
    let kept = signing_keys::list(&database, &acme()).await.unwrap();
    assert_eq!(kept[1].sealed_private, b"anew");
}

#[tokio::test]
async fn push_providers_are_set_changed_and_kept_apart() {
    let place = Place::new();
    let database = place.open().await;
    let row = |sealed: Option<&[u8]>, at: Timestamp| PushProviderRow {
        provider: String::from("apns"),
        document: String::from("{}"),
        sealed: sealed.map(<[u8]>::to_vec),
        updated_at: at,
    };
    let (first, later) = (row(None, NOW), row(Some(b"s"), NOW.plus_ms(1)));
    done(&database, push_providers::put(&acme(), &row(Some(b"old"), NOW))).await;
    done(&database, push_providers::put(&acme(), &first)).await;
    assert_eq!(push_providers::list(&database, &acme()).await, Ok(vec![first]));
    done(&database, push_providers::change(&acme(), NOW, &later)).await;
    overtaken(&database, push_providers::change(&acme(), NOW, &later)).await;
    assert_eq!(push_providers::list(&database, &acme()).await, Ok(vec![later]));
    let sealed = sealed::page(&database, sealed::Place::PushProviders, ("", "")).await.unwrap();
    assert_eq!(sealed[0].associated(), b"push_providers/acme/apns");
    done(&database, sealed::replace(&sealed[0], b"anew")).await;
    assert_eq!(push_providers::list(&database, &TenantId::new("other")).await, Ok(Vec::new()));
}
