//! W183 to W186: how the person is reached.

use crate::*;

fn listing(channels: Value) -> Start {
    start().client("async_approval_notification_channels", channels)
}

/// W183: the first listed channel that can reach the person; a long life rules none out.
#[test]
fn the_first_channel_that_reaches_the_person() {
    let start = listing(json!(["email", "guardian-push"]))
        .client("max_requested_expiry", json!(259_200))
        .with("requested_expiry", "259200");
    assert_eq!(start.asked().unwrap().channel.as_str(), "guardian-push");
}

/// W186: channels that the server lacks are never eligible, and each says so.
#[test]
fn channels_that_the_server_lacks() {
    assert_eq!(
        listing(json!(["email", "my-account"])).told(),
        "400 invalid_request No eligible notification channels were found. email: Channel is \
         not available on this server my-account: Channel is not available on this server"
    );
}
