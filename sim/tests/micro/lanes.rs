//! Lanes: by weight, strictly, and by the longest wait.

use crate::check::check;

/// One slot, taken by a normal message until 1; three normal and three low ones from 0.5 on,
/// each 1 long.
const MESSAGES: &str = "0   x  echo
                        0.5 n1 echo
                        0.5 l1 echo; lane: low
                        0.5 n2 echo
                        0.5 l2 echo; lane: low
                        0.5 n3 echo
                        0.5 l3 echo; lane: low";

#[track_caller]
fn lanes(broker: &str, expected: &str) {
    let agents = r#"agents: [(name: "echo", call: Constant("1s"))]"#;
    check(&format!("{agents}, broker: ({broker})"), MESSAGES, expected);
}

/// Weights 4 and 2: a normal start costs 1, a low one 2. At 1 the passes are 1 for normal, since
/// x went, and 0 for low. Low goes at 1, pass 2; normal at 2, pass 2; normal at 3 (the higher
/// among equals), pass 3; low at 4, pass 4; normal at 5, and the last low one at 6.
#[test]
fn weights_share_the_starts() {
    lanes(
        "discipline: Weighted",
        "x: delivered 1
         l1: delivered 1.5
         n1: delivered 2.5
         n2: delivered 3.5
         l2: delivered 4.5
         n3: delivered 5.5
         l3: delivered 6.5",
    );
}

/// Strict: all normal ones first, whatever the weights.
#[test]
fn strict_lanes_let_the_lower_one_wait() {
    lanes(
        "discipline: Strict",
        "x: delivered 1
         n1: delivered 1.5
         n2: delivered 2.5
         n3: delivered 3.5
         l1: delivered 4.5
         l2: delivered 5.5
         l3: delivered 6.5",
    );
}

/// Weights 100 and 1: after its first start, at 1, the low lane would have its next turn after a
/// hundred normal ones; but what has waited for more than 3 goes first. n1 at 2, n2 at 3, and at 4
/// the two low ones have waited 3.5: 4, 5; n3 at 6.
#[test]
fn what_waits_longer_than_its_lane_allows_goes_first() {
    lanes(
        "lane_weights: (normal: 100, low: 1), lane_max_wait_ms: (low: 3000)",
        "x: delivered 1
         l1: delivered 1.5
         n1: delivered 2.5
         n2: delivered 3.5
         l2: delivered 4.5
         l3: delivered 5.5
         n3: delivered 6.5",
    );
}

/// A wait of exactly the maximum is not yet too long: at 4 the low ones have waited 3.5, which
/// is what they may, so that n3 goes.
#[test]
fn the_maximum_wait_itself_is_allowed() {
    lanes(
        "lane_weights: (normal: 100, low: 1), lane_max_wait_ms: (low: 3500)",
        "x: delivered 1
         l1: delivered 1.5
         n1: delivered 2.5
         n2: delivered 3.5
         n3: delivered 4.5
         l2: delivered 5.5
         l3: delivered 6.5",
    );
}
