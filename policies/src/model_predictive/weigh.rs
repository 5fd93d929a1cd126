//! What a setting is expected to cost, per second, in workers: those that run, and lateness at
//! a price in workers. The prices live here; which settings are weighed is `choose`'s matter.

use crate::observation::{Bounds, Setting};

use super::drain::{Drain, Lateness};
use super::standing::{BULKHEAD, Standing};
use super::workload::{AgentLoad, Workload};

/// The share of late messages that the objective allows is used to this part: the model
/// misses by as much.
const ALLOWANCE_USED: f64 = 0.5;
/// What it costs to use up that part once more, as a share of the workers that the load needs:
/// a worker more pays off where it keeps the late share from running to twice the allowance.
const ALLOWANCE_PRICE: f64 = 1.0;
/// So many times the allowance is as bad as it gets.
const WORST_ALLOWANCES: f64 = 20.0;
/// What each message a second late costs, in its own work: the middle one of the prices at
/// which policies are compared (1, 10 and 100).
const LATE_SECOND_PRICE: f64 = 10.0;
/// What a mean sojourn as long as the limit costs, as a share of the workers that the load
/// needs: among settings that hold the objective the faster one wins, but a worker is hired
/// for it only where sojourns fall by a good part of the limit.
const SOJOURN_PRICE: f64 = 1.0;
/// Lateness of the present backlog is looked at for as long as extra workers stay at least
/// (they leave one by one), in seconds …
const HORIZON_S: f64 = 10.0;
/// … and for at least so many start-ups.
const HORIZON_LEADS: f64 = 3.0;
/// No start-up is reckoned longer, in seconds.
const LONGEST_LEAD_S: f64 = 600.0;
/// A jump is seen after this long, in seconds: three or four points of the early ticks' grid.
const JUMP_SEEN_S: f64 = 0.4;
/// It is answered with this many times the workers that its load needs.
const JUMP_WORKERS: f64 = 1.5;
/// No objective allows fewer late messages than one in ten thousand, for the model's sake.
const LEAST_ALLOWED: f64 = 1e-4;

/// What a choice is made for.
pub(super) struct Situation<'a> {
    pub(super) load: &'a Workload,
    pub(super) bounds: Bounds,
    pub(super) present: Setting,
    /// Workers able to take, and those that will be.
    pub(super) ready: u32,
    pub(super) starting: u32,
    /// No more workers than this, whatever the bounds: more have been seen not to help.
    pub(super) most_workers: u32,
}

/// A setting and what is expected of it.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) setting: Setting,
    /// Per second, in workers; finite.
    pub(super) cost: f64,
    /// Share of messages late once the backlog is gone; 1 where it grows.
    pub(super) late_share: f64,
    /// Share of the horizon in which the backlog makes messages late.
    pub(super) drain_share: f64,
    pub(super) standing: Standing,
}

impl Situation<'_> {
    /// What `setting` is expected to cost.
    pub(super) fn weigh(&self, setting: Setting) -> Candidate {
        let load = self.load;
        let slots = f64::from(setting.workers.max(1)) * load.parallelism;
        let batch = f64::from(setting.batch_size.max(1));
        let standing = Standing::of(load, slots, batch, setting.batch_timeout.as_secs_f64());
        let drain = self.drain(setting, standing.slack_s(&load.objective));

        let limit_s = load.objective.limit.as_secs_f64().max(1e-6);
        let (late, sojourn_s) = if standing.is_stable() {
            let (share, excess_s) = standing.beyond(load.objective.measure, limit_s);
            let excess_s = excess_s.min(self.horizon_s());
            (Lateness { share, excess_s }, standing.mean_sojourn_s())
        } else {
            // By how much messages will be late the drain says: its backlog grows.
            let share = 1.0;
            (
                Lateness {
                    share,
                    excess_s: 0.0,
                },
                limit_s,
            )
        };
        let allowed = ALLOWANCE_USED * (1.0 - load.objective.quantile).max(LEAST_ALLOWED);
        let standing_allowances = (late.share / allowed - 1.0).clamp(0.0, WORST_ALLOWANCES);
        let drain_allowances = WORST_ALLOWANCES * drain.share;
        let price = ALLOWANCE_PRICE * (standing_allowances + drain_allowances)
            + LATE_SECOND_PRICE * (late.excess_s + drain.excess_s)
            + SOJOURN_PRICE * (sojourn_s / limit_s).min(1.0);
        let needed = (load.least_slots(batch) / load.parallelism).max(1.0);
        let cost = f64::from(setting.workers)
            + needed * price
            + self.jump_cost(setting, standing.slack_s(&load.objective));
        Candidate {
            setting,
            cost: if cost.is_finite() { cost } else { f64::MAX },
            late_share: late.share,
            drain_share: drain.share,
            standing,
        }
    }

    /// Lateness while the present backlog lasts: of the pool's, or of one agent's that may
    /// fill only its own slots, whichever is worse.
    fn drain(&self, setting: Setting, slack_s: f64) -> Lateness {
        let load = self.load;
        let batch = f64::from(setting.batch_size.max(1));
        let (now, later) = (self.ready.min(setting.workers), setting.workers);
        let horizon_s = self.horizon_s();
        let lateness = |share: f64, limit: f64, backlog: f64, inflow: f64| {
            let slots = |workers| (share * f64::from(workers) * load.parallelism).min(limit);
            let drain = Drain {
                backlog,
                inflow,
                slots_now: slots(now),
                slots_later: slots(later),
                lead_s: self.time_to(later),
                horizon_s,
            };
            drain.lateness(slack_s)
        };
        let backlog = |agent: &AgentLoad| agent.backlog(agent.max_batch.min(batch), horizon_s);
        let all = load.agents.iter().map(backlog).sum();
        let mut worst = lateness(1.0, f64::INFINITY, all, load.least_slots(batch));
        let own_share = if load.agents.len() > 1 { BULKHEAD } else { 1.0 };
        let rate = load.rate().max(1e-9);
        for agent in &load.agents {
            let carried = agent.max_batch.min(batch);
            let inflow = agent.served_rate(carried) * agent.slot_s(carried);
            let own = lateness(own_share, agent.limit, backlog(agent), inflow);
            let share = agent.rate / rate;
            worst.share = worst.share.max(share * own.share);
            worst.excess_s = worst.excess_s.max(share * own.excess_s);
        }
        worst
    }

    /// What the next jump of the load is expected to cost per second, if `setting` meets it:
    /// the lateness until as many workers as would do are there.
    fn jump_cost(&self, setting: Setting, slack_s: f64) -> f64 {
        let load = self.load;
        let Some(hazard) = load.hazard else {
            return 0.0;
        };
        let factor = hazard.rate / load.rate().max(1e-9);
        let inflow = factor * load.least_slots(f64::from(setting.batch_size.max(1)));
        let needed = inflow / load.parallelism;
        let most = f64::from(self.most_workers.min(self.bounds.max_workers));
        let grown = (JUMP_WORKERS * needed)
            .min(most)
            .max(f64::from(setting.workers));
        let horizon_s = self.horizon_s();
        let lateness = Drain {
            backlog: 0.0,
            inflow,
            slots_now: f64::from(setting.workers) * load.parallelism,
            slots_later: grown * load.parallelism,
            lead_s: self.lead_s() + JUMP_SEEN_S,
            horizon_s,
        }
        .lateness(slack_s);
        let price = ALLOWANCE_PRICE * WORST_ALLOWANCES * lateness.share
            + LATE_SECOND_PRICE * lateness.excess_s;
        hazard.per_s * horizon_s * needed.max(1.0) * price
    }

    /// How long until `workers` workers are ready, in seconds.
    fn time_to(&self, workers: u32) -> f64 {
        if workers <= self.ready {
            0.0
        } else if workers <= self.ready.saturating_add(self.starting) {
            // Those starting were ordered some time ago; half their start-up is left.
            self.lead_s() / 2.0
        } else {
            self.lead_s()
        }
    }

    fn lead_s(&self) -> f64 {
        self.load.lead_s.min(LONGEST_LEAD_S)
    }

    fn horizon_s(&self) -> f64 {
        HORIZON_S.max(HORIZON_LEADS * self.lead_s())
    }
}
