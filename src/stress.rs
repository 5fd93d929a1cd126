//! Nothing is lost: thousands of seeded runs on paused time, with faults of every kind, against
//! a ledger that knows only what callers and handlers saw.
//!
//! A run is one seed: a broker of drawn settings, agents that fail, panic, hang, oversleep and
//! decline, callers that give up, an operator who scales, pauses and switches, and a shutdown in
//! the midst of it. How tasks interleave is drawn too. The last test drops one settle in ten
//! thousand and must be caught.

mod agents;
mod callers;
mod ledger;
mod luck;

use std::collections::BTreeMap;
use std::sync::{Arc, Once};
use std::time::Duration;

use tokio::time::sleep;

use crate::{Broker, BrokerConfig, DeadLetter, Lane, Pause};

use ledger::Ledger;
use luck::Luck;

const MS: Duration = Duration::from_millis(1);

/// What every part of a run shares.
struct World {
    seed: u64,
    ledger: Ledger,
}

/// How often each kind of fault was met.
type Faults = BTreeMap<&'static str, u64>;

/// Runs one seed; what is wrong, or the faults that were met.
fn run(seed: u64, drop_one_settle_in: Option<u64>) -> Result<Faults, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime starts");
    let world = Arc::new(World {
        seed,
        ledger: Ledger::default(),
    });
    runtime.block_on(live(&world, drop_one_settle_in));
    drop(runtime);
    world.ledger.verdict()
}

async fn live(world: &Arc<World>, drop_one_settle_in: Option<u64>) {
    let mut luck = Luck::of(world.seed, 0);
    let builder = Broker::builder().config(config(&mut luck));
    let broker = builder.start().await.expect("the drawn settings are sound");
    if let Some(every) = drop_one_settle_in {
        let shared = broker.shared();
        shared.on_floor(|floor| floor.driver.sabotage = Some((every, world.seed * 7919 % every)));
    }
    let agents = agents::add(&broker, world);
    let callers: Vec<_> = (1..=8)
        .map(|caller| tokio::spawn(callers::call(world.clone(), agents.clone(), caller)))
        .collect();
    let operator = tokio::spawn(operate(broker.clone(), world.clone()));
    sleep(luck.ms(20, 400)).await;
    let report = broker.shutdown(luck.ms(0, 200)).await;
    operator.abort();
    for caller in callers {
        // A caller hears of each of its messages, however the broker ends.
        let ended = tokio::time::timeout(Duration::from_secs(3600), caller).await;
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(panic)) => world.ledger.complain(format!("a caller panicked: {panic}")),
            Err(_) => world
                .ledger
                .complain("a caller was never answered".to_owned()),
        }
    }
    if report.returned > 0 {
        world.ledger.met("shutdown returned messages");
    }
    let dead = broker.dead_letters();
    let id = |letter: &DeadLetter| {
        let place = agents::NAMES
            .iter()
            .position(|name| **name == *letter.agent_name)?;
        Some(letter.message::<agents::Job>()?.id_at(place))
    };
    let dead = dead.iter().filter_map(id).collect();
    world.ledger.close(&broker.books(), dead);
}

fn config(luck: &mut Luck) -> BrokerConfig {
    BrokerConfig {
        num_workers: luck.within(1, 3),
        max_workers: 4,
        delivery_parallelism: luck.within(1, 4),
        batch_size: luck.within(1, 6),
        batch_timeout_ms: luck.within(0, 20).into(),
        max_queue_size: luck.within(1, 15).into(),
        retry_max_attempts: Some(luck.within(1, 4)),
        retry_backoff_ms: luck.within(0, 20).into(),
        retry_budget: luck.one_in(2).then_some(0.2),
        call_timeout_ms: luck.within(30, 60).into(),
        cancel_grace_ms: if luck.one_in(2) { 0 } else { 5 },
        control_interval_ms: 50,
        worker_start_ms: luck.within(0, 10).into(),
        policy: if luck.one_in(2) { "adaptive" } else { "fixed" }.to_owned(),
        ..BrokerConfig::default()
    }
}

/// Scales, pauses and switches for as long as it may.
async fn operate(broker: Broker, world: Arc<World>) {
    let mut luck = Luck::of(world.seed, 100);
    loop {
        sleep(luck.ms(1, 40)).await;
        let pause = Pause::For(luck.ms(1, 30).into());
        match luck.within(0, 5) {
            0 | 1 => {
                let pinned = broker.pin_workers(Some(luck.within(1, 4)));
                pinned.expect("it is within the bounds");
                world.ledger.met("scale change");
            }
            2 => {
                let name = agents::NAMES[luck.within(0, 2) as usize];
                broker.pause_agent(name, pause).expect("it is registered");
                world.ledger.met("agent paused");
            }
            3 => {
                broker.pause_lane(Lane::ALL[luck.within(0, 4) as usize], pause);
                world.ledger.met("lane paused");
            }
            4 => {
                let name = ["fixed", "adaptive", "threshold"][luck.within(0, 2) as usize];
                broker.switch_policy(name).expect("it is shipped");
                world.ledger.met("policy switched");
            }
            _ => broker.pin_workers(None).expect("nothing is asked for"),
        }
    }
}

/// Runs seeds until one is wrong; how many were right, and what was wrong.
fn run_all(seeds: std::ops::Range<u64>, drop: Option<u64>) -> (Faults, Option<String>) {
    let mut faults = Faults::new();
    QUIET.call_once(keep_quiet);
    let mut wrong = None;
    for seed in seeds {
        match run(seed, drop) {
            Ok(met) => met
                .into_iter()
                .for_each(|(fault, times)| *faults.entry(fault).or_default() += times),
            Err(complaint) => {
                wrong = Some(format!("seed {seed}: {complaint}"));
                break;
            }
        }
    }
    (faults, wrong)
}

static QUIET: Once = Once::new();

/// Panics on purpose fill no screen.
fn keep_quiet() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.payload_as_str() != Some(agents::ON_PURPOSE) {
            hook(panic);
        }
    }));
}

const KINDS: &[&str] = &[
    "agent paused",
    "batch",
    "broadcast",
    "caller gave up",
    "deadline passed",
    "dead letter",
    "discard",
    "failure",
    "hang",
    "lane paused",
    "not now",
    "oversleeping",
    "panic",
    "policy switched",
    "reject",
    "scale change",
    "sender waited in vain",
    "shutdown returned messages",
    "too many requests",
];

#[test]
fn every_message_is_accounted_for_whatever_happens() {
    let (faults, wrong) = run_all(0..2000, None);
    assert_eq!(wrong, None);
    for kind in KINDS {
        let times = faults.get(kind).copied().unwrap_or_default();
        assert!(
            times >= 100,
            "{kind} was met {times} times only: {faults:?}"
        );
    }
    assert_eq!(faults.len(), KINDS.len(), "{faults:?}");
}

#[test]
fn a_shell_that_drops_one_settle_in_ten_thousand_is_caught() {
    let (_, wrong) = run_all(0..2000, Some(10_000));
    let wrong = wrong.expect("a dropped settle is seen from outside");
    assert!(wrong.contains("message"), "{wrong}");
}
