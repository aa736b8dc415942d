//! W248, O450 to O455: mail, over real SMTP to the stand-in of `testkit`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};
use testkit::smtp::{MailReply, SMTP_PASS, SMTP_USER, Smtp, Taken};
use testkit::{Answer, World};

use super::logged;

const PROVIDER: &str = "emails/provider";
const TICKET: &str = "guardian/enrollments/ticket";

/// A mail server, and a World that may call it.
async fn world_with_mail() -> (World, Smtp) {
    let smtp = Smtp::start().await;
    let builder = World::builder().configured(|config| {
        config.outbound.ca_file = smtp.ca_file();
        config.outbound.allow = vec![String::from("localhost")];
    });
    (builder.start().await, smtp)
}

fn provider(host: &str, port: u16) -> Value {
    json!({
        "name": "smtp",
        "default_from_address": "Riverbank <no-reply@bank.example>",
        "credentials": {
            "smtp_host": host, "smtp_port": port, "smtp_user": SMTP_USER, "smtp_pass": SMTP_PASS,
        },
    })
}

pub(crate) async fn sets_provider(world: &World, smtp: &Smtp) {
    let set = world.operator().posts(PROVIDER, &provider("localhost", smtp.port())).await;
    assert_eq!(set.status, 201, "{}", set.text());
}

async fn mails_ticket(world: &World, person: &str, more: Value) -> Answer {
    let mut body = json!({ "user_id": world.user_id(person).as_str(), "send_mail": true });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.operator().posts(TICKET, &body).await
}

/// The text of a mail, whatever it was coded with.
fn text(mail: &Taken) -> String {
    let (head, body) = mail.data.split_once("\n\n").unwrap();
    if head.contains("Content-Transfer-Encoding: base64") {
        let packed: String = body.split_whitespace().collect();
        return String::from_utf8(STANDARD.decode(packed).unwrap()).unwrap();
    }
    body.replace("=\n", "").replace("=3D", "=")
}

pub(crate) fn link(mail: &Taken) -> String {
    let text = text(mail);
    let link = text.split_whitespace().find(|word| word.starts_with("https://"));
    link.unwrap().to_owned()
}

/// W278, O451: set, shown without its password, changed, and gone; other providers are refused.
#[tokio::test]
async fn a_provider_is_set_in_the_shape_of_auth0() {
    let (world, smtp) = world_with_mail().await;
    let operator = world.operator();
    assert_eq!(operator.gets(PROVIDER).await.status, 404);
    assert_eq!(operator.patches(PROVIDER, &json!({ "enabled": false })).await.status, 404);
    sets_provider(&world, &smtp).await;
    let again = operator.posts(PROVIDER, &provider("localhost", 587)).await;
    assert_eq!(again.status, 409, "{}", again.text());
    let shown = operator.gets(PROVIDER).await;
    assert_eq!(shown.status, 200);
    let expected = json!({
        "name": "smtp", "enabled": true, "settings": {},
        "default_from_address": "Riverbank <no-reply@bank.example>",
        "credentials": {
            "smtp_host": "localhost", "smtp_port": smtp.port(), "smtp_user": SMTP_USER,
        },
    });
    assert_eq!(shown.json(), expected);
    let change = json!({ "enabled": false, "default_from_address": "a@b.example" });
    let changed = operator.patches(PROVIDER, &change).await;
    assert_eq!((changed.status, &changed.json()["enabled"]), (200, &json!(false)));
    assert!(!changed.text().contains(SMTP_PASS));
    assert_eq!(operator.deletes(PROVIDER).await.status, 204);
    assert_eq!(operator.deletes(PROVIDER).await.status, 404);
    for wrong in [
        json!({ "name": "sendgrid", "credentials": { "api_key": "k" } }),
        json!({ "name": "pigeon", "credentials": {} }),
        json!({ "name": "smtp" }),
        json!({ "name": "smtp", "credentials": { "smtp_host": "mail.example" } }),
        json!({ "name": "smtp", "default_from_address": "nobody", "credentials": { "smtp_host": "m" } }),
        json!({ "name": "smtp", "default_from_address": "a@b.c",
            "credentials": { "smtp_host": "m", "smtp_port": 70000 } }),
        json!({ "name": "smtp", "default_from_address": "a@b.c",
            "credentials": { "smtp_host": "m", "smtp_user": "without a password" } }),
        json!({ "name": "smtp", "default_from_address": "a@b.c",
            "credentials": { "smtp_host": "m\r\nQUIT" } }),
    ] {
        let refused = operator.posts(PROVIDER, &wrong).await;
        assert_eq!(refused.status, 400, "{wrong}: {}", refused.text());
    }
}

/// W248, O452: the link is mailed over TLS to the person's own address, and opens the page.
#[tokio::test]
async fn a_tickets_link_is_mailed() {
    let (world, smtp) = world_with_mail().await;
    sets_provider(&world, &smtp).await;
    let answer = mails_ticket(&world, "alice", json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(smtp.taken().is_empty(), "the answer does not wait for the mail");
    world.run_worker().await;
    let [mail] = smtp.taken().try_into().unwrap();
    assert!(mail.is_encrypted);
    assert_eq!(mail.user.as_deref(), Some(SMTP_USER));
    assert_eq!(mail.from, "no-reply@bank.example");
    assert_eq!(mail.to, ["alice@example.com"]);
    assert_eq!(link(&mail), answer.member("ticket_url"));
    let [event] = logged(&world, "gd_send_email").await.try_into().unwrap();
    assert_eq!((&event["about"], &event["status"]), (&json!("ticket"), &json!(250)));
    assert!(!event.to_string().contains("example.com"), "{event}");
    world.run_worker().await;
    assert_eq!(smtp.taken().len(), 1);
}

/// O452: another address, another language, and nobody to write to.
#[tokio::test]
async fn a_link_goes_where_it_is_wanted_in_the_language_wanted() {
    let (world, smtp) = world_with_mail().await;
    sets_provider(&world, &smtp).await;
    let more = json!({ "email": "new@example.org", "email_locale": "ja-JP" });
    assert_eq!(mails_ticket(&world, "alice", more).await.status, 200);
    world.run_worker().await;
    let [mail] = smtp.taken().try_into().unwrap();
    assert_eq!(mail.to, ["new@example.org"]);
    assert!(text(&mail).contains("端末"), "{}", text(&mail));
    for email in ["nobody", "a@b\r\nRCPT TO:<eve@example.com>", "a@b.c, eve@example.com"] {
        let refused = mails_ticket(&world, "alice", json!({ "email": email })).await;
        assert_eq!(refused.status, 400, "{email}");
    }
    let off = world.operator().patches(PROVIDER, &json!({ "enabled": false })).await;
    assert_eq!(off.status, 200);
    let refused = mails_ticket(&world, "alice", json!({})).await;
    assert_eq!(
        (refused.status, refused.member("errorCode").as_str()),
        (400, "inexistent_email_provider")
    );
}

/// O453: what is refused for good is given up and told; what may pass is tried again.
#[tokio::test]
async fn a_mail_is_tried_again_until_it_is_refused_for_good() {
    let (world, smtp) = world_with_mail().await;
    sets_provider(&world, &smtp).await;
    smtp.replies(MailReply::RefuseRecipient("550 5.1.1 no such mailbox"));
    assert_eq!(mails_ticket(&world, "alice", json!({})).await.status, 200);
    for _ in 0..3 {
        world.run_worker().await;
        world.advance_seconds(60);
    }
    let [event] = logged(&world, "gd_send_email_failure").await.try_into().unwrap();
    assert_eq!(event["status"], 550);
    assert!(event["error"]["message"].as_str().unwrap().contains("no such mailbox"), "{event}");
    assert!(smtp.taken().is_empty());
    smtp.replies(MailReply::RefuseData("451 4.3.0 try again later"));
    smtp.replies(MailReply::Close);
    assert_eq!(mails_ticket(&world, "bob", json!({})).await.status, 200);
    for _ in 0..4 {
        world.run_worker().await;
        world.advance_seconds(60);
    }
    let [event] = logged(&world, "gd_send_email").await.try_into().unwrap();
    assert_eq!(event["attempts"], 3, "{event}");
    assert_eq!(smtp.taken().len(), 1);
}

/// O453: a mail that a dead process held goes out after the restart.
#[tokio::test]
async fn a_mail_outlives_its_process() {
    let (world, smtp) = world_with_mail().await;
    sets_provider(&world, &smtp).await;
    assert_eq!(mails_ticket(&world, "alice", json!({})).await.status, 200);
    world.restart().await;
    world.run_worker().await;
    assert_eq!(smtp.taken().len(), 1);
}

/// O454: nothing is said in the clear, nobody inside is called, and a wrong password is told.
#[tokio::test]
async fn nothing_is_sent_unencrypted_or_to_a_host_that_is_not_public() {
    let (world, smtp) = world_with_mail().await;
    sets_provider(&world, &smtp).await;
    let credentials = json!({ "smtp_user": SMTP_USER, "smtp_pass": "wrong" });
    for (change, why) in [
        (json!({ "credentials": credentials }), "535"),
        (json!({ "credentials": { "smtp_host": "127.0.0.1" } }), "not public"),
        (json!({ "credentials": { "smtp_host": "10.1.2.3", "smtp_port": 25 } }), "not public"),
    ] {
        let changed = world.operator().request(Method::PATCH, PROVIDER, &change).await;
        assert_eq!(changed.status, 200, "{}", changed.text());
        assert_eq!(mails_ticket(&world, "alice", json!({})).await.status, 200);
        world.run_worker().await;
        let event = logged(&world, "gd_send_email_failure").await[0].clone();
        assert!(event["error"]["message"].as_str().unwrap().contains(why), "{why}: {event}");
        world.advance_seconds(1);
    }
    assert_eq!(world.operator().deletes(PROVIDER).await.status, 204);
    sets_provider(&world, &smtp).await;
    smtp.hides_tls();
    assert_eq!(mails_ticket(&world, "alice", json!({})).await.status, 200);
    world.run_worker().await;
    let event = logged(&world, "gd_send_email_failure").await[0].clone();
    assert!(event["error"]["message"].as_str().unwrap().contains("STARTTLS"), "{event}");
    assert!(smtp.taken().is_empty());
}
