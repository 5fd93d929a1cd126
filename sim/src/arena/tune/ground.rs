//! Where rivals are tuned: scenarios with what their costs are held against.

use ebbtide_measure::Prices;
use ebbtide_policies::observation::Setting;
use ebbtide_policies::units::Duration;

use super::super::entrants::Entrant;
use super::super::oracle::{AtPrice, Found, Replication, Schedule};
use super::super::runs::{Field, Role, Runs};
use super::super::{Arena, MOST_UNAVOIDABLE, PRICES};
use super::{REPLICATIONS, Ratios};
use crate::monitor::Monitor;

/// Batches among which the best fixed setting is looked for, up to what the agents take.
const BATCHES: [u32; 6] = [1, 2, 5, 10, 20, 50];
/// How long they wait to fill.
const TIMEOUTS_MS: [u64; 3] = [0, 100, 500];

/// Scenarios to tune on.
pub struct Ground {
    arenas: Vec<Arena>,
}

impl Ground {
    /// On these; the best fixed setting of one without oracles is looked for here. `None` if `monitor` said stop.
    ///
    /// # Errors
    ///
    /// A sentence, if a scenario's broker cannot have a fixed setting.
    pub fn new(mut arenas: Vec<Arena>, monitor: &Monitor) -> Result<Option<Self>, String> {
        for arena in &mut arenas {
            if !arena.known.is_empty() {
                continue;
            }
            let Some(known) = kept(arena, monitor)? else {
                return Ok(None);
            };
            arena.known = known;
        }
        Ok(Some(Self { arenas }))
    }

    /// The ratios of each setting; `None` if `monitor` said stop.
    ///
    /// # Errors
    ///
    /// A sentence, if one cannot be had on a scenario's broker.
    pub fn ratios(
        &self,
        texts: &[String],
        replications: u32,
        monitor: &Monitor,
    ) -> Result<Option<Vec<Ratios>>, String> {
        let entrants: Vec<Entrant> = texts.iter().map(|text| Entrant::rival(text)).collect();
        let mut all = vec![Vec::new(); texts.len()];
        for arena in &self.arenas {
            let field = Field::new(arena, &entrants)?;
            let Some(runs) = field.run(replications, monitor) else {
                return Ok(None);
            };
            for (place, ratios) in all.iter_mut().enumerate() {
                let at = |price| ratio(arena, &runs, place, price, replications as usize);
                ratios.push((0..PRICES.len()).map(at).collect());
            }
        }
        Ok(Some(all))
    }
}

/// What the entrant at `place` cost over what the best fixed setting did, both less what is unavoidable.
fn ratio(
    arena: &Arena,
    runs: &Runs,
    place: usize,
    price: usize,
    replications: usize,
) -> Option<f64> {
    let prices = prices(arena, price);
    let known = || arena.known.iter().take(replications);
    let unavoidable: f64 = known().map(|it| prices.late * it.least_late_work).sum();
    let fixed: f64 = known()
        .map(|it| it.prices[price].fixed.cost.total(prices))
        .sum();
    if unavoidable > MOST_UNAVOIDABLE * fixed {
        return None;
    }
    let own = runs.iter().filter(|(it, _)| it.role == Role::Ranked(place));
    let costs = own.map(|(_, scores)| scores.iter().map(|it| it.cost.total(prices)).sum::<f64>());
    let cost = costs.reduce(f64::min)?;
    Some((cost - unavoidable) / (fixed - unavoidable))
}

/// The best fixed settings in hindsight, of all workers and some batches; they stand for the schedules too.
fn kept(arena: &Arena, monitor: &Monitor) -> Result<Option<Vec<Replication>>, String> {
    let settings = settings(arena);
    let text = |it: &Setting| {
        let (workers, size, timeout) = (it.workers, it.batch_size, it.batch_timeout);
        format!("fixed({workers})+batch(size: {size}, timeout: \"{timeout}\")")
    };
    let entrants: Vec<Entrant> = settings
        .iter()
        .map(|it| Entrant::rival(&text(it)))
        .collect();
    let Some(runs) = Field::new(arena, &entrants)?.run(REPLICATIONS, monitor) else {
        return Ok(None);
    };
    let cheapest = |prices: Prices| {
        let total = |place: usize| {
            runs[place]
                .1
                .iter()
                .map(|it| it.cost.total(prices))
                .sum::<f64>()
        };
        (0..settings.len()).min_by(|&one, &other| total(one).total_cmp(&total(other)))
    };
    let cheapest: Option<Vec<usize>> = (0..PRICES.len())
        .map(|price| cheapest(prices(arena, price)))
        .collect();
    let cheapest = cheapest.ok_or_else(|| format!("{} has no setting", arena.name))?;
    let at_price = |(price, &best): (usize, &usize), number: usize| {
        let found = Found {
            schedule: Schedule::fixed(settings[best]),
            cost: runs[best].1[number].cost,
        };
        AtPrice {
            price: PRICES[price],
            fixed: found.clone(),
            paced: found.clone(),
            free: found,
            fluid: 0.0,
        }
    };
    let replication = |number: u32| {
        let place = number as usize;
        let late = runs.iter().map(|(_, scores)| scores[place].cost.late_work);
        let prices = cheapest.iter().enumerate();
        Replication {
            number,
            least_late_work: late.fold(f64::INFINITY, f64::min),
            prices: prices.map(|it| at_price(it, place)).collect(),
        }
    };
    Ok(Some((0..REPLICATIONS).map(replication).collect()))
}

fn settings(arena: &Arena) -> Vec<Setting> {
    let config = &arena.plan.contenders[0].config;
    let start = (
        config.batch_size,
        Duration::from_millis(config.batch_timeout_ms),
    );
    let has_batches = arena.plan.agents.iter().any(|agent| agent.is_batch());
    let sizes = BATCHES
        .iter()
        .filter(|&&size| size <= config.max_batch_size);
    let batches: Vec<(u32, Duration)> = if has_batches {
        let timeouts = TIMEOUTS_MS.map(Duration::from_millis);
        sizes
            .flat_map(|&size| timeouts.map(|timeout| (size, timeout)))
            .collect()
    } else {
        vec![start]
    };
    let workers = config.min_workers..=config.max_workers;
    let setting = |workers, (batch_size, batch_timeout)| Setting {
        workers,
        batch_size,
        batch_timeout,
    };
    workers
        .flat_map(|workers| batches.iter().map(move |&batch| setting(workers, batch)))
        .collect()
}

fn prices(arena: &Arena, price: usize) -> Prices {
    Prices {
        late: PRICES[price],
        call: arena.plan.contenders[0].config.price_call,
    }
}
