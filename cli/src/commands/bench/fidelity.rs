//! `ebbtide bench fidelity`: what `simulate` predicts is what the broker does.
//!
//! How a scenario is run live, and what is compared, stands in the room `fidelity`.

use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering};

use ebbtide_fidelity::{Agreement, DEMANDING, NotLive, Pace, compare};
use ebbtide_policies::units::Duration;
use ebbtide_sim::Plan;
use ebbtide_sim::shipped::SHIPPED;
use rayon::ThreadPool;
use serde_json::json;

use crate::args::{Clock, FidelityArgs, Format};
use crate::error::{CliError, Fault};
use crate::exit::Exit;
use crate::input::Source;
use crate::output::progress::{Progress, Verbosity};
use crate::output::{Stdout, agreement};
use crate::threads;

/// Longest scenario that is run by the clock on the wall unless that is asked for.
const SHORT: Duration = Duration::from_secs(60);

/// By the clock on the wall no run is longer, and there are no more of them: they cannot go
/// side by side.
const WALL_LENGTH: Duration = Duration::from_secs(6);
const WALL_REPLICATIONS: u32 = 3;

/// A scenario and a clock to compare on.
struct Job {
    scenario: String,
    plan: Plan,
    pace: Pace,
    replications: u32,
}

/// Compares every scenario, and says what agrees.
pub(super) fn run(args: &FidelityArgs) -> Result<Exit, CliError> {
    let (jobs, left_out) = jobs(args)?;
    let pool = threads::pool(args.threads)?;
    for (scenario, reason) in &left_out {
        Fault::warning(format!("{scenario} is left out: {reason}")).print();
    }
    let work = jobs.iter().map(Job::seconds).sum::<f64>();
    let progress = Progress::start("fidelity", Verbosity::from_flag(args.printing.quiet));
    let (mut before, mut exit) = (0.0, Exit::Success);
    let mut closing = agreement::Closing::default();
    for job in &jobs {
        let found = job.run(&pool, |share| {
            progress.update((before + share * job.seconds()) / work);
        })?;
        before += job.seconds();
        let close = |it: &Agreement| it.holds() && it.is_alike();
        if !found.iter().all(close) {
            exit = exit.and(Exit::ThresholdFailed);
        }
        closing.add(&job.scenario, &found);
        progress.aside(|| print(args.printing.format, &job.scenario, &found))?;
    }
    progress.finish();
    if args.printing.format == Format::Table {
        print_text(&closing.render())?;
    }
    Ok(exit)
}

impl Job {
    /// What it costs, in seconds of simulated time.
    fn seconds(&self) -> f64 {
        let runs = f64::from(self.replications) * self.plan.contenders.len() as f64;
        runs * self.plan.run.length.as_secs_f64()
    }

    fn run(
        &self,
        pool: &ThreadPool,
        show: impl Fn(f64) + Sync,
    ) -> Result<Vec<Agreement>, CliError> {
        let all = self.replications * self.plan.contenders.len() as u32;
        let done = AtomicU32::new(0);
        let after_each = || {
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            show(f64::from(done) / f64::from(all));
        };
        let one = |contender| {
            compare(
                &self.plan,
                contender,
                self.replications,
                self.pace,
                None,
                &after_each,
            )
        };
        let found: Result<Vec<_>, NotLive> =
            pool.install(|| (0..self.plan.contenders.len()).map(one).collect());
        found.map_err(|reason| not_live(&self.scenario, reason))
    }
}

fn not_live(scenario: &str, reason: NotLive) -> CliError {
    CliError::bad_input(
        format!("{scenario} cannot run live: {reason}"),
        "`ebbtide bench fidelity` without a name runs all that can",
    )
}

/// A scenario that cannot be run live.
type LeftOut = (String, NotLive);

/// What is to be compared; and of the shipped scenarios those that cannot be.
fn jobs(args: &FidelityArgs) -> Result<(Vec<Job>, Vec<LeftOut>), CliError> {
    let (mut jobs, mut left_out) = (Vec::new(), Vec::new());
    for source in sources(&args.scenarios)? {
        let plan =
            Plan::new(&source.text, source.files()?).map_err(|error| source.fault(&error))?;
        match NotLive::of(&plan) {
            None => jobs.extend(of_plan(&source.name, &plan, args)),
            Some(reason) if args.scenarios.is_empty() => left_out.push((source.name, reason)),
            Some(reason) => return Err(not_live(&source.name, reason)),
        }
    }
    Ok((jobs, left_out))
}

fn sources(words: &[String]) -> Result<Vec<Source>, CliError> {
    if words.is_empty() {
        let all = SHIPPED.iter().chain(DEMANDING);
        return Ok(all.map(Source::shipped).collect());
    }
    let open = |word: &String| match DEMANDING.iter().find(|it| it.name == word) {
        Some(demanding) => Ok(Source::shipped(demanding)),
        None => Source::open(word),
    };
    words.iter().map(open).collect()
}

fn of_plan(scenario: &str, plan: &Plan, args: &FidelityArgs) -> Vec<Job> {
    let replications = args.replications.get();
    let job = |plan: Plan, pace, replications| Job {
        scenario: scenario.to_owned(),
        plan,
        pace,
        replications,
    };
    let mut jobs = Vec::new();
    if args.clock != Clock::Wall {
        jobs.push(job(plan.clone(), Pace::Paused, replications));
    }
    let is_short = plan.run.length <= SHORT;
    if args.clock == Clock::Wall || (args.clock == Clock::Both && is_short) {
        let mut plan = plan.clone();
        plan.run.length = plan.run.length.min(WALL_LENGTH);
        jobs.push(job(plan, Pace::Wall, replications.min(WALL_REPLICATIONS)));
    }
    jobs
}

fn print(format: Format, scenario: &str, found: &[Agreement]) -> Result<(), CliError> {
    match format {
        Format::Table => print_text(&agreement::render(scenario, found)),
        Format::Json => found.iter().try_for_each(|agreement| {
            let mut object = json!(agreement);
            object["scenario"] = json!(scenario);
            object["agrees"] = json!(agreement.holds() && agreement.is_alike());
            object["demanding"] = json!(agreement.is_demanding());
            print_text(&format!("{object}\n"))
        }),
    }
}

fn print_text(text: &str) -> Result<(), CliError> {
    let mut out = Stdout::lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| CliError::stdout(&error))
}
