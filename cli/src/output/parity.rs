//! What a replay of a journal found, in words.

use std::fmt::Write;

use ebbtide_core::journal::Parity;

use super::number::count;

/// How much was replayed, how much compared, and the verdict.
pub(crate) fn render(parity: &Parity, policy: &str) -> String {
    let number = |many: u64| count(many as f64);
    let mut text = format!(
        "policy     {policy}\n\
         inputs     {} replayed, up to {}\n\
         decisions  {} compared with their observations, {} of all changed the setting\n",
        number(parity.inputs),
        parity.until,
        number(parity.decisions),
        number(parity.changes),
    );
    if parity.gaps > 0 {
        let _ = writeln!(
            text,
            "gaps       {}; {} inputs lost; {} decisions in them compared on the logged observations",
            number(parity.gaps),
            number(parity.lost.inputs),
            number(parity.decisions_in_gaps),
        );
    }
    if !parity.ended && parity.mismatch.is_none() && parity.unknown_from.is_none() {
        text += "end        none: the broker was not shut down in good order\n";
    }
    text + &verdict(parity) + "\n"
}

fn verdict(parity: &Parity) -> String {
    if let Some(mismatch) = &parity.mismatch {
        return format!("no parity: {mismatch}");
    }
    if let Some(from) = parity.unknown_from {
        let lost = count(parity.lost.decisions as f64);
        return format!(
            "unknown from {from} on: the policy cannot be rebuilt without the decisions that were lost ({lost})"
        );
    }
    match (parity.decisions, parity.decisions_in_gaps) {
        (0, 0) => "unknown: the journal holds no decision".to_owned(),
        (_, 0) => {
            "parity: every observation and every decision is the same, byte for byte".to_owned()
        }
        (rebuilt, in_gaps) => format!(
            "parity: {} observations and all {} decisions are the same, byte for byte",
            count(rebuilt as f64),
            count((rebuilt + in_gaps) as f64)
        ),
    }
}
