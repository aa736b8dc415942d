//! What the transaction stores of it.

use crate::*;

#[test]
fn what_was_asked_comes_back_as_it_was_stored() {
    let full = start()
        .api(json!({}))
        .with("scope", "openid x offline_access")
        .with("authorization_details", r#"[ {"z":1, "type":"pay", "n":"日"} ]"#);
    for start in [start(), full] {
        let asked = start.asked().unwrap();
        assert_eq!(Asked::from_document(&asked.to_document()).unwrap(), asked);
    }
}

#[test]
fn the_stored_format_is_what_it_was() {
    assert_eq!(
        start().asked().unwrap().to_document(),
        r#"{"v":1,"user_id":"auth0|1","issuer":"https://t/","scope":"openid","binding_message":"21-49-38","expires_in":300,"channel":"guardian-push"}"#
    );
}

#[test]
fn texts_that_are_no_request_are_refused() {
    let good = start().asked().unwrap().to_document();
    for text in ["", "{}", &good.replace("\"v\":1", "\"v\":2"), &good.replace("guardian", "x")] {
        assert!(Asked::from_document(text).is_err(), "{text}");
    }
}
