//! What a request carries: forms and JSON, read strictly and within bounds.

#![expect(clippy::unwrap_used, reason = "what tests share may panic like they do")]

use domain::oauth::parameters::{MAX_PARAMETERS, Parameters};
use domain::oauth::refusal::{Reason, Refusal};
use proptest::prelude::*;

fn form(text: &str) -> Parameters {
    Parameters::from_form(text.as_bytes()).unwrap()
}

fn told(refusal: &Refusal) -> (Reason, String) {
    (refusal.reason, refusal.to_string())
}

/// W48: in any order, decoded as a form.
#[test]
fn a_form_is_decoded() {
    let given = form("scope=openid+read%3Abalance&binding_message=Caf%C3%A9&x=1&auth_req_id=a");
    assert_eq!(given.required("scope").unwrap(), "openid read:balance");
    assert_eq!(given.required("binding_message").unwrap(), "Café");
    assert_eq!(given.optional("audience").unwrap(), None);
}

/// W53, W69: an empty parameter is as if absent.
#[test]
fn an_empty_parameter_is_absent() {
    let given = form("audience=&requested_expiry&scope=openid");
    assert_eq!(given.optional("audience").unwrap(), None);
    assert_eq!(given.optional("requested_expiry").unwrap(), None);
    assert!(!given.has("audience"));
}

/// W144: no `auth_req_id`, an empty one, or none that is a string.
#[test]
fn a_required_parameter_that_is_missing_is_named() {
    let missing = (Reason::MissingParameter, "auth_req_id is required".to_owned());
    for text in ["", "auth_req_id=", "auth_req_id"] {
        assert_eq!(told(&form(text).required("auth_req_id").unwrap_err()), missing, "{text}");
    }
    for text in
        ["{}", r#"{"auth_req_id":5}"#, r#"{"auth_req_id":["a"]}"#, r#"{"auth_req_id":null}"#]
    {
        let given = Parameters::from_json(text.as_bytes()).unwrap();
        assert_eq!(told(&given.required("auth_req_id").unwrap_err()), missing, "{text}");
    }
}

/// W104: any parameter sent twice, and the first of them is named.
#[test]
fn a_parameter_sent_twice_is_named() {
    let given = form("a=1&scope=x&b=&scope=x&a=2");
    assert_eq!(
        told(&given.check_no_duplicates(&[]).unwrap_err()),
        (Reason::DuplicateParameter, "Duplicate parameter: scope".to_owned())
    );
    let json = Parameters::from_json(br#"{"client_id":"a","client_id":"a"}"#).unwrap();
    assert_eq!(
        json.check_no_duplicates(&[]).unwrap_err().to_string(),
        "Duplicate parameter: client_id"
    );
    assert!(form("audience=&audience=").check_no_duplicates(&[]).is_err());
}

/// W104: in the other profiles `resource` may repeat.
#[test]
fn a_parameter_that_may_repeat_gives_all_its_values() {
    let given = form("resource=a&resource=b");
    assert!(given.check_no_duplicates(&["resource"]).is_ok());
    assert_eq!(given.all("resource").collect::<Vec<_>>(), ["a", "b"]);
    assert!(given.check_no_duplicates(&[]).is_err());
}

/// W124: a member that is `null`, or empty text, is as if absent.
#[test]
fn null_and_empty_members_are_absent() {
    let given = Parameters::from_json(br#"{"organization":null,"scope":"","a":"b"}"#).unwrap();
    assert_eq!(given.optional("organization").unwrap(), None);
    assert_eq!(given.optional("scope").unwrap(), None);
    assert_eq!(given.optional("a").unwrap(), Some("b"));
}

/// W123: the JSON poll of auth0-python.
#[test]
fn json_is_read_like_a_form() {
    let body = br#"{"client_id":"c","auth_req_id":"r","grant_type":"urn:openid:params:grant-type:ciba","client_secret":"s"}"#;
    let given = Parameters::from_json(body).unwrap();
    assert_eq!(given.required("auth_req_id").unwrap(), "r");
    assert_eq!(given.required("grant_type").unwrap(), "urn:openid:params:grant-type:ciba");
}

#[test]
fn json_that_is_no_text_is_told_apart() {
    let given =
        Parameters::from_json(br#"{"n":120,"t":true,"d":[{"type":"a"}],"o":{"a":1}}"#).unwrap();
    assert_eq!(given.optional_bare("n").unwrap(), Some("120"));
    assert_eq!(given.optional_bare("t").unwrap(), Some("true"));
    assert_eq!(given.optional_structure("d").unwrap(), Some(r#"[{"type":"a"}]"#));
    assert_eq!(
        told(&given.optional("o").unwrap_err()),
        (Reason::BadParameter, "o must be a string".to_owned())
    );
    assert!(given.optional_bare("d").is_err());
}

#[test]
fn broken_encodings_are_refused_and_say_where() {
    let cases = [
        ("a=%zz", "The value of a has a broken percent escape at byte 0"),
        ("a=xx%4", "The value of a has a broken percent escape at byte 2"),
        ("a=x%FF", "The value of a is not valid UTF-8 from byte 1"),
        ("%C3=x", "The name of a parameter is not valid UTF-8 from byte 0"),
    ];
    for (text, expected) in cases {
        let refusal = Parameters::from_form(text.as_bytes()).unwrap_err();
        assert_eq!(told(&refusal), (Reason::MalformedBody, expected.to_owned()), "{text}");
    }
    assert!(Parameters::from_form(b"a=\xff").is_err());
}

#[test]
fn json_that_is_no_object_is_refused() {
    for text in ["", "[]", "1", "{", "{\"a\":\"\u{1}\"}", "{}{}"] {
        let refusal = Parameters::from_json(text.as_bytes()).unwrap_err();
        assert_eq!(refusal.reason, Reason::MalformedBody, "{text}");
    }
    let deep = format!("{{\"a\":{}", "[".repeat(10_000));
    assert!(Parameters::from_json(deep.as_bytes()).is_err());
}

#[test]
fn bounds_are_named() {
    let many: Vec<String> = (0..=MAX_PARAMETERS).map(|n| format!("p{n}=1")).collect();
    assert_eq!(
        Parameters::from_form(many.join("&").as_bytes()).unwrap_err().to_string(),
        "A request must not have more than 100 parameters"
    );
    let long_name = format!("{}=1", "n".repeat(256));
    assert_eq!(
        Parameters::from_form(long_name.as_bytes()).unwrap_err().to_string(),
        "The name of a parameter must not exceed 255 bytes"
    );
    let long_value = form(&format!("audience={}", "x".repeat(8193)));
    assert_eq!(
        told(&long_value.optional("audience").unwrap_err()),
        (Reason::ParameterTooLong, "audience must not exceed 8192 bytes".to_owned())
    );
    let huge = vec![b'a'; 65_537];
    assert_eq!(
        Parameters::from_form(&huge)
            .unwrap_err()
            .wire(domain::ciba::profile::Profile::Auth0)
            .status,
        413
    );
    assert!(Parameters::from_json(&huge).is_err());
}

#[test]
fn nothing_secret_is_shown() {
    let shown = format!("{:?}", form("client_secret=hush&client_id=me"));
    assert_eq!(shown, r#"["client_secret", "client_id"]"#);
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(given) = Parameters::from_form(&bytes) {
            prop_assert!(given.required("a").is_ok() || !given.has("a"));
        }
        if let Err(refusal) = Parameters::from_json(&bytes) {
            prop_assert_eq!(refusal.reason, Reason::MalformedBody);
        }
    }

    #[test]
    fn what_is_encoded_comes_back(name in "[a-z_]{1,10}", value in "\\PC{1,40}") {
        let body: String =
            form_urlencoded::Serializer::new(String::new()).append_pair(&name, &value).finish();
        let given = Parameters::from_form(body.as_bytes()).unwrap();
        prop_assert_eq!(given.required(&name).unwrap(), value);
    }
}
