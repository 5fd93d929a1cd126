//! Forward through the run, step by step, with the cheapest ways to have each number of workers.

use std::rc::Rc;

use ebbtide_policies::observation::Setting;

use super::super::grid::setting;
use super::super::twin::Twin;
use super::{Search, Steps};

/// A way through the run so far.
struct Way<'p> {
    twin: Twin<'p>,
    past: Rc<Past>,
    /// What it cost, and is to be expected to.
    expected: f64,
    standing: Option<u64>,
}

/// The settings of the steps so far, the last one first.
struct Past {
    setting: Setting,
    before: Option<Rc<Past>>,
}

/// The cheapest way found.
pub(super) fn forward(search: &Search<'_>) -> Steps {
    let workers = search.grid.workers();
    let choices =
        workers.flat_map(|count| search.rules.iter().map(move |rule| setting(count, *rule)));
    let choices: Vec<Setting> = choices.collect();
    let mut ways = Kept::new(search);
    for &choice in &choices {
        ways.go(Twin::new(search.path, choice), None, choice, 1);
    }
    for number in 2..=search.count() {
        if search.monitor.is_stopped() {
            break;
        }
        let mut next = Kept::new(search);
        for way in ways.cheapest_first() {
            for &choice in &choices {
                if next.may_keep(way, choice) {
                    next.go(way.twin.clone(), Some(&way.past), choice, number);
                }
            }
        }
        ways = next;
    }
    let cost = |way: Way<'_>| (way.twin.finish().total(search.prices), way.past);
    let finished = ways.by_workers.into_iter().flatten().map(cost);
    let cheapest = finished.min_by(|one, other| one.0.total_cmp(&other.0));
    unrolled(&cheapest.expect("every step has a way").1)
}

/// The cheapest ways to one instant, for each number of workers.
struct Kept<'s> {
    search: &'s Search<'s>,
    by_workers: Vec<Vec<Way<'s>>>,
}

impl<'s> Kept<'s> {
    fn new(search: &'s Search<'s>) -> Self {
        let by_workers = search.grid.workers().map(|_| Vec::new()).collect();
        Self { search, by_workers }
    }

    fn cheapest_first(&self) -> Vec<&Way<'s>> {
        let mut all: Vec<&Way<'s>> = self.by_workers.iter().flatten().collect();
        all.sort_by(|one, other| one.expected.total_cmp(&other.expected));
        all
    }

    /// Whether `way` could be cheap enough under `setting`, if nothing more were late: its workers
    /// cost what they cost.
    fn may_keep(&self, way: &Way<'s>, setting: Setting) -> bool {
        let ways = &self.by_workers[self.place(setting)];
        let worst = ways
            .last()
            .filter(|_| ways.len() == self.search.budget.width);
        let step = self
            .search
            .step
            .min(self.search.path.plan.end().since(way.twin.now()));
        let workers = f64::from(setting.workers) * step.as_secs_f64();
        let least = way.twin.sums().total(self.search.prices) + workers;
        worst.is_none_or(|worst| least < worst.expected)
    }

    fn place(&self, setting: Setting) -> usize {
        (setting.workers - self.search.grid.min_workers) as usize
    }

    /// Goes on under `setting` until step `number` begins, and is kept if it is cheap.
    fn go(&mut self, mut twin: Twin<'s>, past: Option<&Rc<Past>>, setting: Setting, number: usize) {
        twin.set(setting);
        twin.run_until(self.search.at(number));
        let expected = self.search.expected(&twin);
        let place = self.place(setting);
        let ways = &mut self.by_workers[place];
        let width = self.search.budget.width;
        let cheaper = ways.partition_point(|way| way.expected <= expected);
        if cheaper >= width {
            return;
        }
        let standing = (width > 1).then(|| twin.standing()).flatten();
        let joins = |way: &Way<'_>| standing.is_some() && way.standing == standing;
        if ways[..cheaper].iter().any(joins) {
            return;
        }
        ways.retain(|way| !joins(way));
        let before = past.cloned();
        let way = Way {
            twin,
            past: Rc::new(Past { setting, before }),
            expected,
            standing,
        };
        ways.insert(cheaper, way);
        ways.truncate(width);
    }
}

fn unrolled(last: &Rc<Past>) -> Steps {
    let mut steps = Steps::new();
    let mut past = Some(last);
    while let Some(step) = past {
        steps.push(step.setting);
        past = step.before.as_ref();
    }
    steps.reverse();
    steps
}
