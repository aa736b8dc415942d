//! R2: tokens bound to a key (`DPoP`, RFC 9449).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Fingerprint;
use domain::jose::{Algorithm, HeaderFields, SigningKey};
use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Client, Form, World, device_key, dpop_proof, p256_key};

use super::{PAYMENTS, for_payments, introspected, text, world};

/// Claims of a good proof for an endpoint; the number makes it another.
fn claims(world: &World, path: &str, number: u32) -> Value {
    json!({
        "htm": "POST", "htu": world.url(path), "iat": world.now().seconds(),
        "jti": format!("proof-{number}"),
    })
}

/// Signed with an algorithm that no proof may have.
fn by_rs256(claims: &Value) -> String {
    let key = device_key();
    let fields =
        HeaderFields { typ: Some("dpop+jwt"), jwk: Some(key.public()), ..HeaderFields::default() };
    key.sign(Algorithm::Rs256, &fields, &claims.to_string()).unwrap()
}

async fn posts(client: &Client<'_>, world: &World, form: Form, proofs: &[&str]) -> Answer {
    let (form, mut headers) = client.credentials(form);
    headers.extend(proofs.iter().map(|proof| ("dpop", (*proof).to_owned())));
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    world.post_form("oauth/token", &form, &headers).await
}

async fn approved(client: &Client<'_>, world: &World, form: impl FnOnce(Form) -> Form) -> String {
    let id = client.asks_with("alice", form).await;
    world.phone_of("alice").approves(&id).await;
    id
}

/// What userinfo answers to a token under a scheme, with a proof for it.
async fn userinfo(world: &World, scheme: &str, token: &str, proof: Option<&str>) -> Answer {
    let authorization = format!("{scheme} {token}");
    let mut headers = vec![("authorization", authorization.as_str())];
    headers.extend(proof.map(|proof| ("dpop", proof)));
    world.request(Method::GET, "userinfo", &headers, "").await
}

/// A proof for userinfo with this token.
fn at_userinfo(world: &World, key: &SigningKey, token: &str, number: u32) -> String {
    let hash = URL_SAFE_NO_PAD.encode(Fingerprint::of(token.as_bytes()).as_bytes());
    let mut claims = claims(world, "userinfo", number);
    claims
        .as_object_mut()
        .unwrap()
        .extend([(String::from("htm"), Value::from("GET")), (String::from("ath"), hash.into())]);
    dpop_proof(key, &claims)
}

/// R2, N54: each poll brings a proof of its own, and the token is bound to the key of the last.
#[tokio::test]
async fn the_token_is_bound_to_the_key_of_the_poll_that_gets_it() {
    let world = world().await;
    let client = world.client();
    let last = p256_key();
    let id = client.asks_with("alice", for_payments).await;
    let proof = dpop_proof(&device_key(), &claims(&world, "oauth/token", 1));
    let pending = posts(&client, &world, client.polling(&id), &[&proof]).await;
    assert_eq!(pending.summary(), "400 authorization_pending");
    world.phone_of("alice").approves(&id).await;
    world.advance_seconds(5);
    let proof = dpop_proof(&last, &claims(&world, "oauth/token", 2));
    let answer = posts(&client, &world, client.polling(&id), &[&proof]).await.json();
    assert_eq!(answer["token_type"], "DPoP", "{answer}");
    let jkt = json!({ "jkt": last.public().thumbprint() });
    let token = text(&answer, "access_token");
    assert_eq!(world.verified(&token).await.claims["cnf"], jkt);
    let told = introspected(&client, &token).await;
    assert_eq!((&told["cnf"], &told["token_type"]), (&jkt, &json!("DPoP")));
    // A refresh binds to the key of its own proof.
    let form = Form::new()
        .with("grant_type", "refresh_token")
        .with("refresh_token", text(&answer, "refresh_token"));
    let proof = dpop_proof(&device_key(), &claims(&world, "oauth/token", 3));
    let renewed = posts(&client, &world, form, &[&proof]).await.json();
    let renewed = world.verified(&text(&renewed, "access_token")).await;
    assert_eq!(renewed.claims["cnf"], json!({ "jkt": device_key().public().thumbprint() }));
}

/// R2: whoever has no key gets a plain token, unless the client is registered for bound ones.
#[tokio::test]
async fn a_client_may_be_registered_for_bound_tokens_only() {
    let world = world().await;
    let client = world.client();
    let tokens = client.gets_tokens("alice", for_payments).await;
    assert_eq!(tokens["token_type"], "Bearer");
    assert!(world.verified(&text(&tokens, "access_token")).await.claims.get("cnf").is_none());
    let bound = world.registers("Bound", json!({"dpop_bound_access_tokens": true})).await;
    let id = approved(&bound, &world, |form| form).await;
    assert_eq!(bound.polls(&id).await, "400 invalid_dpop_proof");
    let proof = dpop_proof(&p256_key(), &claims(&world, "oauth/token", 1));
    let answer = posts(&bound, &world, bound.polling(&id), &[&proof]).await;
    assert_eq!(answer.json()["token_type"], "DPoP", "the request was kept: {}", answer.text());
}

/// R2, N54: every way in which a proof can be wrong.
#[tokio::test]
async fn a_wrong_proof_is_refused_and_the_request_kept() {
    let world = world().await;
    let client = world.client();
    let id = approved(&client, &world, |form| form).await;
    let key = p256_key();
    let good = claims(&world, "oauth/token", 1);
    let but = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().insert(name.to_owned(), value);
        dpop_proof(&key, &claims)
    };
    let now = world.now().seconds();
    let typed = |typ: Option<&str>, jwk: bool| {
        let jwk = jwk.then(|| key.public());
        let fields = HeaderFields { typ, jwk, ..HeaderFields::default() };
        let algorithm = key.public().key_type().default_algorithm();
        key.sign(algorithm, &fields, &good.to_string()).unwrap()
    };
    let whole = dpop_proof(&key, &good);
    let wrong = [
        but("htm", "GET".into()),
        but("htu", world.url("bc-authorize").into()),
        but("htu", "https://elsewhere.example/oauth/token".into()),
        but("iat", (now - 61).into()),
        but("iat", (now + 61).into()),
        but("jti", "".into()),
        but("jti", "x".repeat(257).into()),
        but("jti", Value::Null),
        but("htm", Value::Null),
        but("htu", Value::Null),
        but("iat", Value::Null),
        typed(Some("JWT"), true),
        typed(None, true),
        typed(Some("dpop+jwt"), false),
        by_rs256(&good),
        format!("{whole}x"),
        String::from("x"),
        whole.rsplit_once('.').unwrap().0.to_owned(),
    ];
    for proof in &wrong {
        let answer = posts(&client, &world, client.polling(&id), &[proof]).await;
        assert_eq!(answer.summary(), "400 invalid_dpop_proof", "{proof}");
    }
    let two = posts(&client, &world, client.polling(&id), &[&whole, &but("jti", "2".into())]).await;
    assert_eq!(two.summary(), "400 invalid_dpop_proof");
    let query = but("htu", format!("{}?a=b#c", world.url("oauth/token")).into());
    assert_eq!(posts(&client, &world, client.polling(&id), &[&query]).await.status, 200);
}

/// N54: a proof is good once, on any node.
#[tokio::test]
async fn a_proof_is_good_once() {
    let world = world().await;
    let client = world.client();
    let proof = dpop_proof(&p256_key(), &claims(&world, "oauth/token", 1));
    let id = approved(&client, &world, |form| form).await;
    assert_eq!(posts(&client, &world, client.polling(&id), &[&proof]).await.status, 200);
    let id = approved(&client, &world, |form| form).await;
    let again = posts(&client, &world, client.polling(&id), &[&proof]).await;
    assert_eq!(again.summary(), "400 invalid_dpop_proof");
    world.restart().await;
    let again = posts(&client, &world, client.polling(&id), &[&proof]).await;
    assert_eq!(again.summary(), "400 invalid_dpop_proof", "a restart forgets nothing");
    let new = dpop_proof(&p256_key(), &claims(&world, "oauth/token", 2));
    assert_eq!(posts(&client, &world, client.polling(&id), &[&new]).await.status, 200);
}

/// R2: a stolen token is worth nothing without the key, opaque or signed.
#[tokio::test]
async fn a_bound_token_is_taken_with_its_key_only() {
    let world = world().await;
    let client = world.client();
    let key = p256_key();
    for (number, audience) in [(1, None), (2, Some(PAYMENTS))] {
        let ask = |form: Form| match audience {
            Some(audience) => form.with("audience", audience),
            None => form,
        };
        let id = approved(&client, &world, ask).await;
        let proof = dpop_proof(&key, &claims(&world, "oauth/token", number));
        let answer = posts(&client, &world, client.polling(&id), &[&proof]).await.json();
        let token = text(&answer, "access_token");
        let good = at_userinfo(&world, &key, &token, 10 + number);
        let answer = userinfo(&world, "DPoP", &token, Some(&good)).await;
        assert_eq!((answer.status, &answer.json()["sub"]), (200, &json!("auth0|alice")));
        let other = at_userinfo(&world, &device_key(), &token, 20 + number);
        let foreign = at_userinfo(&world, &key, "another", 30 + number);
        let fresh = at_userinfo(&world, &key, &token, 40 + number);
        let refused = [
            ("DPoP", None),
            ("DPoP", Some(&good)),
            ("DPoP", Some(&other)),
            ("DPoP", Some(&foreign)),
            ("Bearer", Some(&fresh)),
            ("Bearer", None),
        ];
        for (scheme, proof) in refused {
            let answer = userinfo(&world, scheme, &token, proof.map(String::as_str)).await;
            assert_eq!(answer.summary(), "401 invalid_token", "{scheme} {proof:?}");
        }
    }
    let plain = text(&client.gets_tokens("alice", |form| form).await, "access_token");
    let proof = at_userinfo(&world, &key, &plain, 50);
    assert_eq!(userinfo(&world, "DPoP", &plain, Some(&proof)).await.status, 401);
}

/// R2: in profile `auth0` a proof counts where the API wants one, and nowhere else.
#[tokio::test]
async fn auth0_clients_are_bound_as_the_api_says() {
    let world = World::new().await;
    let possession = json!({"mechanism": "dpop", "required": true, "required_for": "all_clients"});
    let api = json!({"identifier": "https://bound.example", "proof_of_possession": possession});
    world.registers_api(api).await;
    let client = world.client();
    let id = approved(&client, &world, for_payments).await;
    let answer = posts(&client, &world, client.polling(&id), &["nonsense"]).await.json();
    assert_eq!(answer["token_type"], "Bearer", "ignored: {answer}");
    let bound = |form: Form| form.with("audience", "https://bound.example");
    let id = approved(&client, &world, bound).await;
    assert_eq!(client.polls(&id).await, "400 invalid_request");
    world.advance_seconds(5);
    let wrong = posts(&client, &world, client.polling(&id), &["nonsense"]).await;
    assert_eq!(wrong.summary(), "400 invalid_dpop_proof");
    let proof = dpop_proof(&p256_key(), &claims(&world, "oauth/token", 1));
    let answer = posts(&client, &world, client.polling(&id), &[&proof]).await.json();
    assert_eq!(answer["token_type"], "DPoP", "the request was kept: {answer}");
}

/// R2: the Management API, where nobody proves keys, takes no token that is bound to one.
#[tokio::test]
async fn the_management_api_takes_no_token_that_is_bound_to_a_key() {
    let world = world().await;
    let members = json!({"grant_types": ["client_credentials"]});
    let program = world.registers("Program", members).await;
    let management = world.url("api/v2/");
    world.grants(program.id(), &management, "client", &["read:users"]).await;
    let form = || {
        Form::new().with("grant_type", "client_credentials").with("audience", management.as_str())
    };
    for (proof, status) in [(None, 200), (Some(()), 401)] {
        let proof = proof.map(|()| dpop_proof(&p256_key(), &claims(&world, "oauth/token", 1)));
        let proofs: Vec<&str> = proof.iter().map(String::as_str).collect();
        let answer = posts(&program, &world, form(), &proofs).await;
        let bearer = format!("Bearer {}", answer.member("access_token"));
        let headers = [("authorization", bearer.as_str())];
        let listed = world.request(Method::GET, "api/v2/users", &headers, "").await;
        assert_eq!(listed.status, status, "{}", listed.text());
    }
}

/// R2, N54: where a nonce is demanded, a proof without it is told one, which is good for a while.
#[tokio::test]
async fn a_proof_may_need_a_nonce_of_ours() {
    let demanding = |config: &mut server::config::Config| config.ciba.dpop_nonce_required = true;
    let world = World::builder().profile("ciba").configured(demanding).start().await;
    world.phone_of("alice").is_ready().await;
    let client = world.client();
    let key = p256_key();
    let with = |nonce: Option<&str>, number| {
        let mut claims = claims(&world, "oauth/token", number);
        if let Some(nonce) = nonce {
            claims.as_object_mut().unwrap().insert(String::from("nonce"), nonce.into());
        }
        dpop_proof(&key, &claims)
    };
    let id = approved(&client, &world, |form| form).await;
    for (number, nonce) in [(1, None), (2, Some("mine"))] {
        let answer = posts(&client, &world, client.polling(&id), &[&with(nonce, number)]).await;
        assert_eq!(answer.summary(), "400 use_dpop_nonce");
        assert!(!answer.header("dpop-nonce").is_empty());
    }
    let told = posts(&client, &world, client.polling(&id), &[&with(None, 3)]).await;
    let nonce = told.header("dpop-nonce").to_owned();
    world.advance_seconds(301);
    let old = approved(&client, &world, |form| form).await;
    let answer = posts(&client, &world, client.polling(&old), &[&with(Some(&nonce), 4)]).await;
    assert_eq!(answer.json()["token_type"], "DPoP", "{}", answer.text());
    let token = text(&answer.json(), "access_token");
    let bare = at_userinfo(&world, &key, &token, 5);
    let refused = userinfo(&world, "DPoP", &token, Some(&bare)).await;
    assert_eq!(refused.summary(), "401 use_dpop_nonce");
    assert_eq!(refused.header("www-authenticate"), "DPoP error=\"use_dpop_nonce\"");
    assert_ne!(refused.header("dpop-nonce"), nonce, "the newest is told");
    world.advance_seconds(300);
    let late = approved(&client, &world, |form| form).await;
    let answer = posts(&client, &world, client.polling(&late), &[&with(Some(&nonce), 6)]).await;
    assert_eq!(answer.summary(), "400 use_dpop_nonce", "too old");
}
