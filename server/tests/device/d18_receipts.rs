//! D18: what a decision leaves behind.

use device_protocol::aizuchi::receipt;
use domain::TransactionId;
use domain::jose::{Algorithm, PublicKey, Unverified};
use serde_json::Value;
use store::receipts;
use testkit::World;

use super::{Device, Said, asks, jwk_of, logged};

/// D18: a yes and a no alike leave a receipt: signed by a key of its own that stands in the key
/// set, with the words, the decision, the device's key and when it enrolled.
#[tokio::test]
async fn a_decision_leaves_a_signed_receipt() {
    for answer in [Said::Approve, Said::Deny(None)] {
        let world = World::new().await;
        let device = Device::of(&world, "alice").await;
        let enrolled_at = world.now().seconds();
        world.advance_seconds(7);
        asks(&world, "alice").await;
        let request = device.inbox().await[0].clone();
        let words = device.reads(&request).await;
        let decision = device.decision_of(&device.decision_claims(&request, &words, answer));
        assert_eq!(device.sends(&request, &decision).await.status, 204);

        let event = if answer == Said::Approve { "gd_auth_succeed" } else { "gd_auth_rejected" };
        let txn = logged(&world, event).await[0]["txn"].as_str().unwrap().to_owned();
        let number = u128::from_str_radix(&txn, 16).unwrap();
        let id = TransactionId::new(number.to_be_bytes());
        let app = world.app();
        let kept = receipts::one(&app.database, world.tenant_id(), &id).await.unwrap().unwrap();

        let presented = receipt::Presented::parse(&kept.receipt).unwrap();
        let unverified = Unverified::parse(presented.jws, receipt::MAX_BYTES).unwrap();
        assert!(unverified.header().is_type(receipt::TYP));
        let kid = unverified.header().kid.clone().unwrap();
        let set = world.get(".well-known/jwks.json").await.json();
        let of_receipts: Vec<&Value> = set["keys"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|key| key["kid"] == kid.as_str())
            .collect();
        assert_eq!((of_receipts.len(), &of_receipts[0]["use"]), (1, &Value::from("sig")));
        let key = PublicKey::from_jwk(of_receipts[0]).unwrap();
        let claims = unverified.verify(&key, &[Algorithm::Rs256]).unwrap();
        let receipt = presented.read(claims.as_map()).unwrap();
        let (said, parts) = (receipt.said, receipt.parts);
        assert_eq!((said.issuer, said.txn), (world.issuer(), txn));
        assert_eq!((said.content, parts.decision), (words, Some(decision)));
        assert_eq!(said.is_approved, answer == Said::Approve);
        let signer = parts.device.unwrap();
        assert_eq!((signer.id, signer.key), (device.id.clone(), jwk_of(&device.key)));
        assert_eq!((signer.enrolled_at, said.issued_at), (enrolled_at, enrolled_at + 7));
        let server_key = PublicKey::from_jwk(&said.server_key).unwrap();
        assert_eq!(server_key, device.server_key);
    }
}

/// D18: tokens are signed by other keys, and a tenant without such decisions shows no such key.
#[tokio::test]
async fn the_key_of_receipts_signs_nothing_else() {
    let world = World::new().await;
    let before = world.get(".well-known/jwks.json").await.json();
    let device = Device::of(&world, "alice").await;
    assert_eq!(world.get(".well-known/jwks.json").await.json(), before);
    let id = asks(&world, "alice").await;
    assert_eq!(device.decides(Said::Approve).await.status, 204);
    let after = world.get(".well-known/jwks.json").await.json();
    let count = |set: &Value| set["keys"].as_array().unwrap().len();
    assert_eq!(count(&after), count(&before) + 1);
    let added = after["keys"].as_array().unwrap().last().unwrap()["kid"].clone();
    let tokens = world.client().redeems(&id).await;
    let token = world.verified(tokens["id_token"].as_str().unwrap()).await;
    assert_ne!(token.header["kid"], added);
}
