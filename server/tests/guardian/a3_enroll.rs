//! G24 to G43: enroll.

use http::Method;
use serde_json::{Value, json};
use testkit::{World, device_key, p256_key, vectors};

use super::{
    ENROLL, assert_x, call, code_for, devices_of, enroll, enroll_body, enrolled, logged,
    ticket_for, with, without,
};

/// G24, G26: 201 with five strings, and no null.
#[tokio::test]
async fn the_answer_has_five_strings() {
    let world = World::new().await;
    let tx = code_for(&world, "alice", false).await;
    let answer = enroll(&world, &tx, &enroll_body(&p256_key())).await;
    assert_eq!((answer.status, answer.header("content-type")), (201, "application/json"));
    let body = answer.json();
    let members = body.as_object().unwrap();
    assert_eq!(members.len(), 5, "{body}");
    for name in ["id", "url", "issuer", "user_id", "token"] {
        assert!(!members[name].as_str().unwrap().is_empty(), "{name}");
    }
    assert_eq!(body["url"], "https://login.example.com/appliance-mfa");
    assert_eq!((&body["issuer"], &body["user_id"]), (&json!("Example"), &json!("auth0|alice")));
}

/// G25: the form of `id`, and no two alike.
#[tokio::test]
async fn device_ids_never_repeat() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for person in ["alice", "bob", "carol"] {
        let (_, device) = enrolled(&world, person).await;
        let id = device["id"].as_str().unwrap().to_owned();
        let rest = id.strip_prefix("dev_").unwrap();
        assert!(rest.len() == 16 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
        assert!(!ids.contains(&id));
        ids.push(id);
    }
}

/// G28: the key as both SDKs send it, with a zero byte in front of `n`; its signatures verify.
#[tokio::test]
async fn a_key_with_a_leading_zero_is_enrolled_and_verifies() {
    let world = World::new().await;
    let sent = vectors::guardian_android()["key"]["public_jwk_as_sent"].clone();
    assert!(sent["n"].as_str().unwrap().starts_with('A'));
    let tx = code_for(&world, "alice", false).await;
    let body = with(&enroll_body(&p256_key()), "public_key", sent);
    let device = enroll(&world, &tx, &body).await;
    assert_eq!(device.status, 201, "{}", device.text());
    let path = format!("appliance-mfa/api/device-accounts/{}", device.member("id"));
    let credential = super::a4_accounts::credential(&world, &device.member("id"), "auth0|alice");
    let jwt = super::a4_accounts::signed_credential(&device_key(), &credential);
    let answer = call(&world, Method::PATCH, &path, &jwt, Some(&json!({}))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// G29: the same key without the zero byte is the same key.
#[tokio::test]
async fn with_and_without_the_zero_it_is_one_key() {
    let world = World::new().await;
    let key = vectors::guardian_android()["key"].clone();
    let mut stored = Vec::new();
    for (person, form) in [("alice", "public_jwk_as_sent"), ("bob", "public_jwk")] {
        let tx = code_for(&world, person, false).await;
        let body = with(&enroll_body(&p256_key()), "public_key", key[form].clone());
        assert_eq!(enroll(&world, &tx, &body).await.status, 201);
        let app = world.app();
        let user = world.user_id(person);
        let devices = store::enrollments::of_user(&app.database, world.tenant_id(), &user).await;
        stored.push(devices.unwrap()[0].public_jwk.clone());
    }
    assert_eq!(stored[0], stored[1]);
}

/// The modulus of an RSA key of 1024 bits.
const N_1024: &str = "\
     7gtDqIldrog9FOrOcA6WMt7aDDm1tdvs1qETSTQgpgrPjl9tHggZ1qDDfCMmSRbBc-2Jd0A7VHkvWM9jqZqKYOQ3\
     b_4aQFHnMpbhNju1mWUyJfj09_fq7Twuml7zmSRxQa2SJM4Ts99d3KiYuMX3-e5ZdTM7wdWWtsRR1oTcRjc";
/// The modulus of an RSA key of 3072 bits.
const N_3072: &str = "\
     mvnu157baTpltfhOQSqO9tHJjI_WVw5kQtZEDMkX_COAOD2YbK9D8COqJxhXmawKahEECrL5gbh04UFcubIu6Dxe\
     VIhQDbF7D7nZ0a1zyZrmAGJc-aX89dqQ_ld6hpWIoIP-hvukKgNztWc-YXJg6t_ZtYoOo8jIxw4_5K9tMMWTXYr2\
     YTm-fQnF7c6EJfkjzXucnymBrqG2ziMbHQQ2SchGr6RMEinUmWvobHKiD55TcRlgbyXCF6VijjuntC0Yq4Vz2UIF\
     Zxz4VoxYL8SkylDjB9N0rikz6sqrK2MuUBqIHjz4hEZi_eVItlJomsQwUxhdZuPtVN3n2mgE51l9GqVcE4_73o08\
     XBpOlU8Xm-KTYhsoJZf_ZjmKVVpmhBY-5kxQpn3oyNq2q6UEnA3Okox-4kqk9sx-8ZymFmBkn7BYPOQxrXopVa_O\
     z4LSCKEwUt8ofYMqIRZ81P3zaIpNRRej3dYm5hXTuQRpLCsQHKSECOq7w5oB0sqIA6q1DGhV";
/// The modulus of an RSA key of 4096 bits.
const N_4096: &str = "\
     vFAfE5RJqTJ0sXUy5PfsVRGGRqSkruCyv46ipp92sRKN1gnM5H-_8yyh2W7qWFFm3PJ03TpUpMXtqfcueoBMrXEh\
     NkqaabH_H8brK-wgpl0LSY_Jay4RvvOrrvV_9lBAp1R6m3BPXHH8l8zWXpEfIOINynO0vNlmmChq-e5ghNc_mGrE\
     9SMob3fy7tTKm6Lxb0xp3GeGc5zryEwsDOZ0ZSDfMWAiNklHkFIrrgm1x6LpO9Q8fsg9guQv57mUMtaBf8wuQMhM\
     NPA876zWCI--1zqE5PQDc_pM3Kq6mMQUoeZcYFKYTB53Cf-QZLiDpa7WlujHyMN8F2bnqKHfKx02gAv0fEPz1qI1\
     W2EyzXYDY2Mj-8nsw8EgjnONOpYY5T2AC6b1lKtuHUzTy94EzVgHzBx9x_y5bLliK4rXSqcnA-6JobrkYi9z-uz1\
     JPSYzlT1WCetw48fq_0Gq9C_xYWH8mtiimbdnLfWk0shyabACayzMSlYdtW-hQIRwbr3fGf7OQB2Xh2e7RSfVXu4\
     mwO_hnVOWMWaRGSWNEy2BLyXxL_0SMu6O64IuNzlW1de2trtn4WL7Q3a1C8QPufv-yQzr7M6Jn5mcbQGR4w0b9hN\
     r725P9sCcl0_RoNG80Dj_0gRqSyOEdGCGKh2UDXRZb2vdUtEz_v-2sGvGlMXZ2f6T-8";

/// G30: RSA from 2048 bits on.
#[tokio::test]
async fn rsa_keys_have_at_least_2048_bits() {
    let world = World::new().await;
    let n_2048 = vectors::guardian_android()["key"]["public_jwk"]["n"].clone();
    let sizes = [("alice", n_2048), ("bob", N_3072.into()), ("carol", N_4096.into())];
    let rsa = |n: Value| json!({ "kty": "RSA", "alg": "RS256", "use": "sig", "e": "AQAB", "n": n });
    let good = enroll_body(&p256_key());
    for (person, n) in sizes {
        let tx = code_for(&world, person, false).await;
        let answer = enroll(&world, &tx, &with(&good, "public_key", rsa(n))).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
    let tx = code_for(&world, "dave", false).await;
    let short = enroll(&world, &tx, &with(&good, "public_key", rsa(N_1024.into()))).await;
    assert_x(&short, 400, "invalid_body");
}

/// G31: P-256 is taken; other kinds are not.
#[tokio::test]
async fn keys_on_p256_are_taken_and_other_kinds_are_not() {
    let world = World::new().await;
    let tx = code_for(&world, "alice", false).await;
    let good = enroll_body(&p256_key());
    assert_eq!(good["public_key"]["alg"], "ES256");
    for key in [
        json!({ "kty": "EC", "crv": "P-384", "x": "AA", "y": "AA" }),
        json!({ "kty": "oct", "k": "AAAA" }),
        json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }),
        json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" }),
        json!({}),
    ] {
        let refused = enroll(&world, &tx, &with(&good, "public_key", key)).await;
        assert_x(&refused, 400, "invalid_body");
    }
    assert_eq!(enroll(&world, &tx, &good).await.status, 201);
}

/// G32, G33: the two services; tokens are kept as sent.
#[tokio::test]
async fn push_credentials_name_one_of_two_services() {
    let world = World::new().await;
    let good = enroll_body(&p256_key());
    let apns = format!("0aF{}", "9C".repeat(50));
    for (person, service, token) in
        [("alice", "APNS", apns.as_str()), ("bob", "GCM", "fcm:token-_/")]
    {
        let tx = code_for(&world, person, false).await;
        let push = json!({ "service": service, "token": token });
        let device = enroll(&world, &tx, &with(&good, "push_credentials", push.clone())).await;
        assert_eq!(device.status, 201, "{}", device.text());
        let path = format!("appliance-mfa/api/device-accounts/{}", device.member("id"));
        let token = device.member("token");
        let account = call(&world, Method::PATCH, &path, &token, Some(&json!({}))).await;
        assert_eq!(account.json()["push_credentials"], push);
    }
    let tx = code_for(&world, "carol", false).await;
    for service in ["FCM", "gcm", "virtual", ""] {
        let push = json!({ "service": service, "token": "t" });
        let refused = enroll(&world, &tx, &with(&good, "push_credentials", push)).await;
        assert_x(&refused, 400, "invalid_body");
    }
}

/// G34: confirmed and eligible at once.
#[tokio::test]
async fn a_device_is_confirmed_and_asked_at_once() {
    let world = World::new().await;
    enrolled(&world, "alice").await;
    let devices = devices_of(&world, "alice").await;
    assert_eq!(devices.len(), 1);
    assert_eq!(devices[0]["status"], "confirmed");
    assert_eq!(devices[0]["identifier"], "a1b2c3d4e5f60718");
    assert_eq!(devices[0]["name"], "Pixel");
    let client = world.client();
    assert_eq!(client.starts(client.asking("alice")).await.status, 200);
}

/// G36: a web ticket enrolls nothing itself.
#[tokio::test]
async fn a_web_ticket_is_no_code() {
    let world = World::new().await;
    let ticket = ticket_for(&world, "alice", false).await;
    let body = enroll_body(&p256_key());
    for text in [ticket.as_str(), "gten_0123456789abcdef01234567"] {
        assert_x(&enroll(&world, text, &body).await, 404, "enrollment_transaction_not_found");
    }
}

/// G37, G38: the forms of the `Authorization` header.
#[tokio::test]
async fn the_ticket_header_is_read_in_its_forms_only() {
    let world = World::new().await;
    let body = enroll_body(&p256_key());
    assert_x(&world.post_json(ENROLL, &body, &[]).await, 401, "invalid_token");
    for header in ["Bearer abc", "Ticket", "Ticket id=\"\"", "Ticket abc", "Ticket id=\"a b\"", "x"]
    {
        let answer = world.post_json(ENROLL, &body, &[("authorization", header)]).await;
        assert_x(&answer, 401, "invalid_bearer_format");
    }
    for (person, scheme, quote) in
        [("alice", "ticket", "\""), ("bob", "TICKET", ""), ("carol", "Ticket", "")]
    {
        let tx = code_for(&world, person, false).await;
        let header = format!("{scheme} id={quote}{tx}{quote}");
        let answer = world.post_json(ENROLL, &body, &[("authorization", header.as_str())]).await;
        assert_eq!(answer.status, 201, "{header}: {}", answer.text());
    }
}

/// G39: a bad body leaves the code good.
#[tokio::test]
async fn a_bad_body_spends_nothing() {
    let world = World::new().await;
    let tx = code_for(&world, "alice", false).await;
    let good = enroll_body(&p256_key());
    let bad: Vec<Value> = ["identifier", "name", "push_credentials", "public_key"]
        .iter()
        .flat_map(|name| {
            [without(&good, name), with(&good, name, 7), with(&good, name, json!(null))]
        })
        .chain([json!([]), json!("text")])
        .collect();
    for body in bad {
        assert_x(&enroll(&world, &tx, &body).await, 400, "invalid_body");
    }
    let authorization = super::ticket_header(&tx);
    let headers = [("authorization", authorization.as_str())];
    for text in ["", "{", "{\"a\":1,\"a\":2}"] {
        let answer = world.request(Method::POST, ENROLL, &headers, text).await;
        assert_x(&answer, 400, "invalid_body");
    }
    assert_eq!(enroll(&world, &tx, &good).await.status, 201);
}

/// G40: the factor is off.
#[tokio::test]
async fn nobody_enrolls_while_the_factor_is_off() {
    let world = World::new().await;
    let tx = code_for(&world, "alice", false).await;
    let off = json!({ "enabled": false });
    let path = "guardian/factors/push-notification";
    assert_eq!(world.operator().request(Method::PUT, path, &off).await.status, 200);
    let answer = enroll(&world, &tx, &enroll_body(&p256_key())).await;
    assert_x(&answer, 403, "feature_disabled_by_admin");
}

/// G41: a second device needs a ticket that says so.
#[tokio::test]
async fn a_second_device_needs_a_ticket_for_several() {
    let world = World::new().await;
    let (first, second) =
        (code_for(&world, "alice", false).await, code_for(&world, "alice", false).await);
    let body = enroll_body(&p256_key());
    assert_eq!(enroll(&world, &first, &body).await.status, 201);
    let before = devices_of(&world, "alice").await;
    for identifier in ["a1b2c3d4e5f60718", "another"] {
        let body = with(&body, "identifier", identifier);
        assert_x(&enroll(&world, &second, &body).await, 409, "enrollment_conflict");
    }
    assert_eq!(devices_of(&world, "alice").await, before);
}

/// G42: with such a ticket a further one; with a known identifier, in place of that one.
#[tokio::test]
async fn a_ticket_for_several_adds_or_replaces() {
    let world = World::new().await;
    let (_, first) = enrolled(&world, "alice").await;
    let body = enroll_body(&p256_key());
    let tx = code_for(&world, "alice", true).await;
    let second = enroll(&world, &tx, &with(&body, "identifier", "tablet")).await;
    assert_eq!(second.status, 201, "{}", second.text());
    assert_eq!(devices_of(&world, "alice").await.len(), 2);
    let tx = code_for(&world, "alice", true).await;
    let third = enroll(&world, &tx, &body).await;
    assert_eq!(third.status, 201, "{}", third.text());
    let ids: Vec<String> = devices_of(&world, "alice")
        .await
        .iter()
        .map(|device| device["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 2);
    assert!(ids.contains(&second.member("id")) && ids.contains(&third.member("id")));
    let old = format!("appliance-mfa/api/device-accounts/{}", first["id"].as_str().unwrap());
    let token = first["token"].as_str().unwrap();
    let answer = call(&world, Method::PATCH, &old, token, Some(&json!({}))).await;
    assert_x(&answer, 404, "device_account_not_found");
}

/// G43: what the log is told.
#[tokio::test]
async fn the_log_tells_codes_devices_and_refusals() {
    let world = World::new().await;
    let tx = code_for(&world, "alice", false).await;
    assert_eq!(logged(&world, "gd_start_enroll").await.len(), 1);
    let body = enroll_body(&p256_key());
    enroll(&world, &tx, &json!({})).await;
    enroll(&world, "unknown", &body).await;
    let refused = logged(&world, "gd_start_enroll_failed").await;
    assert_eq!(refused.len(), 2);
    assert!(refused[0]["error"]["message"].is_string());
    let device = enroll(&world, &tx, &body).await;
    let complete = logged(&world, "gd_enrollment_complete").await;
    assert_eq!(complete.len(), 1);
    assert_eq!(complete[0]["device_id"], device.member("id"));
    assert!(!complete[0].to_string().contains(&device.member("token")));
}

#[tokio::test]
async fn of_many_phones_that_scan_one_code_one_is_enrolled() {
    let world = World::new().await;
    let ticket = ticket_for(&world, "alice", false).await;
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(super::start_flow(&world, &ticket).await.member("enrollment_tx_id"));
    }
    codes.push(codes[0].clone());
    let bodies: Vec<Value> = (0..codes.len())
        .map(|number| with(&enroll_body(&p256_key()), "identifier", format!("phone-{number}")))
        .collect();
    let calls = codes.iter().zip(&bodies).map(|(tx, body)| enroll(&world, tx, body));
    let answers = futures_of(calls.collect()).await;
    assert_eq!(answers.iter().filter(|status| **status == 201).count(), 1, "{answers:?}");
    let devices = devices_of(&world, "alice").await;
    assert_eq!(devices.iter().filter(|device| device["status"] == "confirmed").count(), 1);
}

/// All of them at once; their statuses.
async fn futures_of<F: Future<Output = testkit::Answer>>(calls: Vec<F>) -> Vec<u16> {
    let mut calls: Vec<_> = calls.into_iter().map(Box::pin).collect();
    let mut statuses: Vec<Option<u16>> = vec![None; calls.len()];
    std::future::poll_fn(|cx| {
        for (call, status) in calls.iter_mut().zip(&mut statuses) {
            if status.is_none()
                && let std::task::Poll::Ready(answer) = call.as_mut().poll(cx)
            {
                *status = Some(answer.status);
            }
        }
        if statuses.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    statuses.into_iter().flatten().collect()
}
