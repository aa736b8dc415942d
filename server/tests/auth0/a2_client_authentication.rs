//! W19 to W46: who a client is, and how it proves that. The same at all three endpoints.

use domain::jose::Algorithm;
use serde_json::{Value, json};
use testkit::{Answer, Client, Form, Proof, World, assert_refused, client_key, encoded, p256_key};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// That the credentials in `form` and `headers` are taken at all three endpoints.
async fn is_authenticated(world: &World, form: &Form, headers: &[(&str, &str)]) -> bool {
    let mut statuses = Vec::new();
    for (path, more, taken) in endpoints() {
        let form = more.iter().fold(form.clone(), |form, (name, value)| form.with(name, *value));
        let answer = world.post_form(path, &form, headers).await;
        if answer.status == 401 {
            assert_refused(&answer, 401, "access_denied", "Unauthorized");
            statuses.push(false);
        } else {
            assert_eq!(answer.summary(), taken, "{path}: {}", answer.text());
            statuses.push(true);
        }
    }
    assert!(statuses.iter().all(|one| *one == statuses[0]), "{statuses:?}");
    statuses[0]
}

type Endpoint = (&'static str, Vec<(&'static str, &'static str)>, &'static str);

/// What each endpoint answers to an authenticated client that asks for nothing useful.
fn endpoints() -> [Endpoint; 3] {
    let grant = "urn:openid:params:grant-type:ciba";
    [
        ("bc-authorize", vec![("scope", "openid")], "400 invalid_request"),
        (
            "oauth/token",
            vec![("grant_type", grant), ("auth_req_id", "unknown")],
            "403 invalid_grant",
        ),
        ("oauth/revoke", vec![("token", "unknown")], "200"),
    ]
}

/// The same for an assertion, made anew for each endpoint.
async fn takes(client: &Client<'_>, world: &World, change: impl Fn(&mut Value)) -> bool {
    takes_typed(client, world, None, change).await
}

async fn takes_typed(
    client: &Client<'_>,
    world: &World,
    typ: Option<&str>,
    change: impl Fn(&mut Value),
) -> bool {
    let mut taken = Vec::new();
    for (path, more, good) in endpoints() {
        let mut claims = client.assertion_claims();
        change(&mut claims);
        let assertion = Client::assertion(&client_key(), &claims, typ);
        let form = more.iter().fold(Form::new(), |form, (name, value)| form.with(name, *value));
        let form = client.with_assertion(form, assertion);
        let answer = world.post_form(path, &form, &[]).await;
        taken.push(was_taken(&answer, good));
    }
    assert!(taken.iter().all(|one| *one == taken[0]), "{taken:?}");
    taken[0]
}

fn was_taken(answer: &Answer, good: &str) -> bool {
    if answer.status == 401 {
        assert_refused(answer, 401, "access_denied", "Unauthorized");
        return false;
    }
    assert_eq!(answer.summary(), good, "{}", answer.text());
    true
}

async fn key_client(world: &World) -> Client<'_> {
    world.registers("KeyClient", json!({"token_endpoint_auth_method": "private_key_jwt"})).await
}

/// W19: id and secret in the body.
#[tokio::test]
async fn a_secret_in_the_body_authenticates() {
    let world = World::new().await;
    let client = world.client();
    let form = Form::new().with("client_id", client.id()).with("client_secret", client.secret());
    assert!(is_authenticated(&world, &form, &[]).await);
}

/// W20, W21: HTTP Basic, with and without the id in the body.
#[tokio::test]
async fn basic_authenticates_with_or_without_the_id_in_the_body() {
    let world = World::new().await;
    let client = world.client();
    let header = basic(client.id(), client.secret());
    let headers = [("authorization", header.as_str())];
    assert!(is_authenticated(&world, &Form::new(), &headers).await);
    assert!(is_authenticated(&world, &Form::new().with("client_id", client.id()), &headers).await);
}

/// W22: a secret with special characters in Basic, percent-encoded and raw.
#[tokio::test]
async fn basic_takes_the_secret_encoded_or_raw() {
    let world = World::new().await;
    let client = world.client();
    let answer =
        world.operator().posts(&format!("clients/{}/rotate-secret", client.id()), &json!({})).await;
    let secret = answer.member("client_secret");
    for password in [secret.clone(), encoded(&secret)] {
        let header = basic(client.id(), &password);
        assert!(is_authenticated(&world, &Form::new(), &[("authorization", &header)]).await);
    }
    let special = "p+s/w:r d=%&x";
    let hash = domain::Fingerprint::of(special.as_bytes());
    let id = domain::ClientId::new(client.id());
    let change = store::clients::change_secret(world.tenant_id(), &id, hash, world.now());
    assert_eq!(world.app().database.run(change).await.unwrap(), store::Written::Done);
    for password in [special.to_owned(), encoded(special), encoded(special).replace("%20", "+")] {
        let header = basic(client.id(), &password);
        let headers = [("authorization", header.as_str())];
        assert!(is_authenticated(&world, &Form::new(), &headers).await, "{password}");
    }
}

/// W23: post and Basic are alike, whichever is registered.
#[tokio::test]
async fn a_client_may_send_its_secret_either_way() {
    let world = World::new().await;
    for method in ["client_secret_post", "client_secret_basic"] {
        let client = world.registers(method, json!({"token_endpoint_auth_method": method})).await;
        let post =
            Form::new().with("client_id", client.id()).with("client_secret", client.secret());
        assert!(is_authenticated(&world, &post, &[]).await);
        let header = basic(client.id(), client.secret());
        assert!(is_authenticated(&world, &Form::new(), &[("authorization", &header)]).await);
    }
}

/// W24, W25, W26: a wrong secret, an unknown client, none, and no credential have one answer.
#[tokio::test]
async fn whatever_is_wrong_with_the_credentials_has_one_answer() {
    let world = World::new().await;
    let id = world.client().id().to_owned();
    let form = Form::new();
    for form in [
        form.clone().with("client_id", &id).with("client_secret", "wrong"),
        form.clone().with("client_id", "nobody").with("client_secret", "x"),
        form.clone().with("client_id", &id),
        form.clone().with("client_id", &id).with("client_secret", ""),
        form.clone().with("client_secret", "x"),
        form.clone(),
    ] {
        assert!(!is_authenticated(&world, &form, &[]).await, "{form:?}");
    }
    for header in [basic(&id, "wrong"), basic("nobody", "x"), basic("", ""), "Basic %%%".into()] {
        let headers = [("authorization", header.as_str())];
        assert!(!is_authenticated(&world, &form, &headers).await, "{header}");
    }
}

/// W24: in the other profiles the answer is OAuth's own.
#[tokio::test]
async fn clients_of_the_other_profiles_hear_invalid_client() {
    let world = World::builder()
        .settings(|settings| settings.profiles = ["auth0", "ciba"].map(String::from).to_vec())
        .start()
        .await;
    let client = world.registers("ciba-client", json!({"profile": "ciba"})).await;
    let wrong = client.proving(Proof::Secret(String::from("wrong")));
    let answer = wrong.posts("oauth/token", wrong.polling("x")).await;
    assert_refused(&answer, 401, "invalid_client", "Client authentication failed");
}

/// W27: two names for one client.
#[tokio::test]
async fn basic_and_body_must_name_the_same_client() {
    let world = World::new().await;
    let header = basic(world.client().id(), world.client().secret());
    let form = Form::new().with("client_id", "somebody-else");
    assert!(!is_authenticated(&world, &form, &[("authorization", &header)]).await);
}

/// W28: two kinds of credentials at once.
#[tokio::test]
async fn only_one_kind_of_credentials_may_be_used() {
    let world = World::new().await;
    let client = world.client();
    let header = basic(client.id(), client.secret());
    let both = Form::new().with("client_id", client.id()).with("client_secret", client.secret());
    let assertion = Client::assertion(&client_key(), &client.assertion_claims(), None);
    let text = "Only one client authentication method may be used";
    for (path, _, _) in endpoints() {
        let answer = world.post_form(path, &both, &[("authorization", &header)]).await;
        assert_refused(&answer, 400, "invalid_request", text);
        let form = client.with_assertion(both.clone(), &assertion);
        assert_refused(&world.post_form(path, &form, &[]).await, 400, "invalid_request", text);
    }
}

/// W29: an assertion, with or without the id beside it.
#[tokio::test]
async fn an_assertion_authenticates() {
    let world = World::new().await;
    let client = key_client(&world).await;
    assert!(takes(&client, &world, |_| {}).await);
    let assertion = Client::assertion(&client_key(), &client.assertion_claims(), None);
    let form = client.with_assertion(client.polling("unknown"), assertion).without("client_id");
    assert_eq!(world.post_form("oauth/token", &form, &[]).await.summary(), "403 invalid_grant");
}

/// W30: without a `kid` every credential of the client is tried.
#[tokio::test]
async fn either_of_two_keys_authenticates() {
    let world = World::new().await;
    let second = testkit::device_key();
    let credentials: Vec<Value> = [client_key(), second.clone()]
        .iter()
        .map(|key| json!({"credential_type": "public_key", "alg": "RS256", "pem": pem_of(key)}))
        .collect();
    let body = json!({
        "name": "two keys",
        "oidc_conformant": true,
        "grant_types": ["urn:openid:params:grant-type:ciba"],
        "client_authentication_methods": {"private_key_jwt": {"credentials": credentials}},
    });
    let answer = world.operator().posts("clients", &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let id = answer.member("client_id");
    for key in [client_key(), second] {
        let mut claims = world.client().assertion_claims();
        claims["iss"] = id.as_str().into();
        claims["sub"] = id.as_str().into();
        let assertion = Client::assertion(&key, &claims, None);
        let form = world.client().with_assertion(world.client().polling("x"), assertion);
        let answer = world.post_form("oauth/token", &form.with("client_id", &id), &[]).await;
        assert_eq!(answer.summary(), "403 invalid_grant");
    }
}

/// The `SubjectPublicKeyInfo` of an RSA key as PEM.
fn pem_of(key: &domain::jose::SigningKey) -> String {
    let jwk: Value = serde_json::from_str(key.public().canonical_json()).unwrap();
    let number = |name: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
        let sign = if bytes[0] >= 0x80 { &[0][..] } else { &[] };
        der(2, &[sign, &bytes].concat())
    };
    let key = der(0x30, &[number("n"), number("e")].concat());
    let rsa = [0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0];
    let bits = der(3, &[&[0][..], &key].concat());
    let spki = STANDARD.encode(der(0x30, &[&rsa[..], &bits].concat()));
    format!("-----BEGIN PUBLIC KEY-----\n{spki}\n-----END PUBLIC KEY-----\n")
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap();
    let [high, low] = length.to_be_bytes();
    let mut out = vec![tag];
    match length {
        0..=127 => out.push(low),
        128..=255 => out.extend([0x81, low]),
        _ => out.extend([0x82, high, low]),
    }
    out.extend(content);
    out
}

/// W31: with and without `typ`.
#[tokio::test]
async fn an_assertion_may_name_its_type_or_not() {
    let world = World::new().await;
    let client = key_client(&world).await;
    for typ in [None, Some("JWT"), Some("client-authentication+jwt")] {
        assert!(takes_typed(&client, &world, typ, |_| {}).await, "{typ:?}");
    }
}

/// W32: what SDKs leave out or add, and how long theirs live.
#[tokio::test]
async fn assertions_of_all_sdks_are_taken() {
    let world = World::new().await;
    let client = key_client(&world).await;
    let now = world.now().seconds();
    assert!(takes(&client, &world, |claims| claims["nbf"] = now.into()).await);
    let without_iat = |claims: &mut Value| drop(claims.as_object_mut().unwrap().remove("iat"));
    assert!(takes(&client, &world, without_iat).await);
    assert!(takes(&client, &world, |claims| claims["auth_time"] = "1795410000.5".into()).await);
    for lifetime in [60, 120, 180] {
        assert!(takes(&client, &world, |claims| claims["exp"] = (now + lifetime).into()).await);
    }
}

/// W33: the issuer is the one audience; endpoint addresses only where the client is set so.
#[tokio::test]
async fn an_assertion_is_for_the_issuer() {
    let world = World::new().await;
    let client = key_client(&world).await;
    let issuer = world.issuer();
    assert!(takes(&client, &world, |claims| claims["aud"] = json!([issuer])).await);
    let members =
        json!({"token_endpoint_auth_method": "private_key_jwt", "assertion_audience": "ciba-2021"});
    let lenient = world.registers("LenientClient", members).await;
    for endpoint in [world.url("oauth/token"), world.url("bc-authorize")] {
        assert!(!takes(&client, &world, |claims| claims["aud"] = json!(endpoint)).await);
        assert!(takes(&lenient, &world, |claims| claims["aud"] = json!(endpoint)).await);
    }
    for wrong in [
        json!("https://elsewhere.example/"),
        json!([]),
        json!(7),
        json!("https://login.example.com"),
    ] {
        assert!(!takes(&client, &world, |claims| claims["aud"] = wrong.clone()).await, "{wrong}");
        assert!(!takes(&lenient, &world, |claims| claims["aud"] = wrong.clone()).await, "{wrong}");
    }
}

/// W34: two audiences.
#[tokio::test]
async fn a_second_audience_spoils_an_assertion() {
    let world = World::new().await;
    let client = key_client(&world).await;
    let members =
        json!({"token_endpoint_auth_method": "private_key_jwt", "assertion_audience": "ciba-2021"});
    let lenient = world.registers("LenientClient", members).await;
    let with_token = json!([world.issuer(), world.url("oauth/token")]);
    let with_other = json!([world.issuer(), "https://elsewhere.example/"]);
    assert!(!takes(&client, &world, |claims| claims["aud"] = with_token.clone()).await);
    assert!(!takes(&client, &world, |claims| claims["aud"] = with_other.clone()).await);
    assert!(takes(&lenient, &world, |claims| claims["aud"] = with_token.clone()).await);
    assert!(!takes(&lenient, &world, |claims| claims["aud"] = with_other.clone()).await);
}

/// W35, W36: how far from now its times may be.
#[tokio::test]
async fn an_assertion_has_its_time() {
    let world = World::new().await;
    let client = key_client(&world).await;
    let now = world.now().seconds();
    for (member, offset, good) in [
        ("exp", 300, true),
        ("exp", 301, false),
        ("exp", -1, false),
        ("iat", 10, true),
        ("iat", 11, false),
        ("nbf", 10, true),
        ("nbf", 11, false),
    ] {
        let taken = takes(&client, &world, |claims| claims[member] = (now + offset).into()).await;
        assert_eq!(taken, good, "{member} {offset}");
    }
    for broken in [json!("soon"), json!(null), json!(-1), json!(1e300)] {
        assert!(!takes(&client, &world, |claims| claims["exp"] = broken.clone()).await);
    }
}

/// W37: a `jti` is there, short, and used once.
#[tokio::test]
async fn an_assertion_works_once() {
    let world = World::new().await;
    let client = key_client(&world).await;
    assert!(
        takes(&client, &world, |claims| claims["jti"] =
            format!("{:0>64}", claims["jti"].as_str().unwrap()).into())
        .await
    );
    let long = |claims: &mut Value| {
        claims["jti"] = format!("{:0>65}", claims["jti"].as_str().unwrap()).into();
    };
    assert!(!takes(&client, &world, long).await);
    assert!(
        !takes(&client, &world, |claims| drop(claims.as_object_mut().unwrap().remove("jti"))).await
    );
    world.phone_of("alice").is_ready().await;
    let assertion = Client::assertion(&client_key(), &client.assertion_claims(), None);
    let form = client.with_assertion(client.asking("alice"), &assertion);
    assert_eq!(world.post_form("bc-authorize", &form, &[]).await.status, 200);
    world.run_worker().await;
    let again = world.post_form("bc-authorize", &form, &[]).await;
    assert_refused(&again, 401, "access_denied", "Unauthorized");
    world.restart().await;
    let again = world.post_form("bc-authorize", &form, &[]).await;
    assert_refused(&again, 401, "access_denied", "Unauthorized");
    assert_eq!(world.phone_of("alice").pushes().await.len(), 1);
}

/// W38: issuer and subject are the client.
#[tokio::test]
async fn an_assertion_is_the_clients_own() {
    let world = World::new().await;
    let client = key_client(&world).await;
    let long = "x".repeat(65);
    for (iss, sub) in
        [("KeyClient", "other"), ("other", "KeyClient"), ("other", "other"), (&long, &long)]
    {
        let change = |claims: &mut Value| {
            claims["iss"] = iss.into();
            claims["sub"] = sub.into();
        };
        assert!(!takes(&client, &world, change).await, "{iss} {sub}");
    }
}

/// W39: the algorithm is the credential's; `none` and HS256 are nobody's.
#[tokio::test]
async fn only_the_credentials_own_algorithm_counts() {
    let world = World::new().await;
    let client = key_client(&world).await;
    let claims = || client.assertion_claims();
    let mut wrong = vec![
        Client::assertion(&p256_key(), &claims(), None),
        Client::assertion(&testkit::device_key(), &claims(), None),
    ];
    for algorithm in [Algorithm::Rs384, Algorithm::Rs512, Algorithm::Ps256] {
        wrong.push(Client::assertion_by(&client_key(), algorithm, &claims(), None));
    }
    for header in
        [r#"{"alg":"none"}"#, r#"{"alg":"HS256"}"#, r#"{"alg":"RS256","crit":["exp"]}"#, "{}"]
    {
        let input =
            [header.to_owned(), claims().to_string()].map(|part| URL_SAFE_NO_PAD.encode(part));
        for signature in ["", "AAAA"] {
            wrong.push(format!("{}.{}.{signature}", input[0], input[1]));
        }
    }
    let good = Client::assertion(&client_key(), &claims(), None);
    wrong.push(good[..good.len() - 6].to_owned());
    wrong.extend(["", "a.b.c", "a.b", "…"].map(String::from));
    for assertion in wrong {
        let form = client.with_assertion(client.polling("x"), &assertion);
        let answer = world.post_form("oauth/token", &form, &[]).await;
        assert_refused(&answer, 401, "access_denied", "Unauthorized");
    }
    assert!(takes(&client, &world, |_| {}).await);
}

/// W40: an assertion has a length.
#[tokio::test]
async fn a_long_assertion_is_refused() {
    let world = World::new().await;
    let client = key_client(&world).await;
    assert!(takes(&client, &world, |claims| claims["pad"] = "x".repeat(800).into()).await);
    assert!(!takes(&client, &world, |claims| claims["pad"] = "x".repeat(1300).into()).await);
}

/// W41: a client of one kind cannot use the other kind's credential.
#[tokio::test]
async fn a_client_with_keys_has_no_secret() {
    let world = World::new().await;
    let client = key_client(&world).await;
    for secret in ["", "x", "secret-of-KeyClient"] {
        let form = Form::new().with("client_id", client.id()).with("client_secret", secret);
        assert!(!is_authenticated(&world, &form, &[]).await);
        let header = basic(client.id(), secret);
        assert!(!is_authenticated(&world, &Form::new(), &[("authorization", &header)]).await);
    }
}

/// W46: no answer of these endpoints carries `WWW-Authenticate`.
#[tokio::test]
async fn no_error_asks_for_credentials_by_header() {
    let world = World::new().await;
    let header = basic("nobody", "x");
    for path in ["bc-authorize", "oauth/token"] {
        for headers in [&[][..], &[("authorization", header.as_str())]] {
            let answer = world.post_form(path, &Form::new(), headers).await;
            assert_eq!((answer.status, answer.header("www-authenticate")), (401, ""));
        }
    }
}
