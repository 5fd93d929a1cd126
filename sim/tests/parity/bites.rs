//! Whatever is wrong with either side is found, at its place.

use ebbtide_core::Verdict;
use ebbtide_core::event::DecisionRecord;
use ebbtide_core::journal::{Input, Mismatch, Record, Verdicts};
use ebbtide_policies::units::Duration;
use ebbtide_policies::{Decision, Observation, Policy, registry};

use crate::MIXED;
use crate::tape::{Tape, Writer, replay};

/// A policy under another's name, which wishes for a tenth more: as if a constant had been changed
/// since the journal was written.
struct Changed {
    inner: Box<dyn Policy>,
    name: &'static str,
    more: f64,
}

impl Policy for Changed {
    fn name(&self) -> &str {
        self.name
    }

    fn start_workers(&self) -> Option<u32> {
        self.inner.start_workers()
    }

    fn decide(&mut self, observation: &Observation) -> Decision {
        let mut decision = self.inner.decide(observation);
        decision.workers *= self.more;
        decision
    }
}

fn shipped(name: &str) -> Option<Box<dyn Policy>> {
    registry::build(name).ok()
}

/// Replays a changed journal with the shipped policies; what disagrees.
#[track_caller]
fn mismatch(
    tape: &Tape,
    change: impl FnMut(Record<'static>) -> Option<Record<'static>>,
) -> Mismatch {
    let parity = replay(&tape.changed(change), &shipped);
    parity.mismatch.expect("the change is found")
}

fn changed(policy: &'static str) -> Changed {
    let (inner, more) = match policy {
        "fixed" => ("fixed(6)", 1.0),
        "threshold(2)" => ("threshold(3)", 1.0),
        "adaptive" => ("adaptive(hold_s: 3)", 1.0),
        name => (name, 1.1),
    };
    Changed {
        inner: registry::build(inner).expect("shipped"),
        name: policy,
        more,
    }
}

#[test]
fn a_changed_constant_in_a_policy() {
    for policy in crate::names() {
        for writer in [Writer::Keeps, Writer::Stalls { seed: 1 }] {
            let tape = Tape::record(MIXED, policy, writer);
            let parity = replay(&tape.bytes(), &|_| Some(Box::new(changed(policy))));
            let found = parity.mismatch.unwrap_or_else(|| panic!("{policy} passes"));
            assert!(found.decision.is_some(), "{found}");
        }
    }
}

#[test]
fn a_constant_changed_by_nothing_passes() {
    let tape = Tape::record(MIXED, "adaptive", Writer::Keeps);
    let same = || Changed {
        inner: registry::build("adaptive").expect("shipped"),
        name: "adaptive",
        more: 1.0,
    };
    assert_eq!(
        replay(&tape.bytes(), &|_| Some(Box::new(same()))).mismatch,
        None
    );
}

/// Changes an input of one kind. Whether it was of that kind.
type Flip = fn(&mut Input<'static>) -> bool;

fn fail(input: &mut Input<'static>) -> bool {
    let delivered = Verdicts::All(Verdict::Delivered);
    match input {
        Input::Settle { verdicts, .. } if *verdicts == delivered => {
            *verdicts = Verdicts::All(Verdict::Failed);
            true
        }
        _ => false,
    }
}

fn mistake(input: &mut Input<'static>) -> bool {
    let Input::Submit(entry) = input else {
        return false;
    };
    entry.agent.0 = 1 - entry.agent.0;
    true
}

fn age(input: &mut Input<'static>) -> bool {
    let Input::Submit(entry) = input else {
        return false;
    };
    entry.age += Duration::from_millis(5);
    true
}

fn skip(input: &mut Input<'static>) -> bool {
    let is_take = matches!(input, Input::Take { .. });
    if is_take {
        *input = Input::Advance;
    }
    is_take
}

#[test]
fn one_input_of_thousands() {
    let tape = Tape::record(MIXED, "adaptive", Writer::Keeps);
    let flips: [(&str, Flip); 4] = [
        ("verdict", fail),
        ("agent", mistake),
        ("sent", age),
        ("call not made", skip),
    ];
    for (what, flip) in flips {
        // One in the midst: the first of its kind after some input. One that changes nothing, a take
        // with nothing to take, is followed by another.
        let found = (2_000..).step_by(97).take(20).find_map(|from| {
            let mut number = 0;
            let changed = tape.changed(|mut record| {
                if let Record::Input { input, .. } = &mut record {
                    number += 1;
                    if number > from && flip(input) {
                        number = i32::MIN;
                    }
                }
                Some(record)
            });
            replay(&changed, &shipped).mismatch
        });
        let found = found.unwrap_or_else(|| panic!("{what}: the change is found"));
        assert!(
            found.decision.is_some() && found.inputs > 2_000,
            "{what}: {found}"
        );
    }
}

#[test]
fn a_millisecond_between_two_inputs() {
    let tape = Tape::record(MIXED, "threshold(2)", Writer::Keeps);
    let mut number = 0;
    let found = mismatch(&tape, |mut record| {
        if let Record::Input { after, .. } = &mut record {
            number += 1;
            if number == 2_000 {
                *after += Duration::from_millis(1);
            }
        }
        Some(record)
    });
    assert!(found.inputs >= 2_000, "{found}");
}

/// A shell that computes what a policy sees by a path of its own, right to a part in a million.
#[test]
fn observations_computed_another_way() {
    let tape = Tape::record(MIXED, "adaptive", Writer::Keeps);
    let found = mismatch(&tape, |record| {
        let Record::Decision(json) = &record else {
            return Some(record);
        };
        let mut logged: DecisionRecord = serde_json::from_str(json).expect("a decision");
        let seen = logged.observation.as_mut().expect("kept");
        let seconds = seen.slots.idle.as_secs_f64() as f32;
        seen.slots.idle = Duration::from_secs_f64(f64::from(seconds));
        let json = serde_json::to_string(&logged).expect("text keys only");
        Some(Record::Decision(json.into()))
    });
    assert_eq!(found.field, "observation.slots.idle", "{found}");
}

#[test]
fn a_decision_too_few_or_too_many() {
    let tape = Tape::record(MIXED, "threshold(2)", Writer::Keeps);
    let mut decisions = 0;
    let left_out = mismatch(&tape, |record| {
        decisions += i32::from(matches!(record, Record::Decision(_)));
        (decisions != 7 || !matches!(record, Record::Decision(_))).then_some(record)
    });
    assert_eq!(left_out.decision, Some(6), "{left_out}");
    let (mut decisions, mut seventh) = (0, None);
    let twice = mismatch(&tape, |record| {
        let advance = matches!(
            &record,
            Record::Input {
                input: Input::Advance,
                ..
            }
        );
        if matches!(record, Record::Decision(_)) {
            decisions += 1;
            seventh = (decisions == 7).then(|| record.clone());
        }
        if advance {
            seventh.take().or(Some(record))
        } else {
            Some(record)
        }
    });
    assert!(
        twice.live == "one" && twice.replayed == "no decision",
        "{twice}"
    );
}
