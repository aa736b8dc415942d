//! O192, O193: another root key, while people are being asked.

use serde_json::json;
use server::admin::{self, Command};
use testkit::{ROOT_KEY, World};

const NEW: [u8; 32] = [8; 32];

async fn reseal(world: &World, only_look: bool) -> serde_json::Value {
    let command = Command::KeyReseal { only_look };
    admin::execute(&world.app(), command, world.now()).await.unwrap()
}

fn counted(newest: u64, former: u64, resealed: u64) -> serde_json::Value {
    json!({ "newest": newest, "former": former, "resealed": resealed, "closed": [] })
}

/// O192: nothing is lost of what the former key named, signed and sealed.
#[tokio::test]
async fn a_new_root_key_takes_over_and_the_former_one_can_go() {
    let world = World::new().await;
    let acme = world.second_tenant("acme").await;
    let bank = world.client();
    let (first, second) = (bank.asks_for("alice").await, bank.asks_for("bob").await);
    world.restart_under(&[NEW, ROOT_KEY]).await;
    world.phone_of("alice").approves(&first).await;
    assert!(bank.redeems(&first).await["access_token"].is_string());
    let third = bank.asks_for("carol").await;
    assert_eq!(reseal(&world, true).await, counted(0, 4, 0));
    assert_eq!(reseal(&world, false).await, counted(0, 0, 4));
    assert_eq!(reseal(&world, false).await, counted(4, 0, 0), "again is no different");
    world.restart_under(&[NEW]).await;
    world.phone_of("carol").approves(&third).await;
    let tokens = bank.redeems(&third).await;
    world.verified(tokens["id_token"].as_str().unwrap()).await;
    world.phone_of("bob").approves(&second).await;
    assert!(bank.redeems(&second).await["access_token"].is_string(), "by its hash alone");
    assert!(acme.client().gets_tokens("dave", |form| form).await["id_token"].is_string());
}

/// O192: a repeated start gets the name it got before.
#[tokio::test]
async fn a_repeated_start_keeps_its_name_under_a_new_root_key() {
    let world = World::new().await;
    let bank = world.client();
    world.phone_of("alice").is_ready().await;
    let form = bank.asking("alice");
    let (form, _) = bank.credentials(form);
    let start = async || {
        let headers = [("idempotency-key", "order 42")];
        let answer = world.post_form("bc-authorize", &form, &headers).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        world.run_worker().await;
        answer.member("auth_req_id")
    };
    let before = start().await;
    world.restart_under(&[NEW, ROOT_KEY]).await;
    assert_eq!(start().await, before);
}

/// O193: without the former key it is told what stays closed.
#[tokio::test]
async fn what_no_root_key_opens_is_named() {
    let world = World::new().await;
    world.restart_under(&[NEW]).await;
    let looked = reseal(&world, false).await;
    let closed = looked["closed"].as_array().unwrap();
    assert_eq!((closed.len(), &looked["resealed"]), (2, &json!(0)));
    assert!(closed[0].as_str().unwrap().starts_with("signing_keys/default/"), "{looked}");
    world.restart_under(&[NEW, ROOT_KEY]).await;
    assert_eq!(reseal(&world, false).await, counted(0, 0, 2), "nothing was harmed");
}
