//! Loads that ten workers can carry, each with the agent and the broker that carry it.

use proptest::prelude::*;

use crate::scene::Scene;

/// Most workers of every load.
pub const MOST_WORKERS: u32 = 10;
/// A load is at most so many messages a second: a suite over all policies takes seconds.
const MOST_PER_S: f64 = 40.0;

/// A load that ten workers can carry, and a broker to carry it.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// Mean length of a call of one message, in milliseconds.
    pub call_ms: u64,
    /// Squared coefficient of variation of calls, in tenths.
    pub cv2_tenths: u32,
    /// Whether calls carry batches; half of a call's time is then each message's own.
    pub batch: bool,
    /// Slots of a worker.
    pub parallelism: u32,
    /// Share of the slots of ten workers that it keeps busy, message by message, in percent.
    pub percent: u32,
    /// Whether messages arrive at random; evenly spaced if not.
    pub random: bool,
    /// From a worker's order until it is ready.
    pub worker_start_ms: u64,
    /// Fewest workers.
    pub min_workers: u32,
    /// Whether the broker has an objective.
    pub objective: bool,
    /// All luck follows from it.
    pub seed: u64,
}

/// Any load of 5 to 70 % of ten workers.
pub fn loads() -> impl Strategy<Value = Load> {
    loads_of(5..=70)
}

/// Any load of so many percent of ten workers; above 100 they cannot carry it message by message.
pub fn loads_of(percent: std::ops::RangeInclusive<u32>) -> impl Strategy<Value = Load> {
    (
        (100_u64..800, 0_u32..15, any::<bool>(), 1_u32..=4, percent),
        (
            any::<bool>(),
            0_u64..2_000,
            1_u32..3,
            prop::bool::weighted(0.8),
            0_u64..1_000,
        ),
    )
        .prop_map(
            |(
                (call_ms, cv2_tenths, batch, parallelism, percent),
                (random, worker_start_ms, min_workers, objective, seed),
            )| Load {
                call_ms,
                cv2_tenths,
                batch,
                parallelism,
                percent,
                random,
                worker_start_ms,
                min_workers,
                objective,
                seed,
            },
        )
}

impl Load {
    /// Messages a second that keep one slot busy.
    #[must_use]
    pub fn per_slot(&self) -> f64 {
        1e3 / self.call_ms as f64
    }

    /// Messages a second of which ten workers can carry no more, one by one.
    #[must_use]
    pub fn most_per_s(&self) -> f64 {
        f64::from(MOST_WORKERS * self.parallelism) * self.per_slot()
    }

    /// Messages a second, to a tenth.
    #[must_use]
    pub fn per_s(&self) -> f64 {
        let wanted = self.most_per_s() * f64::from(self.percent) / 100.0;
        (wanted.min(MOST_PER_S) * 10.0).round() / 10.0
    }

    /// Workers that it keeps busy at 70 % of their slots, and one: where the pool starts.
    #[must_use]
    pub fn workers(&self) -> u32 {
        let busy = self.per_s() / self.per_slot() / f64::from(self.parallelism);
        ((busy / 0.7).ceil() as u32 + 1).clamp(self.min_workers, MOST_WORKERS)
    }

    /// Seconds that nobody should have to wait for longer once all is well: some calls, a batch's
    /// timeout. It is the objective, where there is one.
    #[must_use]
    pub fn bearable_s(&self) -> f64 {
        ((6.0 * self.call_ms as f64 / 1e3 + 1.2) * 10.0).ceil() / 10.0
    }

    /// The load as it is, all along.
    #[must_use]
    pub fn steady(&self) -> String {
        let kind = if self.random {
            "Poisson"
        } else {
            "Deterministic"
        };
        format!("{kind}(\"{}/s\")", self.per_s())
    }

    /// A scene of so many seconds under these arrivals, the whole of which counts, without limits.
    #[must_use]
    pub fn scene(&self, arrivals: String, length_s: u64) -> Scene {
        Scene {
            note: String::new(),
            length_s,
            warm_up_s: 0,
            seed: self.seed,
            arrivals,
            class: Vec::new(),
            agent: self.agent(),
            broker: self.broker(),
            world: Vec::new(),
            limits: Vec::new(),
            untroubled: None,
        }
    }

    fn agent(&self) -> Vec<String> {
        let (mean, cv2) = (self.call_ms, f64::from(self.cv2_tenths) / 10.0);
        let noisy = cv2 > 0.0;
        if self.batch {
            let half = mean as f64 / 2.0;
            let mut agent = vec![format!(
                "per_call: \"{half}ms\", per_item: Constant(\"{half}ms\")"
            )];
            agent.extend(noisy.then(|| format!("noise: Gamma(cv2: {cv2})")));
            return agent;
        }
        vec![if noisy {
            format!("call: LogNormalMean(mean: \"{mean}ms\", cv2: {cv2})")
        } else {
            format!("call: Constant(\"{mean}ms\")")
        }]
    }

    fn broker(&self) -> Vec<String> {
        let mut broker = vec![
            format!("num_workers: {}", self.workers()),
            format!("min_workers: {}", self.min_workers),
            format!("delivery_parallelism: {}", self.parallelism),
            format!("worker_start_ms: {}", self.worker_start_ms),
        ];
        let limit = self.bearable_s();
        broker.extend(
            (self.objective).then(|| format!("objective: \"p95(sojourn) < {:.0}ms\"", limit * 1e3)),
        );
        broker
    }
}
