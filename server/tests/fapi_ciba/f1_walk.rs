//! F1: what FAPI 1.0 asks of an authorization server, as a whole (F25 to F33). One client that keeps
//! all of it is served; whatever breaks one line is refused, and leaves that client's request as it was.

use std::sync::Arc;

use device_protocol::aizuchi::{enroll, proof};
use domain::jose::SigningKey;
use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Form, World, p256_key};

use super::fixture::{INTERACTION, Party, Stage, VARIANTS, is_undecided};
use super::refuses_secrets;

const PAYMENTS: &str = "https://api.example.com/payments";

/// A device of alice's own, which reads and revokes (F29).
struct Own<'w> {
    world: &'w World,
    id: String,
    key: Arc<SigningKey>,
}

fn signed(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let algorithm = key.public().key_type().default_algorithm();
    key.sign_compact(algorithm, &header.to_string(), &claims.to_string()).unwrap()
}

impl<'w> Own<'w> {
    async fn of(world: &'w World, person: &str) -> Self {
        let wanted = json!({
            "user_id": world.user_id(person).as_str(), "allow_multiple_enrollments": true,
        });
        let link = world.operator().posts("guardian/enrollments/ticket", &wanted).await;
        let authorization = format!("Ticket id=\"{}\"", link.member("ticket_id"));
        let headers = [("authorization", authorization.as_str())];
        let polling = json!({ "state_transport": "polling" });
        let begun = world.post_json("appliance-mfa/api/start-flow", &polling, &headers).await;
        let ticket = begun.member("enrollment_tx_id");
        let key = p256_key();
        let claims = enroll::ticket_claims(&ticket, &world.issuer(), world.now().seconds());
        let body = json!({
            "ticket": ticket, "name": "Alice's own", "locale": "en",
            "key": key.public().to_jwk(None, None), "channel": { "kind": "none" },
            "proof": signed(&key, &enroll::header("ES256"), &claims),
        });
        let answer = world.post_json("device/v1/enrollments", &body, &[]).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        Self { world, id: answer.member("device"), key }
    }

    async fn calls(&self, method: Method, path: &str, key: &SigningKey) -> Answer {
        let jti = self.world.app().entropy.hex::<8>();
        let claims = proof::Proof {
            method: method.as_str(),
            url: &self.world.url(path),
            jti: &jti,
            issued_at: self.world.now().seconds(),
            body: &[],
        };
        let proof = signed(key, &proof::header("ES256", &self.id), &claims.claims());
        self.world.request(method, path, &[("device-proof", &proof)], "").await
    }

    /// What the newest request says.
    async fn reads(&self) -> Value {
        let list = self.calls(Method::GET, "device/v1/requests", &self.key).await.json();
        let path =
            format!("device/v1/requests/{}", list["requests"][0]["request"].as_str().unwrap());
        let content = self.calls(Method::GET, &path, &self.key).await.member("content");
        domain::jose::Unverified::parse(&content, content.len())
            .map(|content| content.unverified_claims().unwrap().as_map().clone().into())
            .unwrap()
    }
}

fn wanted(party: &Party<'_>) -> Value {
    let mut claims = party.claims();
    claims["audience"] = PAYMENTS.into();
    claims["scope"] = "openid read:balance offline_access".into();
    claims
}

/// Of F25, F31: what a thief could use is not given out.
async fn unbound_tokens(party: &Party<'_>, id: &str) {
    party.stage.world.advance_seconds(5);
    let form = party.proven("oauth/token", party.client.polling(id));
    let answer = party.sends("oauth/token", &form, None).await;
    assert_eq!(answer.summary(), "400 invalid_request", "{}", answer.text());
}

/// Of F27: a request under two names is nobody's.
async fn two_names(party: &Party<'_>, other: &Party<'_>) {
    let form = party.proven("bc-authorize", party.signed(&party.claims()));
    let form = form.without("client_id").with("client_id", other.client.id());
    let answer = party.sends("bc-authorize", &form, Some(&party.certificate)).await;
    assert_eq!(answer.summary(), "401 invalid_client", "{}", answer.text());
}

/// Of F28: a signed request is for us, and what stands beside it counts for nothing.
async fn words_beside_the_request(party: &Party<'_>) {
    let mut foreign = party.claims();
    foreign["aud"] = "https://other.example/".into();
    let mut lacking = party.claims();
    lacking.as_object_mut().unwrap().remove("scope");
    for (claims, beside) in [(foreign, None), (lacking, Some("openid"))] {
        let form = party.signed(&claims);
        let form = beside.map_or(form.clone(), |scope| form.with("scope", scope));
        let answer = party.posts("bc-authorize", form).await;
        assert_eq!(answer.summary(), "400 invalid_request", "{}", answer.text());
    }
}

/// Of F30, F33: the discovery documents are one, name no address but ours and those by TLS, and
/// nothing else tells of the server; no two of our keys have one name.
async fn other_channels(world: &World) {
    let told = world.get(".well-known/openid-configuration").await.json();
    assert_eq!(world.get(".well-known/oauth-authorization-server").await.json(), told);
    let endpoints =
        told.as_object().unwrap().iter().filter(|(name, _)| name.ends_with("_endpoint"));
    for (name, address) in endpoints.chain([(&String::from("jwks_uri"), &told["jwks_uri"])]) {
        assert!(address.as_str().unwrap().starts_with("https://login.example.com/"), "{name}");
    }
    for other in ["host-meta", "openid-federation", "webfinger?resource=acct:a@example.com"] {
        assert_eq!(world.get(&format!(".well-known/{other}")).await.status, 404, "{other}");
    }
    let keys = world.get(".well-known/jwks.json").await.json();
    let mut names: Vec<&str> = Vec::new();
    names.extend(keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap()));
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all, "{keys}");
}

/// Of F32: a token is shown in the header `Authorization`, by whom it is bound to.
async fn visits(party: &Party<'_>, token: &str, stranger: &Party<'_>) {
    let world = &party.stage.world;
    let visit = party.visits(token, &[], &party.certificate).await;
    assert_eq!((visit.status, visit.header("x-fapi-interaction-id")), (200, INTERACTION));
    assert_eq!(visit.header("content-type"), "application/json; charset=utf-8");
    assert!(!visit.header("date").is_empty());
    let stolen = party.visits(token, &[], &stranger.certificate).await;
    assert_eq!(stolen.summary(), "401 invalid_token");
    for path in ["userinfo", "dev/resource"] {
        let in_query = world.get(&format!("{path}?access_token={token}")).await;
        assert_eq!(in_query.summary(), "401 invalid_token", "{path}");
    }
}

/// Of F33: keys of one name are told apart; what they point to is not asked; a set that is not
/// behind TLS is not registered.
async fn keys_of_one_name(stage: &Stage) {
    let (one, two) = (p256_key(), p256_key());
    let named = |key: &SigningKey| {
        let mut jwk = key.public().to_jwk(Some("same"), None);
        jwk["x5u"] = "https://attacker.example.com/x5u".into();
        jwk["jku"] = "https://attacker.example.com/jku".into();
        jwk
    };
    let before = stage.script.calls().len();
    let jwks = json!({"keys": [named(&one), named(&two)]});
    let party = stage.party_with("twins", json!({ "jwks": jwks })).await;
    for (key, expected) in [(&one, "200"), (&two, "200"), (&p256_key(), "400 invalid_request")] {
        let request = testkit::Client::assertion(key, &party.claims(), None);
        let answer = party.posts("bc-authorize", Form::new().with("request", request)).await;
        stage.world.run_worker().await;
        assert_eq!(answer.summary(), expected, "{}", answer.text());
    }
    assert_eq!(stage.script.calls().len(), before, "nothing was fetched");
    let plain = json!({
        "name": "Plain", "token_endpoint_auth_method": "private_key_jwt",
        "jwks_uri": "http://shop.example.com/keys",
    });
    assert_eq!(stage.world.operator().posts("clients", &plain).await.status, 400);
}

/// Of F29: the person reads what is to be granted before they decide.
async fn words_are_shown(own: &Own<'_>) {
    let words = own.reads().await;
    let shown = words["scope"].as_array().unwrap();
    assert!(shown.iter().any(|scope| scope["value"] == "read:balance"), "{words}");
    assert_eq!(words["audience"]["identifier"], PAYMENTS);
}

/// Of F29: the person revokes it, and nobody else does in their name.
async fn grants_are_revoked(own: &Own<'_>, party: &Party<'_>, refresh_token: &str) {
    let path = format!("device/v1/grants/{}", party.client.id());
    let forged = own.calls(Method::DELETE, &path, &p256_key()).await;
    assert_eq!(forged.status, 401, "{}", forged.text());
    let refreshes = async || {
        let form = Form::new().with("grant_type", "refresh_token");
        party.posts("oauth/token", form.with("refresh_token", refresh_token)).await
    };
    assert_eq!(refreshes().await.status, 200);
    assert_eq!(own.calls(Method::DELETE, &path, &own.key).await.status, 204);
    assert_eq!(refreshes().await.summary(), "400 invalid_grant");
}

/// F1: a client that keeps F25 to F33 is served, in each way to prove itself; each line broken is
/// refused, while its request waits, and changes nothing of what it gets.
#[tokio::test]
async fn who_keeps_all_of_it_is_served_and_who_breaks_a_line_is_not() {
    for variant in [VARIANTS[0], VARIANTS[2]] {
        let stage = Stage::new(variant).await;
        let own = Own::of(&stage.world, "alice").await;
        let (party, other) = (stage.party("keeper").await, stage.party("other").await);
        other_channels(&stage.world).await;
        let id = party.begins(&wanted(&party)).await;
        words_are_shown(&own).await;
        refuses_secrets(&stage.world).await;
        two_names(&party, &other).await;
        words_beside_the_request(&party).await;
        keys_of_one_name(&stage).await;
        stage.world.advance_seconds(5);
        is_undecided(&party.polls(&id).await);
        stage.decides(&id, "allow").await;
        if variant.by_key {
            unbound_tokens(&party, &id).await;
        }
        let tokens = party.is_good(&party.collects(&id).await).await;
        let token = tokens["access_token"].as_str().unwrap();
        let claims = stage.world.verified(token).await.claims;
        assert!(claims["cnf"]["x5t#S256"].is_string(), "bound, so it may live long: {claims}");
        visits(&party, token, &other).await;
        grants_are_revoked(&own, &party, tokens["refresh_token"].as_str().unwrap()).await;
    }
}

/// F23: the documentation advises a redirect where one device does both, and says that there is none
/// here: the endpoint that the metadata must name redirects nobody, whatever it is asked.
#[tokio::test]
async fn a_redirect_is_advised_and_not_offered() {
    let guide = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/fapi.md"));
    let guide = guide.unwrap();
    let (_, advice) = guide.split_once("## When not to use CIBA").unwrap();
    let advice = advice.split("\n## ").next().unwrap();
    for said in ["sits at the device that also authenticates them", "redirect", "RFC 10027"] {
        assert!(advice.contains(said), "{said}");
    }
    for told in ["authorization_endpoint", "response_types_supported", "unsupported_response_type"]
    {
        assert!(advice.contains(told), "{told}");
    }
    let stage = Stage::new(VARIANTS[0]).await;
    let party = stage.party("redirector").await;
    let world = &stage.world;
    let metadata = world.get(".well-known/openid-configuration").await.json();
    assert_eq!(metadata["authorization_endpoint"], world.url("authorize"));
    assert_eq!(metadata["response_types_supported"], json!(["code"]));
    for mode in ["authorization_code", "implicit"] {
        let grants = metadata["grant_types_supported"].as_array().unwrap();
        assert!(!grants.contains(&json!(mode)), "{mode}");
    }
    let query = format!(
        "client_id={}&response_type=code&scope=openid&redirect_uri=https%3A%2F%2Fshop.example%2F",
        party.client.id()
    );
    for method in [Method::GET, Method::POST] {
        for asked in [format!("authorize?{query}"), String::from("authorize")] {
            let answer = world.request(method.clone(), &asked, &[], query.clone()).await;
            assert_eq!((answer.status, answer.header("location")), (400, ""), "{asked}");
            assert!(answer.text().contains("unsupported_response_type"), "{}", answer.text());
        }
    }
    let form = Form::new().with("grant_type", "authorization_code").with("code", "x");
    let answer = party.posts("oauth/token", form).await;
    assert_eq!(answer.summary(), "400 unsupported_grant_type", "{}", answer.text());
}
