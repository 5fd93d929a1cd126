//! Every peer delivers every message exactly once: what is compared is the same work.

use ebbtide_peers::cases::{CASES, Case};
use ebbtide_peers::{measure, peers, shapes};

#[test]
fn every_shape_delivers_every_message_of_every_case() {
    for shape in shapes::ALL {
        for (name, case) in CASES {
            // Asserts the sum of what arrived.
            let cost = measure::run(shape.run, *case, 2_000);
            assert!(cost.messages >= 2_000, "{} {name}", shape.name);
        }
    }
}

#[test]
fn every_peer_delivers_every_message_of_every_case() {
    for peer in peers::ALL {
        for (name, case) in CASES {
            let messages = match case {
                Case::Callers { callers } => *callers,
                Case::Tell { .. } | Case::Ask { .. } => 2_000,
            };
            // Asserts the sum of what arrived.
            let cost = measure::run(peer.run, *case, messages);
            assert!(cost.messages >= 50, "{} {name}", peer.name);
        }
    }
}
