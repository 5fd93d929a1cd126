//! What holds for every policy in closed loop, where its decisions change what it sees next:
//! it idles down, recovers from an overload, and leaves a constant load alone.
//!
//! Loads are drawn with a fixed seed; each failure prints the load that broke it, its seed
//! included. Deliberately absent: how good a policy is, but for the README's main job.

use ebbtide_measure::summary::samples;
use ebbtide_measure::{Detail, Run, Selector};
use ebbtide_policies::units::Duration;
use ebbtide_sim::experiment::replicate;
use ebbtide_sim::files::Files;
use ebbtide_sim::scenario::set;
use ebbtide_sim::{Experiment, Monitor, Plan, Sinks};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const REMOTE_AGENTS: &str = include_str!("../../scenarios/remote-agents.ron");

/// Slots of ten workers.
const MOST_SLOTS: f64 = 100.0;

/// A load that ten workers can carry, and a broker to carry it.
#[derive(Clone, Debug)]
struct Load {
    /// Mean length of a call of one message.
    call_ms: u64,
    /// How its logarithm scatters.
    sigma: f64,
    /// Whether calls carry batches; half of a call's time is then each message's own.
    batch: bool,
    /// Slots that the load would keep busy, message by message.
    busy: f64,
    worker_start_ms: u64,
    min_workers: u32,
    seed: u64,
}

impl Load {
    fn per_s(&self) -> f64 {
        self.busy / (self.call_ms as f64 / 1e3)
    }

    /// What nobody should have to wait for once all is well: some calls, a batch's timeout.
    fn bearable_s(&self) -> f64 {
        6.0 * self.call_ms as f64 / 1e3 + 1.2
    }

    /// Enough workers for it, at 70 % load.
    fn workers(&self) -> u32 {
        (self.busy / 7.0).ceil() as u32 + 1
    }

    /// Under `policy`, with these arrivals; the window is all after `warm_up_s`.
    fn run(&self, policy: &str, arrivals: &str, length_s: u64, warm_up_s: u64) -> Run {
        let Self {
            sigma,
            worker_start_ms,
            min_workers,
            seed,
            ..
        } = self;
        let mean = self.call_ms as f64;
        let agent = if self.batch {
            format!(
                "per_call: \"{}ms\", per_item: Constant(\"{}ms\"), noise: LogNormal(sigma: {sigma})",
                mean / 2.0,
                mean / 2.0
            )
        } else {
            let cv2 = (sigma * sigma).exp() - 1.0;
            format!("call: LogNormalMean(mean: \"{mean}ms\", cv2: {cv2})")
        };
        let limit = (self.bearable_s() * 1e3) as u64;
        let text = format!(
            "(
                run: (length: \"{length_s}s\", seed: {seed}, replications: 1),
                traffic: [(
                    arrivals: {arrivals},
                    classes: [(name: \"a\", to: Agent(\"it\"))],
                )],
                agents: [(name: \"it\", {agent})],
                broker: (
                    policy: \"{policy}\", num_workers: {}, min_workers: {min_workers},
                    worker_start_ms: {worker_start_ms}, objective: \"p95(sojourn) < {limit}ms\",
                ),
            )",
            self.workers().max(*min_workers),
        );
        let plan =
            Plan::new(&text, Files::default()).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let (nothing, monitor) = (Sinks::default(), Monitor::default());
        let warm_up = Duration::from_secs(warm_up_s);
        replicate(&plan, 0, 0, warm_up, Detail::Summary, &nothing, &monitor)
            .expect("nobody stops it")
    }
}

fn loads() -> impl Strategy<Value = Load> {
    (
        (50_u64..400, 0.0..1.0, any::<bool>(), 1.0..40.0),
        (0_u64..2_000, 1_u32..3, any::<u64>()),
    )
        .prop_map(
            |((call_ms, sigma, batch, busy), (worker_start_ms, min_workers, seed))| Load {
                call_ms,
                sigma,
                batch,
                // At most 300 a second, so that the tests take seconds.
                busy: f64::min(busy, 0.3 * call_ms as f64),
                worker_start_ms,
                min_workers,
                seed,
            },
        )
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(20),
        failure_persistence: None,
        max_shrink_iters: 8,
        ..ProptestConfig::default()
    }
}

fn figure(run: &Run, name: &str) -> f64 {
    let selector: Selector = name.parse().unwrap_or_else(|error| panic!("{error}"));
    let found = samples(std::slice::from_ref(run), &selector);
    found[0]
        .value
        .unwrap_or_else(|| panic!("{name} has no value"))
}

proptest! {
    #![proptest_config(cases(8))]

    /// A minute of load, then silence: the pool is as small as it may be. `threshold` looks back
    /// for five minutes before it believes it.
    #[test]
    fn without_load_the_fewest_workers_stay(load in loads()) {
        for (policy, silence_s) in [("adaptive", 60), ("threshold", 370)] {
            let arrivals = format!("Phases([(\"{}/s\", \"1min\")])", load.per_s());
            let length = 60 + silence_s;
            let run = load.run(policy, &arrivals, length, length - 10);
            prop_assert_eq!(figure(&run, "workers_mean"), f64::from(load.min_workers), "{}", policy);
        }
    }

    /// Fifteen seconds of half as much again as ten workers can do, message by message: a minute
    /// and a half later everything has its outcome, and new messages are served as if nothing had
    /// been.
    #[test]
    fn an_overload_is_recovered_from(load in loads()) {
        for policy in ["adaptive", "threshold", "fixed(10)"] {
            let (usual, peak) = (load.per_s(), 1.5 * MOST_SLOTS / (load.call_ms as f64 / 1e3));
            let arrivals = format!(
                "Phases([(\"{usual}/s\", \"30s\"), (\"{peak}/s\", \"15s\"), (\"{usual}/s\", \"2min\")])"
            );
            let run = load.run(policy, &arrivals, 165, 135);
            let counts = run.books.total.counts;
            prop_assert_eq!(counts.outcomes.unfinished, 0, "{}", policy);
            let sojourn = figure(&run, "mean(sojourn)");
            prop_assert!(sojourn < load.bearable_s(), "{}: {} s", policy, sojourn);
        }
    }

    /// Ten minutes of a constant load, after one to settle in.
    #[test]
    fn a_constant_load_sees_at_most_one_change_a_minute(load in loads()) {
        let arrivals = format!("Poisson(\"{}/s\")", load.per_s());
        for policy in ["adaptive", "threshold"] {
            let run = load.run(policy, &arrivals, 660, 60);
            let actions = figure(&run, "scale_actions");
            prop_assert!(actions <= 10.0, "{}: {} changes", policy, actions);
        }
        let fixed = load.run("fixed", &arrivals, 120, 0);
        prop_assert_eq!(figure(&fixed, "scale_actions"), 0.0);
    }
}

/// The main job: `adaptive` holds the objective with fewer worker-seconds than `remote`, and
/// `in_process` misses it.
#[test]
fn remote_agents_are_served_in_time_with_fewer_workers_than_remote() {
    let text = set(REMOTE_AGENTS, "run.replications", "2");
    let text = text.unwrap_or_else(|error| panic!("{error}"));
    let plan = Plan::new(&text, Files::default()).unwrap_or_else(|error| panic!("{error}"));
    let experiment = Experiment::run(&plan, &Sinks::default(), &Monitor::default());
    let of = |name: &str| {
        let found = experiment.policies.iter().find(|it| it.policy == name);
        let figures = &found
            .unwrap_or_else(|| panic!("{name} is run"))
            .results
            .total
            .figures;
        let p95 = figures.sojourn_s.p95.mean.expect("messages enough");
        let workers = figures
            .worker_seconds
            .and_then(|it| it.mean)
            .expect("kept for the whole");
        eprintln!("{name}: p95(sojourn) {p95:.3} s with {workers:.0} worker-seconds");
        (p95, workers)
    };
    let (adaptive, remote, in_process) = (of("adaptive"), of("remote"), of("in_process"));
    assert!(adaptive.0 < 0.5 && remote.0 < 0.5 && in_process.0 > 0.5);
    assert!(adaptive.1 < remote.1);
}
