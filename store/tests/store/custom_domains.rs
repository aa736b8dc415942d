//! Custom domains: claimed by anybody, a host of one tenant only.

use crate::common::{NOW, Place};
use domain::{Fingerprint, TenantId};
use store::custom_domains::{self, CustomDomainRow, DOMAIN_LIMIT};
use store::{Database, Write, Written, tenants};

fn acme() -> TenantId {
    TenantId::new("acme")
}

async fn named(database: &Database, domain: &str) -> Option<CustomDomainRow> {
    custom_domains::by_domain(database, &acme(), domain).await.unwrap()
}

async fn done(database: &Database, write: Write) {
    assert_eq!(database.run(write).await, Ok(Written::Done));
}

async fn overtaken(database: &Database, write: Write) {
    assert_eq!(database.run(write).await, Ok(Written::Overtaken));
}

fn row(id: &str, domain: &str) -> CustomDomainRow {
    CustomDomainRow {
        id: id.to_owned(),
        domain: domain.to_owned(),
        is_ready: false,
        api_key_hash: None,
        document: String::from("{}"),
        created_at: NOW,
    }
}

#[tokio::test]
async fn a_verified_domain_is_a_host_of_one_tenant() {
    let place = Place::new();
    let database = place.open().await;
    let (login, other) = (row("cd_1", "login.example"), TenantId::new("other"));
    done(&database, custom_domains::insert(&acme(), &login)).await;
    overtaken(&database, custom_domains::insert(&acme(), &row("cd_2", "login.example"))).await;
    done(&database, custom_domains::insert(&other, &login)).await;
    assert_eq!(custom_domains::list(&database, &acme()).await, Ok(vec![login.clone()]));
    assert_eq!(named(&database, "login.example").await, None);
    assert_eq!(tenants::by_host(&database, "login.example").await, Ok(None));

    let key = Some(Fingerprint::of(b"key"));
    let before = database.configuration_generation();
    done(&database, custom_domains::make_ready(&acme(), &login, key)).await;
    assert!(database.configuration_generation() > before);
    overtaken(&database, custom_domains::make_ready(&acme(), &login, None)).await;
    overtaken(&database, custom_domains::make_ready(&other, &login, None)).await;
    let ready = CustomDomainRow { is_ready: true, api_key_hash: key, ..login.clone() };
    assert_eq!(custom_domains::one(&database, &acme(), "cd_1").await, Ok(Some(ready.clone())));
    assert_eq!(custom_domains::one(&database, &other, "cd_1").await, Ok(Some(login.clone())));
    assert_eq!(named(&database, "login.example").await, Some(ready.clone()));
    assert_eq!(tenants::by_host(&database, "login.example").await, Ok(Some(acme())));

    overtaken(&database, custom_domains::delete(&acme(), &login)).await;
    done(&database, custom_domains::delete(&other, &login)).await;
    assert_eq!(tenants::by_host(&database, "login.example").await, Ok(Some(acme())));
    done(&database, custom_domains::delete(&acme(), &ready)).await;
    overtaken(&database, custom_domains::delete(&acme(), &ready)).await;
    assert_eq!(tenants::by_host(&database, "login.example").await, Ok(None));
}

#[tokio::test]
async fn a_domain_changes_only_from_what_it_was_and_a_tenant_has_a_hundred() {
    let place = Place::new();
    let database = place.open().await;
    let login = row("cd_1", "login.example");
    done(&database, custom_domains::insert(&acme(), &login)).await;
    done(&database, custom_domains::replace(&acme(), &login, "{\"a\":1}")).await;
    overtaken(&database, custom_domains::replace(&acme(), &login, "{\"a\":2}")).await;
    for number in 1..DOMAIN_LIMIT {
        let next = row(&format!("next{number}"), &format!("d{number}.example"));
        done(&database, custom_domains::insert(&acme(), &next)).await;
    }
    overtaken(&database, custom_domains::insert(&acme(), &row("cd_x", "x.example"))).await;
    done(&database, tenants::add_host(&acme(), "h.example")).await;
    done(&database, tenants::remove_host(&TenantId::new("other"), "h.example")).await;
    assert_eq!(tenants::by_host(&database, "h.example").await, Ok(Some(acme())));
    done(&database, tenants::remove_host(&acme(), "h.example")).await;
    assert_eq!(tenants::by_host(&database, "h.example").await, Ok(None));
}
