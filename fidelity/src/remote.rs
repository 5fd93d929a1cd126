//! A remote agent as the live broker calls it: a handler that sleeps for as long as the call
//! was drawn to take, and says what it was drawn to say.

use std::collections::BTreeMap;
use std::sync::Arc;

use ebbtide::{Agent, AgentId, Batch, BatchAgent, Context, Duration, Failure, Time, Verdict};
use ebbtide_sim::agents::{AgentModel, CallItem, CallPlan, CallResult, Cancelled, Started};
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::job::Job;
use crate::timer::Timer;
use crate::twist::Waves;

/// The remote side of one agent.
pub(crate) struct Remote {
    id: AgentId,
    /// The broker's time zero.
    start: Instant,
    timer: Timer,
    stretch: f64,
    waves: Option<Arc<Waves>>,
    side: Mutex<Side>,
}

struct Side {
    model: AgentModel,
    /// Calls that are not over, by tag.
    calls: BTreeMap<u32, Call>,
    next: u32,
}

enum Call {
    /// For one of the remote side's servers.
    Waits(oneshot::Sender<CallPlan>),
    Runs(CallPlan),
}

impl Remote {
    pub(crate) fn new(id: AgentId, start: Instant, timer: Timer, model: AgentModel) -> Self {
        Self {
            id,
            start,
            timer,
            stretch: 1.0,
            waves: None,
            side: Mutex::new(Side {
                model,
                calls: BTreeMap::new(),
                next: 0,
            }),
        }
    }

    /// Its calls take so many times as long.
    pub(crate) fn stretched(mut self, stretch: f64) -> Self {
        self.stretch = stretch;
        self
    }

    /// Its calls go in waves.
    pub(crate) fn in_waves(mut self, waves: Option<Arc<Waves>>) -> Self {
        self.waves = waves;
        self
    }

    fn now(&self) -> Time {
        let passed = Instant::now().saturating_duration_since(self.start);
        Time::ZERO + Duration::from(passed)
    }

    async fn sleep_until(&self, at: Time) {
        let at = self.start + at.since(Time::ZERO).into();
        self.timer.sleep_until(at).await;
    }

    fn later(&self, plan: &mut CallPlan, now: Time) {
        plan.ends = plan
            .ends
            .map(|ends| now + ends.since(now).mul_f64(self.stretch));
    }

    /// One call, from its start to its end.
    async fn call(self: &Arc<Self>, items: &[CallItem]) -> CallResult {
        let place = match &self.waves {
            Some(waves) => Some(waves.join().await),
            None => None,
        };
        let (mut open, told) = self.begin(items);
        let plan = match told {
            Ok(plan) => plan,
            Err(turn) => turn.await.expect("its entry stays until the call is over"),
        };
        match plan.ends {
            Some(ends) => self.sleep_until(ends).await,
            None => std::future::pending().await,
        }
        open.end(&plan);
        if let Some(place) = place {
            place.end().await;
        }
        plan.result
    }

    fn begin(
        self: &Arc<Self>,
        items: &[CallItem],
    ) -> (Open, Result<CallPlan, oneshot::Receiver<CallPlan>>) {
        let now = self.now();
        let mut side = self.side.lock();
        let tag = side.next;
        side.next = side.next.wrapping_add(1);
        let open = Open {
            remote: self.clone(),
            tag,
        };
        match side.model.start(now, tag, items) {
            Started::Runs(mut plan) => {
                self.later(&mut plan, now);
                side.calls.insert(tag, Call::Runs(plan.clone()));
                (open, Ok(plan))
            }
            Started::Waits => {
                let (turn, told) = oneshot::channel();
                side.calls.insert(tag, Call::Waits(turn));
                (open, Err(told))
            }
        }
    }

    /// A call has come to its turn.
    fn runs(&self, side: &mut Side, tag: u32, mut plan: CallPlan, now: Time) {
        self.later(&mut plan, now);
        if let Some(Call::Waits(turn)) = side.calls.insert(tag, Call::Runs(plan.clone())) {
            // Whoever was dropped meanwhile says so next.
            let _ = turn.send(plan);
        }
    }

    fn ended(&self, side: &mut Side, plan: &CallPlan) {
        let now = self.now();
        if let Some((tag, next)) = side.model.end(now, plan) {
            self.runs(side, tag, next, now);
        }
    }
}

/// A call under way. Dropped before its end, it was given up by the broker.
struct Open {
    remote: Arc<Remote>,
    tag: u32,
}

impl Open {
    fn end(&mut self, plan: &CallPlan) {
        let mut side = self.remote.side.lock();
        side.calls.remove(&self.tag);
        self.remote.ended(&mut side, plan);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let remote = &self.remote;
        let mut side = remote.side.lock();
        let plan = match side.calls.remove(&self.tag) {
            None => return,
            Some(Call::Waits(_)) => None,
            Some(Call::Runs(plan)) => Some(plan),
        };
        let now = remote.now();
        match (side.model.cancel(now, self.tag, plan.as_ref()), plan) {
            (Cancelled::WorksOn, Some(plan)) => work_on(remote.clone(), plan),
            (Cancelled::Stopped(Some((tag, plan))), _) => remote.runs(&mut side, tag, plan, now),
            (Cancelled::WorksOn | Cancelled::Stopped(None), _) => {}
        }
    }
}

/// The remote side goes on with a call that nobody waits for.
fn work_on(remote: Arc<Remote>, plan: CallPlan) {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        return; // The run is over.
    };
    runtime.spawn(async move {
        let ends = plan
            .ends
            .expect("a call that never ends stops when given up");
        remote.sleep_until(ends).await;
        let mut side = remote.side.lock();
        remote.ended(&mut side, &plan);
    });
}

/// An agent that is called with one message.
pub(crate) struct Ordinary(pub(crate) Arc<Remote>);

impl Agent for Ordinary {
    type Message = Job;
    type Reply = ();

    async fn handle(&self, job: &Job, _: &Context) -> Result<(), Failure> {
        let now = |remote: &Remote| remote.now();
        match self.0.call(&[job.item(self.0.id)]).await {
            CallResult::All(verdict) => reply(verdict, now(&self.0)),
            CallResult::Each(verdicts) => reply(verdicts[0], now(&self.0)),
        }
    }
}

/// An agent that is called with a batch.
pub(crate) struct Batched(pub(crate) Arc<Remote>);

impl BatchAgent for Batched {
    type Message = Job;
    type Reply = ();

    async fn handle(&self, batch: Batch<'_, Job>, _: &Context) -> Vec<Result<(), Failure>> {
        let items: Vec<CallItem> = batch.iter().map(|job| job.item(self.0.id)).collect();
        let result = self.0.call(&items).await;
        let now = self.0.now();
        match result {
            CallResult::All(verdict) => items.iter().map(|_| reply(verdict, now)).collect(),
            CallResult::Each(verdicts) => verdicts.iter().map(|&it| reply(it, now)).collect(),
        }
    }
}

/// A verdict in a handler's words.
fn reply(verdict: Verdict, now: Time) -> Result<(), Failure> {
    Err(match verdict {
        Verdict::Delivered => return Ok(()),
        Verdict::Failed => Failure::retry("drawn to fail"),
        Verdict::RateLimited(pause) => Failure::too_many_requests(pause),
        Verdict::Snoozed(until) => Failure::retry_after(until.since(now), "drawn to snooze"),
        Verdict::Rejected => Failure::reject("drawn to be rejected"),
        Verdict::Discarded => Failure::discard("drawn to be discarded"),
    })
}
