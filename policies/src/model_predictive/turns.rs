//! Who waits for whom: a lane that goes first leaves the waiting to the agents of the others.
//!
//! Policies see no lanes, but whose messages wait. As long as all wait alike, an agent's share of what waits is its
//! share of what comes.

use crate::observation::AgentObservation;

use super::workload::AgentLoad;

/// What waited fades with this time constant, in seconds …
const MEMORY_S: f64 = 60.0;
/// … and before anything did all are taken to have waited alike, so many messages for a second.
const ALIKE: f64 = 20.0;
/// Nobody's messages are taken to wait longer than so many times the mean: where hardly any come, a few say little.
const MOST: f64 = 5.0;

/// What waited of one agent's messages for slots alone: messages times seconds, fading.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Waited(f64);

impl Waited {
    /// Takes an interval at whose end `agent`'s messages waited for slots and for nothing else, or not.
    pub(super) fn observe(&mut self, length_s: f64, agent: &AgentObservation, for_slots: bool) {
        self.0 *= (-length_s / MEMORY_S).exp();
        if for_slots {
            self.0 += agent.takeable() as f64 * length_s;
        }
    }
}

/// Says of each load how long its messages wait beside those of all. What waits for batches or by an agent's own
/// limits tells nothing of turns.
pub(super) fn share_out(loads: &mut [AgentLoad], waited: &[Waited]) {
    let rate: f64 = loads
        .iter()
        .filter(|load| is_plain(load))
        .map(|load| load.rate)
        .sum();
    let known = loads.iter().zip(waited).filter(|(load, _)| is_plain(load));
    let all = ALIKE + known.map(|(_, waited)| waited.0).sum::<f64>();
    for (load, waited) in loads.iter_mut().zip(waited) {
        let of_rate = load.rate / rate.max(f64::MIN_POSITIVE);
        if is_plain(load) && of_rate > 0.0 {
            let of_waits = (waited.0 + ALIKE * of_rate) / all;
            load.waits = (of_waits / of_rate).min(MOST);
        }
    }
}

fn is_plain(load: &AgentLoad) -> bool {
    let limits = [load.limit, load.calls_per_s, load.messages_per_s];
    load.max_batch <= 1.0 && limits.iter().all(|limit| limit.is_infinite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model_predictive::fixtures::agent;

    #[test]
    fn a_lane_that_goes_first_leaves_the_waiting_to_the_others() {
        let mut loads = [agent(10.0, 0.1, 0.5), agent(30.0, 0.1, 0.5)];
        share_out(&mut loads, &[Waited(0.0), Waited(1e9)]);
        assert!(loads[0].waits < 1e-6);
        assert!((loads[1].waits - 4.0 / 3.0).abs() < 1e-6);
        share_out(&mut loads, &[Waited(1e9), Waited(3e9)]);
        assert!((loads[0].waits - 1.0).abs() < 1e-6);
    }

    #[test]
    fn nothing_is_read_into_little() {
        let mut loads = [agent(10.0, 0.1, 0.5), agent(10.0, 0.1, 0.5)];
        share_out(&mut loads, &[Waited(0.0), Waited(2.0)]);
        assert!((loads[0].waits - 0.91).abs() < 0.01, "{}", loads[0].waits);
    }
}
