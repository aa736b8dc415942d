//! O237: an operator of one tenant is nobody in another.

use testkit::World;

use crate::{page_of, text};

/// O237: neither session nor link nor user crosses over.
#[tokio::test]
async fn nothing_of_one_tenant_is_known_in_another() {
    let world = World::builder().dev().start().await;
    let other = world.second_tenant("acme").await;
    other.adds_user("zoe").await;
    let (mine, theirs) = (world.browser().signed_in().await, other.browser().signed_in().await);
    assert!(text(&mine.opens("/console/users").await).contains("alice@"));
    assert!(!text(&mine.opens("/console/users").await).contains("zoe@"));
    assert!(text(&theirs.opens("/t/acme/console/users").await).contains("zoe@"));
    assert_eq!(mine.opens(&page_of(&world, "zoe")).await.status, 404);
    let stolen = other.browser();
    stolen.steals(&mine);
    let page = stolen.opens("/t/acme/console/users").await;
    assert!(!text(&page).contains("zoe@"), "a session of the other tenant opens nothing");
    let link = world.console_link("Mika").await;
    let (_, query) = link.split_once('?').unwrap();
    let page = other.browser().opens(&format!("/t/acme/console/sign-in?{query}")).await;
    assert_eq!(page.status, 404);
}

/// O237: in earnest, a shared host has no console of several tenants.
#[tokio::test]
async fn in_serve_there_is_no_console_under_a_prefix() {
    let world = World::new().await;
    for path in ["t/default/console/users", "t/default/console/sign-in"] {
        let page = world.get(path).await;
        assert_eq!(page.status, 404);
        assert!(page.text().contains("host name of the tenant's own"), "{}", page.text());
    }
    let tenant = String::from("acme");
    world.second_tenant("acme").await;
    let link = server::admin::Command::ConsoleLink { tenant, name: String::from("Mika") };
    let refused = server::admin::execute(&world.app(), link, world.now()).await.unwrap_err();
    assert!(refused.to_string().contains("custom domain"), "{refused}");
}
