//! A row gives back what was written, type by type, and says so when it is asked for another.

use crate::common::{NOW, Place};
use domain::{ClientId, Fingerprint, TenantId};
use store::clients::{self, ClientRow};
use store::signing_keys::Stage;
use store::{Row, Written};

async fn client_row(secret: Option<Fingerprint>) -> (Place, Row) {
    const READ: &str = "
        SELECT client_id, secret_hash, document, created_at, (SELECT count(*) FROM clients)
        FROM clients";
    let place = Place::new();
    let database = place.open().await;
    let client = ClientRow {
        client_id: ClientId::new("bank"),
        secret_hash: secret,
        document: String::from("{\"name\":\"Bank\"}"),
        created_at: NOW,
        updated_at: NOW,
    };
    let written = database.run(clients::insert(&TenantId::new("acme"), &client)).await;
    assert_eq!(written, Ok(Written::Done));
    let row = database.one(READ, &[]).await.unwrap().unwrap();
    (place, row)
}

#[tokio::test]
async fn each_type_comes_back_as_it_was_written() {
    let secret = Fingerprint::of(b"secret");
    let (_place, row) = client_row(Some(secret)).await;
    assert_eq!(row.text(0), Ok("bank"));
    assert_eq!(row.blob(1), Ok(secret.as_bytes().as_slice()));
    assert_eq!(row.optional_fingerprint(1), Ok(Some(secret)));
    assert_eq!(row.document(2).unwrap()["name"], "Bank");
    assert_eq!(row.optional_int(3), Ok(Some(NOW.ms())));
    assert_eq!(row.optional_time(3), Ok(Some(NOW)));
    assert_eq!(row.flag(4), Ok(true));
}

#[tokio::test]
async fn what_is_not_there_is_nothing_and_never_a_default() {
    let (_place, row) = client_row(None).await;
    assert_eq!(row.optional_blob(1), Ok(None));
    assert_eq!(row.optional_fingerprint(1), Ok(None));
    assert!(row.blob(1).is_err());
}

#[tokio::test]
async fn another_type_and_another_column_are_errors() {
    let (_place, row) = client_row(None).await;
    assert!(row.optional_int(0).is_err());
    assert!(row.optional_text(3).is_err());
    assert!(row.optional_blob(2).is_err());
    assert!(row.optional_text(5).is_err());
}

#[test]
fn the_stages_of_a_key_are_named_as_the_schema_checks_them() {
    let names = [Stage::Next, Stage::Current, Stage::Retired].map(Stage::name);
    assert_eq!(names, ["next", "current", "retired"]);
}
