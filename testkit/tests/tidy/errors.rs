//! `docs/errors.md` is what the tables of refusals say.

use std::fmt::Write as _;

use device_protocol::guardian::errors::Code;
use domain::ciba::profile::Profile;
use domain::oauth::refusal::Reason;

use crate::repository::is_generated;

const HEAD: &str = "# Errors

Generated from the tables of the code by `UPDATE_ERRORS=1 cargo test -p testkit --test tidy`; do not
edit.

## OAuth endpoints

`/bc-authorize`, `/oauth/token` and their neighbours answer with `{\"error\", \"error_description\"}`. What
happened decides; the profile of the client (the tenant's, while the client is not known) only chooses
the column. The description is often more exact than the one shown here: it names the parameter, the
character or the limit.

| what happened | where | `auth0` | `ciba`, `fapi-ciba` | description |
| --- | --- | --- | --- | --- |
";

const DEVICES: &str = "
## Device paths

`/appliance-mfa/…`, `/rich-consents/…` and their aliases answer with `{\"statusCode\", \"errorCode\",
\"error\", \"message\", \"description\"}`, all but the first of them text.

| `errorCode` | status |
| --- | --- |
";

const MANAGEMENT: &str = "
## Management API

`/api/v2/…` answers with `{\"statusCode\", \"error\", \"message\", \"errorCode\"}`, where `error` is the
reason phrase of the status; `errorCode` is left out where Auth0 has none.
";

fn document() -> String {
    let mut text = HEAD.to_owned();
    for reason in Reason::ALL {
        let paths: Vec<_> =
            reason.endpoints().iter().map(|at| format!("`{}`", at.path())).collect();
        let wire = |profile| {
            let wire = reason.wire(profile);
            format!("{} `{}`", wire.status, wire.error)
        };
        let (auth0, ciba) = (wire(Profile::Auth0), wire(Profile::Ciba));
        assert_eq!(ciba, wire(Profile::FapiCiba));
        let description = reason.description(Profile::Auth0).replace('|', "\\|");
        let paths = paths.join(" ");
        writeln!(text, "| {reason:?} | {paths} | {auth0} | {ciba} | {description} |").unwrap();
    }
    text.push_str(DEVICES);
    for code in Code::ALL {
        writeln!(text, "| `{}` | {} |", code.as_str(), code.status()).unwrap();
    }
    text.push_str(MANAGEMENT);
    text
}

#[test]
fn every_reason_is_in_the_list_of_errors() {
    is_generated("docs/errors.md", "UPDATE_ERRORS", &document());
}

#[test]
fn every_reason_can_be_sent_from_somewhere() {
    for reason in Reason::ALL {
        assert!(!reason.endpoints().is_empty(), "{reason:?} can never be sent");
        assert!(reason.wire(Profile::Auth0).status >= 400, "{reason:?} is no error");
    }
}
