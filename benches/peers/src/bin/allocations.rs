//! Heap allocations a message, peer by peer: the difference of two run lengths.
//!
//! A program of its own, because counting them costs time.

use std::alloc::System;

use ebbtide_peers::cases::{CASES, Case};
use ebbtide_peers::peers;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const CASES_COUNTED: &[&str] = &["tell 1→1", "tell 8→5", "ask 1", "ask 50"];
const SHORT: u64 = 4_000;
const LONG: u64 = 24_000;

#[expect(clippy::print_stdout, reason = "the table is what the program is for")]
fn main() {
    println!("## Heap allocations a message (bytes)\n");
    println!("| peer | {} |", CASES_COUNTED.join(" | "));
    println!("|---|{}", "--:|".repeat(CASES_COUNTED.len()));
    for peer in peers::ALL {
        let cases = CASES
            .iter()
            .filter(|(name, _)| CASES_COUNTED.contains(name));
        let cells = cases.map(|(_, case)| cell(peer.run, *case));
        println!(
            "| {} | {} |",
            peer.name,
            cells.collect::<Vec<_>>().join(" | ")
        );
    }
}

fn cell(run: fn(Case, u64) -> u64, case: Case) -> String {
    let (short, long) = (case.evenly(SHORT), case.evenly(LONG));
    let ((few, small), (many, large)) = (counted(run, case, short), counted(run, case, long));
    let per_message =
        |less: usize, more: usize| (more as f64 - less as f64) / (long - short) as f64;
    format!(
        "{:.2} ({:.0})",
        per_message(few, many),
        per_message(small, large)
    )
}

/// Allocations and bytes of a run.
fn counted(run: fn(Case, u64) -> u64, case: Case, messages: u64) -> (usize, usize) {
    let region = Region::new(COUNTED);
    assert_eq!(
        run(case, messages),
        case.sum(messages),
        "every message once"
    );
    let change = region.change();
    (
        change.allocations + change.reallocations,
        change.bytes_allocated,
    )
}
