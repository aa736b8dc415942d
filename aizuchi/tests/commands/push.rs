//! O114: trying a push out from a terminal.

use crate::common::{Dev, aizuchi};

/// O114: exit 0 only if the push was taken; what is missing is said.
#[test]
fn a_test_push_tells_by_its_exit_code() {
    let dev = Dev::start(&[]);
    let taken = dev.administer(&["push", "test", "--token", "t1", "--service", "GCM"]).done();
    assert_eq!(taken.json()["outcome"], "accepted");
    assert!(dev.http("GET", "/dev/tray/t1").1.contains("aizuchi push test"));
    let unknown = dev.administer(&["push", "test", "--device", "dev_none"]);
    assert!(unknown.code == 1 && unknown.err.contains("no device dev_none"), "{unknown:?}");
    let vague = aizuchi(&["push", "test", "--token", "t1"]);
    assert!(vague.code == 64 && vague.err.contains("--service"), "{vague:?}");
}
