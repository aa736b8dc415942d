//! O230: finding a person.

use testkit::World;

use crate::text;

/// O230: by whatever is at hand.
#[tokio::test]
async fn a_person_is_found_by_name_address_id_and_query() {
    let world = World::new().await;
    let browser = world.browser().signed_in().await;
    for query in [
        "ALIC",
        "alice@example.com",
        "Alice@EXAMPLE.com",
        "auth0|alice",
        "|alice",
        "name:\"alice example\"",
    ] {
        let page = browser.opens(&format!("/console/users?q={}", testkit::encoded(query))).await;
        let said = text(&page);
        assert!(page.status == 200 && said.contains("alice@example.com"), "{query}: {said}");
        assert!(!said.contains("bob@example.com"), "{query}: {said}");
    }
    let said = text(&browser.opens("/console/users").await);
    assert!(
        said.contains("alice@") && said.contains("bob@") && said.contains("No device"),
        "{said}"
    );
    let nobody = browser.opens("/console/users?q=zzz%25_*%3F").await;
    assert!(text(&nobody).contains("Nobody matches"));
}

/// O230: what is not understood is told with its place.
#[tokio::test]
async fn a_query_that_is_not_understood_says_where() {
    let world = World::new().await;
    let browser = world.browser().signed_in().await;
    let page = browser.opens("/console/users?q=name%3A%22Alice%22+AND+%28").await;
    assert_eq!(page.status, 400);
    assert!(text(&page).contains("at character 19"), "{}", text(&page));
    assert!(page.text().contains("name:&#34;Alice&#34; AND ("), "the question stays in its field");
}

/// O230: twenty-five a page, newest first.
#[tokio::test]
async fn a_long_list_has_pages() {
    let world = World::new().await;
    let browser = world.browser().signed_in().await;
    for number in 10..40 {
        world.advance_seconds(1);
        world.adds_user(&format!("person{number}")).await;
    }
    world.advance_seconds(60);
    let first = browser.opens("/console/users?q=person").await;
    let said = text(&first);
    assert!(said.contains("person39@") && said.contains("person15@"), "{said}");
    assert!(!said.contains("person14@") && said.contains("1–25"), "{said}");
    assert!(first.text().contains("/console/users?q=person&#38;page=2"), "{}", first.text());
    let second = text(&browser.opens("/console/users?q=person&page=2").await);
    assert!(second.contains("person14@") && second.contains("26–30"), "{second}");
    assert!(second.contains("Previous") && !second.contains("Next"), "{second}");
    assert_eq!(browser.opens("/console/users?page=999999").await.status, 400);
}
