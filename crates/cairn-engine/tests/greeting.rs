//! Stories of protocol versions: a session needs one that both sides speak.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod world;

use cairn_engine::{CloseReason, PROTOCOL_VERSIONS, Role};
use world::Pair;

#[test]
fn a_peer_without_a_common_protocol_version_is_told_so() {
    assert_eq!(PROTOCOL_VERSIONS, (1, 1));
    for versions in [(0, 0), (2, 2), (2, 9)] {
        let mut pair = Pair::new();
        let goal = pair.create_with_title(0, "goal");
        pair.share(0, goal, 1, Role::Read);
        pair.world.name_versions(1, versions);
        pair.connect();
        assert_eq!(pair.world.closed(0), [CloseReason::Version], "{versions:?}");
        assert_eq!(pair.world.open_connections(), 0);
        assert!(!pair.world.said_about(0, 1, goal));
        assert_eq!(pair.title(1, goal), None);
    }
}

#[test]
fn a_peer_that_speaks_other_protocol_versions_too_is_served() {
    for versions in [(1, 1), (0, 1), (1, 2), (0, 9)] {
        let mut pair = Pair::new();
        let goal = pair.create_with_title(0, "goal");
        pair.share(0, goal, 1, Role::Read);
        pair.world.name_versions(1, versions);
        pair.connect();
        assert_eq!(pair.world.closed(0), [], "{versions:?}");
        assert_eq!(pair.title(1, goal).as_deref(), Some("goal"));
    }
}
