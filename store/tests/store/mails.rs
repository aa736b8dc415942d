//! Mail that waits: taken by one, tried again, forgotten.

use domain::{TenantId, UserId};
use store::mails::{self, Mail, Subject};
use store::{Written, push_providers};

use crate::common::{NOW, Place};
use crate::transactions::{done, hash};

fn mail(id: &str, subject: Subject) -> Mail {
    Mail {
        tenant: TenantId::new("acme"),
        id: id.to_owned(),
        user: UserId::new("auth0|alice"),
        subject,
        due_at: NOW,
        attempts: 0,
        expires_at: NOW.plus_seconds(60),
    }
}

#[tokio::test]
async fn a_mail_is_taken_by_one_and_tried_again() {
    let place = Place::new();
    let database = place.open().await;
    let ticket = mail("one", Subject::Ticket { sealed: vec![1, 2] });
    let wake = mail("two", Subject::Wake { auth_req_hash: hash(1) });
    done(&database, mails::insert(&ticket)).await;
    done(&database, mails::insert(&wake)).await;
    assert_eq!(mails::due(&database, NOW.plus_ms(-1)).await.unwrap(), []);
    assert_eq!(mails::due(&database, NOW).await.unwrap(), [ticket.clone(), wake.clone()]);
    let until = NOW.plus_seconds(9);
    done(&database, mails::lease(&ticket, until)).await;
    assert_eq!(database.run(mails::lease(&ticket, until)).await, Ok(Written::Overtaken));
    assert_eq!(mails::due(&database, NOW).await.unwrap(), std::slice::from_ref(&wake));
    done(&database, mails::again(&ticket, NOW)).await;
    assert_eq!(database.run(mails::again(&ticket, NOW)).await, Ok(Written::Overtaken));
    assert_eq!(mails::due(&database, NOW).await.unwrap()[0].attempts, 1);
    done(&database, mails::remove(&wake)).await;
    assert_eq!(database.run(mails::remove(&wake)).await, Ok(Written::Overtaken));
}

#[tokio::test]
async fn what_is_set_for_a_provider_can_be_forgotten() {
    let place = Place::new();
    let database = place.open().await;
    let tenant = TenantId::new("acme");
    let row = push_providers::PushProviderRow {
        provider: String::from("smtp"),
        document: String::from("{}"),
        sealed: Some(vec![7]),
        updated_at: NOW,
    };
    done(&database, push_providers::put(&tenant, &row)).await;
    done(&database, push_providers::remove(&tenant, "smtp")).await;
    let gone = database.run(push_providers::remove(&tenant, "smtp")).await;
    assert_eq!(gone, Ok(Written::Overtaken));
    assert_eq!(push_providers::list(&database, &tenant).await, Ok(Vec::new()));
}
