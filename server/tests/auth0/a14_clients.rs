//! W262 to W274: clients, APIs and client grants.

use serde_json::{Value, json};
use testkit::{Operator, Proof, World, encoded};

use super::a11_management::{assert_denied, denied};

/// The public half of `testkit::client_key`.
pub(crate) const PEM: &str = include_str!("client_key_public.pem");
const PAYMENTS: &str = "https://api.example.com/payments";

async fn created(operator: &Operator<'_>, path: &str, body: &Value) -> Value {
    let answer = operator.posts(path, body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

fn public_key(name: &str) -> Value {
    json!({"credential_type": "public_key", "name": name, "pem": PEM, "alg": "RS256"})
}

/// W262: the list, credentials only for those who may read them, never a secret.
#[tokio::test]
async fn clients_are_listed_without_secrets() {
    let world = World::new().await;
    let operator = world.operator();
    world.registers("keyed", json!({"token_endpoint_auth_method": "private_key_jwt"})).await;
    let page = operator.gets("clients?include_totals=true").await;
    assert!(!page.text().contains("secret_hash") && !page.text().contains("\"client_secret\""));
    let page = page.json();
    assert_eq!((&page["total"], &page["start"]), (&json!(3), &json!(0)));
    let client = &operator.gets("clients/keyed").await.json();
    assert_eq!(
        client["client_authentication_methods"],
        json!({"private_key_jwt": {"credentials": [{"id": "cred_keyed"}]}})
    );
    let reader = world.registers("reader", json!({"grant_types": ["client_credentials"]})).await;
    let audience = world.url("api/v2/");
    world.grants("reader", &audience, "client", &["read:clients"]).await;
    let token = reader.asks_for_itself(&audience).await.member("access_token");
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str())];
    let path = "api/v2/clients/keyed?fields=client_id,client_authentication_methods";
    let seen = world.request(http::Method::GET, path, &headers, "").await.json();
    assert_eq!(seen, json!({"client_id": "keyed"}));
    let public = json!({"name": "Native", "app_type": "native"});
    created(&operator, "clients", &public).await;
    let native = operator.gets("clients?app_type=native&include_totals=true").await.json();
    assert_eq!((&native["total"], &native["clients"][0]["name"]), (&json!(1), &json!("Native")));
    assert_eq!(operator.gets("clients?is_global=true").await.json(), json!([]));
}

/// W263, W264: the defaults of a new client, and its secret.
#[tokio::test]
async fn a_new_client_has_defaults_an_id_and_a_secret_shown_once() {
    let world = World::new().await;
    let operator = world.operator();
    let client = created(&operator, "clients", &json!({"name": "Shop"})).await;
    assert_eq!(
        (&client["oidc_conformant"], &client["is_first_party"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(
        client["grant_types"],
        json!(["authorization_code", "implicit", "refresh_token", "client_credentials"])
    );
    assert_eq!(client["tenant"], "default");
    let id = client["client_id"].as_str().unwrap();
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
    let secret = client["client_secret"].as_str().unwrap();
    assert!(secret.len() >= 43, "256 bits");
    let shown = operator.gets(&format!("clients/{id}")).await.json();
    assert!(shown.get("client_secret").is_none());
    let public = json!({"name": "App", "token_endpoint_auth_method": "none"});
    assert!(created(&operator, "clients", &public).await.get("client_secret").is_none());
    denied(&operator.posts("clients", &json!({})).await, 400, "invalid_body");
    let hs256 = json!({"name": "x", "jwt_configuration": {"alg": "HS256"}});
    assert!(
        denied(&operator.posts("clients", &hs256).await, 400, "invalid_body").contains("HS256")
    );
}

/// W265: a change lets a client use CIBA, and takes a secret with its own scope.
#[tokio::test]
async fn a_client_is_changed() {
    let world = World::new().await;
    let operator = world.operator();
    let client = created(&operator, "clients", &json!({"name": "Shop"})).await;
    let path = format!("clients/{}", client["client_id"].as_str().unwrap());
    let body = json!({
        "grant_types": ["urn:openid:params:grant-type:ciba", "client_credentials"],
        "oidc_conformant": true,
        "client_secret": "0123456789abcdef0123456789abcdef",
    });
    let answer = operator.patches(&path, &body).await;
    assert_eq!((answer.status, &answer.json()["oidc_conformant"]), (200, &json!(true)));
    assert!(answer.json().get("client_secret").is_none());
    let id = client["client_id"].as_str().unwrap();
    world.grants(id, PAYMENTS, "client", &["read:balance"]).await;
    let shop = world.registered(id);
    let own = Proof::Secret(String::from("0123456789abcdef0123456789abcdef"));
    assert_eq!(shop.proving(own).asks_for_itself(PAYMENTS).await.status, 200);
    let first = Proof::Secret(client["client_secret"].as_str().unwrap().to_owned());
    assert_eq!(shop.proving(first).asks_for_itself(PAYMENTS).await.status, 401);
    let short = operator.patches(&path, &json!({"client_secret": "short"})).await;
    denied(&short, 400, "invalid_body");
}

/// W266: reading and deleting.
#[tokio::test]
async fn a_deleted_client_is_gone_with_its_tokens() {
    let world = World::new().await;
    let operator = world.operator();
    let unknown = operator.gets("clients/nobody").await;
    assert_denied(&unknown, 404, "The client does not exist", Some("inexistent_client"));
    let bank = world.client();
    assert_eq!(operator.gets(&format!("clients/{}", bank.id())).await.status, 200);
    world.grants(bank.id(), PAYMENTS, "client", &["read:balance"]).await;
    assert_eq!(bank.asks_for_itself(PAYMENTS).await.status, 200);
    assert_eq!(operator.deletes(&format!("clients/{}", bank.id())).await.status, 204);
    assert_eq!(operator.gets(&format!("clients/{}", bank.id())).await.status, 404);
    assert_eq!(bank.asks_for_itself(PAYMENTS).await.status, 401);
}

/// W267: methods with credentials take the place of the secret.
#[tokio::test]
async fn a_client_may_authenticate_with_a_key_instead() {
    let world = World::new().await;
    let operator = world.operator();
    let methods = json!({"private_key_jwt": {"credentials": [public_key("first")]}});
    let body = json!({"name": "Keyed", "client_authentication_methods": methods});
    let client = created(&operator, "clients", &body).await;
    assert_eq!(client["token_endpoint_auth_method"], Value::Null);
    let credentials = &client["client_authentication_methods"]["private_key_jwt"]["credentials"];
    assert!(credentials[0]["id"].as_str().unwrap().starts_with("cred_"), "{credentials}");
    assert_eq!(credentials[0].as_object().unwrap().len(), 1);
    let id = client["client_id"].as_str().unwrap();
    world.grants(id, PAYMENTS, "client", &["read:balance"]).await;
    let keyed = world.registered(id).proving(Proof::Assertion(testkit::client_key()));
    assert_eq!(keyed.asks_for_itself(PAYMENTS).await.status, 200);
    let both = json!({
        "name": "Both", "token_endpoint_auth_method": "client_secret_post",
        "client_authentication_methods": {"private_key_jwt": {"credentials": [public_key("x")]}},
    });
    denied(&operator.posts("clients", &both).await, 400, "invalid_body");
    let foreign = json!({
        "client_authentication_methods": {"private_key_jwt": {"credentials": [{"id": "cred_x"}]}},
    });
    denied(&operator.patches(&format!("clients/{id}"), &foreign).await, 400, "invalid_body");
    let back = json!({
        "client_authentication_methods": null, "token_endpoint_auth_method": "client_secret_post",
    });
    let answer = operator.patches(&format!("clients/{id}"), &back).await;
    assert_eq!(
        (answer.status, answer.member("token_endpoint_auth_method")),
        (200, String::from("client_secret_post"))
    );
}

/// W268, W269: credentials, and no third one.
#[tokio::test]
async fn a_client_has_at_most_two_credentials() {
    let world = World::new().await;
    let operator = world.operator();
    let path = format!("clients/{}/credentials", world.client().id());
    let first = created(&operator, &path, &public_key("first")).await;
    let names: Vec<&String> = first.as_object().unwrap().keys().collect();
    let expected = ["alg", "created_at", "credential_type", "id", "kid", "name", "updated_at"];
    assert_eq!(names, expected);
    world.advance_ms(1);
    let mut ending = public_key("second");
    ending["expires_at"] = json!("2027-01-01T00:00:00.000Z");
    ending["alg"] = json!("PS256");
    let second = created(&operator, &path, &ending).await;
    assert_eq!(second["expires_at"], "2027-01-01T00:00:00.000Z");
    denied(&operator.posts(&path, &public_key("third")).await, 400, "invalid_body");
    assert_eq!(operator.gets(&path).await.json(), json!([first, second]));
    let one = format!("{path}/{}", second["id"].as_str().unwrap());
    assert_eq!(operator.gets(&one).await.json(), second);
    let later = json!({"expires_at": "2028-01-01T00:00:00Z"});
    let changed = operator.patches(&one, &later).await.json();
    assert_eq!(changed["expires_at"], "2028-01-01T00:00:00.000Z");
    assert_eq!(operator.deletes(&one).await.status, 204);
    for answer in [operator.gets(&one).await, operator.deletes(&one).await] {
        denied(&answer, 404, "inexistent_credential");
    }
    for (name, value) in [
        ("pem", json!("no key")),
        ("pem", Value::Null),
        ("alg", json!("HS256")),
        ("credential_type", json!("x509_cert")),
        ("expires_at", json!("tomorrow")),
    ] {
        let mut wrong = public_key("wrong");
        wrong[name] = value;
        denied(&operator.posts(&path, &wrong).await, 400, "invalid_body");
    }
    let nobody = operator.posts("clients/nobody/credentials", &public_key("x")).await;
    denied(&nobody, 404, "inexistent_client");
}

/// W270: a rotated secret counts at once.
#[tokio::test]
async fn a_rotated_secret_takes_the_place_of_the_old_one() {
    let world = World::new().await;
    let operator = world.operator();
    let bank = world.client();
    world.grants(bank.id(), PAYMENTS, "client", &["read:balance"]).await;
    assert_eq!(bank.asks_for_itself(PAYMENTS).await.status, 200);
    let path = format!("clients/{}/rotate-secret", bank.id());
    let client = operator.posts(&path, &json!({})).await;
    assert_eq!((client.status, client.member("client_id").as_str()), (200, bank.id()));
    assert_eq!(bank.asks_for_itself(PAYMENTS).await.status, 401);
    let new = bank.proving(Proof::Secret(client.member("client_secret")));
    assert_eq!(new.asks_for_itself(PAYMENTS).await.status, 200);
    denied(&operator.posts("clients/x/rotate-secret", &json!({})).await, 404, "inexistent_client");
}

/// W271, W272: APIs by id and by identifier, with Auth0's defaults.
#[tokio::test]
async fn apis_are_found_by_id_and_by_identifier() {
    let world = World::new().await;
    let operator = world.operator();
    let body = json!({
        "identifier": "https://new.example.com/x y".replace(' ', "%20"), "name": "New",
        "scopes": [{"value": "a", "description": "A"}],
    });
    let api = created(&operator, "resource-servers", &body).await;
    assert_eq!((&api["token_lifetime"], &api["signing_alg"]), (&json!(86400), &json!("RS256")));
    assert_eq!(
        api["subject_type_authorization"],
        json!({"user": {"policy": "allow_all"}, "client": {"policy": "require_client_grant"}})
    );
    let id = api["id"].as_str().unwrap().to_owned();
    assert!(id.len() == 24 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    let identifier = encoded(api["identifier"].as_str().unwrap());
    for name in [&id, &identifier] {
        assert_eq!(operator.gets(&format!("resource-servers/{name}")).await.json(), api);
    }
    let answer = operator.posts("resource-servers", &body).await;
    assert_eq!(answer.status, 409);
    let path = format!("resource-servers/{identifier}");
    let changed = operator.patches(&path, &json!({"token_lifetime": 60})).await;
    assert_eq!((changed.status, &changed.json()["token_lifetime"]), (200, &json!(60)));
    assert_eq!(operator.deletes(&path).await.status, 204);
    denied(&operator.gets(&path).await, 404, "inexistent_resource_server");
    denied(&operator.posts("resource-servers", &json!({"name": "x"})).await, 400, "invalid_body");
}

#[tokio::test]
async fn the_management_api_cannot_be_taken_away() {
    let world = World::new().await;
    let path = format!("resource-servers/{}", encoded(&world.url("api/v2/")));
    denied(&world.operator().deletes(&path).await, 400, "invalid_body");
    denied(&world.operator().patches(&path, &json!({"scopes": []})).await, 400, "invalid_body");
    assert_eq!(world.operator().gets(&path).await.status, 200);
}

/// W273: client grants.
#[tokio::test]
async fn a_client_grant_is_made_listed_changed_and_deleted() {
    let world = World::new().await;
    let operator = world.operator();
    let bank = world.client();
    let body = json!({"client_id": bank.id(), "audience": PAYMENTS, "scope": ["read:balance"]});
    let grant = created(&operator, "client-grants", &body).await;
    assert!(grant["id"].as_str().unwrap().starts_with("cgr_"));
    assert_eq!(
        (&grant["subject_type"], &grant["scope"]),
        (&json!("client"), &json!(["read:balance"]))
    );
    assert_eq!(grant["authorization_details_types"], json!([]));
    assert_eq!(operator.posts("client-grants", &body).await.status, 409);
    let user = json!({
        "client_id": bank.id(), "audience": PAYMENTS, "scope": [], "subject_type": "user",
    });
    created(&operator, "client-grants", &user).await;
    let filter = format!("client_id={}&audience={}", bank.id(), encoded(PAYMENTS));
    let list = operator.gets(&format!("client-grants?{filter}")).await.json();
    assert_eq!(list.as_array().unwrap().len(), 2);
    let list = operator.gets(&format!("client-grants?{filter}&take=5&subject_type=client")).await;
    assert_eq!(list.json(), json!({"client_grants": [grant]}));
    let path = format!("client-grants/{}", grant["id"].as_str().unwrap());
    assert_eq!(operator.gets(&path).await.json(), grant);
    let token = bank.asks_for_itself(PAYMENTS).await;
    assert_eq!(token.member("scope"), "read:balance");
    let more = json!({"scope": ["read:balance", "transfer:funds"]});
    assert_eq!(operator.patches(&path, &more).await.json()["scope"], more["scope"]);
    let token = bank.asks_for_itself(PAYMENTS).await;
    assert_eq!(token.member("scope"), "read:balance transfer:funds");
    assert_eq!(operator.deletes(&path).await.status, 204);
    assert_eq!(bank.asks_for_itself(PAYMENTS).await.status, 403);
}

/// W274: an unknown grant, and a client of the wrong kind.
#[tokio::test]
async fn a_grant_needs_a_client_that_can_use_it() {
    let world = World::new().await;
    let operator = world.operator();
    for answer in [
        operator.gets("client-grants/cgr_x").await,
        operator.deletes("client-grants/cgr_x").await,
        operator.patches("client-grants/cgr_x", &json!({"scope": []})).await,
    ] {
        assert_denied(&answer, 404, "The grant does not exist.", Some("inexistent_client_grant"));
    }
    world.registers("native", json!({"token_endpoint_auth_method": "none"})).await;
    let body = json!({"client_id": "native", "audience": PAYMENTS, "scope": []});
    let answer = operator.posts("client-grants", &body).await;
    assert!(denied(&answer, 400, "validation_error").ends_with("cannot be used"));
    let nobody = json!({"client_id": "nobody", "audience": PAYMENTS, "scope": []});
    denied(&operator.posts("client-grants", &nobody).await, 404, "inexistent_client");
    let bank = world.client();
    let nowhere = json!({"client_id": bank.id(), "audience": "https://nowhere", "scope": []});
    denied(&operator.posts("client-grants", &nowhere).await, 404, "inexistent_resource_server");
    let much = json!({"client_id": bank.id(), "audience": PAYMENTS, "scope": ["own:world"]});
    assert!(
        denied(&operator.posts("client-grants", &much).await, 400, "invalid_body")
            .contains("own:world")
    );
}
