//! Sends a replication's messages to the live broker, each when and how the plan has it.

use std::collections::BTreeMap;
use std::sync::Arc;

use ebbtide::{
    AgentId, AgentRef, Broadcast, Broker, Duration, Event, Kind, NotAccepted, Planned, Request,
    Time,
};
use ebbtide_core::event::Account;
use ebbtide_sim::Plan;
use ebbtide_sim::streams::MessageKey;
use ebbtide_sim::traffic::{Address, Arrival, ClassPlan, Traffic, WhenFull};
use parking_lot::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::{Instant, timeout_at};

use crate::job::Job;
use crate::timer::Timer;
use crate::witness::{Told, Witness};

/// Everyone who sends.
pub(crate) struct Sender<'p> {
    pub(crate) plan: &'p Plan,
    pub(crate) traffic: Traffic<'p>,
    pub(crate) agents: Vec<AgentRef<Job, ()>>,
    pub(crate) broker: Broker,
    pub(crate) witness: Witness,
    /// The broker's time zero.
    pub(crate) start: Instant,
    pub(crate) timer: Timer,
    /// Outcomes, for callers that wait for them.
    pub(crate) outcomes: UnboundedReceiver<Told>,
    pub(crate) tell: UnboundedSender<Told>,
    pub(crate) blocked: Blocked,
    pub(crate) collector: Option<Collector>,
}

/// Senders that wait for room.
pub(crate) type Blocked = Arc<Mutex<BTreeMap<MessageKey, (Vec<Account>, Time)>>>;

/// Holds messages to batch agents back, to hand them over in turns.
pub(crate) struct Collector {
    pub(crate) turn: Duration,
    pub(crate) full: usize,
    /// When the present turn is over.
    pub(crate) over: Time,
    pub(crate) held: BTreeMap<AgentId, Vec<Arrival>>,
}

impl Sender<'_> {
    /// Sends all there is to send; does not end by itself.
    pub(crate) async fn send_all(mut self) {
        let timer = self.timer.clone();
        loop {
            let collected = self.collector.as_ref().map_or(Time::MAX, |it| it.over);
            let next = self.traffic.peek().min(collected);
            // A year is as good as never.
            let wait = next
                .since(Time::ZERO)
                .min(Duration::from_secs(365 * 24 * 3600));
            tokio::select! {
                biased;
                told = self.outcomes.recv() => {
                    if let Some((at, key, sent)) = told {
                        self.traffic.outcome(at, key, sent);
                    }
                }
                () = timer.sleep_until(self.start + wait.into()) => {
                    let now = self.now();
                    while self.traffic.peek() <= now && let Some(arrival) = self.traffic.next() {
                        self.arrive(arrival);
                    }
                    self.end_turn(now);
                }
            }
        }
    }

    fn now(&self) -> Time {
        Time::ZERO + Duration::from(Instant::now().saturating_duration_since(self.start))
    }

    fn arrive(&mut self, arrival: Arrival) {
        let Some(collector) = &mut self.collector else {
            return self.send(&arrival);
        };
        let agent = arrival.agent;
        let Some(agent) = agent.filter(|agent| self.plan.agents[agent.0 as usize].is_batch())
        else {
            return self.send(&arrival);
        };
        let held = collector.held.entry(agent).or_default();
        held.push(arrival);
        if held.len() >= collector.full {
            for arrival in std::mem::take(held) {
                self.send(&arrival);
            }
        }
    }

    fn end_turn(&mut self, now: Time) {
        let Some(collector) = &mut self.collector else {
            return;
        };
        if now < collector.over {
            return;
        }
        collector.over = now + collector.turn;
        for arrival in std::mem::take(&mut collector.held).into_values().flatten() {
            self.send(&arrival);
        }
    }

    /// Each message in a task of its own, as its sender would: they enter in this order.
    fn send(&self, arrival: &Arrival) {
        let class = &self.plan.classes[usize::from(arrival.class.0)];
        let job = Job::new(arrival, self.plan.agents.len());
        let options = Options::of(arrival, class);
        let source = self.plan.sources.get(arrival.key.source() as usize);
        let blocks = source.is_some_and(|source| source.when_full == WhenFull::Block);
        let waiting = blocks.then(|| self.waiting(arrival, class));
        match (&class.to, arrival.agent) {
            (Address::Topic(topic), _) => {
                let (broker, topic, lost) =
                    (self.broker.clone(), topic.clone(), self.lost(arrival));
                tokio::spawn(async move {
                    let broadcast = options.broadcast(broker.broadcast(topic, job));
                    match waiting {
                        Some(waiting) => waiting.over(broadcast.await.err().map(|it| it.reason)),
                        None => lost.if_refused(broadcast.try_now().is_err()),
                    }
                });
            }
            (Address::Agents(_), Some(agent)) => {
                let agent = self.agents[agent.0 as usize].clone();
                let lost = self.lost(arrival);
                // Whether a reply is awaited makes no difference to the broker. An event says
                // when it was accepted; a request can be taken back.
                let ask = class.kind == Kind::Request || arrival.patience.is_some();
                let gives_up = arrival.patience.map(|patience| {
                    let ends = (arrival.at + patience).since(Time::ZERO);
                    self.start + ends.into()
                });
                tokio::spawn(async move {
                    match waiting {
                        Some(waiting) => {
                            let sent = options.event(agent.send(job)).await;
                            waiting.over(sent.err().map(|error| error.reason));
                        }
                        None if ask => {
                            let request = options.request(agent.request(job));
                            lost.if_refused(!asked(request, gives_up).await);
                        }
                        None => {
                            let event = options.event(agent.send(job));
                            lost.if_refused(event.try_now().is_err());
                        }
                    }
                });
            }
            (Address::Agents(_), None) => unreachable!("a message for an agent names it"),
        }
    }

    fn lost(&self, arrival: &Arrival) -> Lost {
        Lost {
            key: arrival.key,
            sent: arrival.at,
            start: self.start,
            tell: self.tell.clone(),
        }
    }

    fn waiting(&self, arrival: &Arrival, class: &ClassPlan) -> Waiting {
        let subscribers = |topic: &String| {
            let agents = self.plan.agents.iter().zip((0..).map(AgentId));
            let subscribed = agents.filter(|(agent, _)| agent.protect.topics.contains(topic));
            subscribed.map(|(_, id)| id).collect()
        };
        let agents: Vec<AgentId> = match &class.to {
            Address::Agents(_) => arrival.agent.into_iter().collect(),
            Address::Topic(topic) => subscribers(topic),
        };
        let account = |agent| Account {
            agent,
            lane: class.lane,
            class: arrival.class,
        };
        let accounts = agents.into_iter().map(account).collect();
        self.blocked
            .lock()
            .insert(arrival.key, (accounts, arrival.at));
        Waiting {
            key: arrival.key,
            start: self.start,
            blocked: self.blocked.clone(),
            witness: self.witness.clone(),
            tell: self.tell.clone(),
        }
    }
}

/// Sends a request, and gives up at that time; `false`: it was refused.
async fn asked(request: Request<'_, Job, ()>, gives_up: Option<Instant>) -> bool {
    let Ok(mut reply) = request.try_now() else {
        return false;
    };
    match gives_up {
        Some(at) => {
            if timeout_at(at, &mut reply).await.is_err() {
                // A call that ends at the same instant is settled first.
                tokio::task::yield_now().await;
            }
        }
        None => drop(reply.await),
    }
    true
}

/// Whom it concerns that a message is refused.
struct Lost {
    key: MessageKey,
    sent: Time,
    start: Instant,
    tell: UnboundedSender<Told>,
}

impl Lost {
    /// Its caller thinks, and sends again.
    fn if_refused(self, refused: bool) {
        if refused {
            let passed = Instant::now().saturating_duration_since(self.start);
            let now = Time::ZERO + Duration::from(passed);
            // Nobody waits any more once the run is over.
            let _ = self.tell.send((now, self.key, self.sent));
        }
    }
}

/// A sender that may have to wait for room.
struct Waiting {
    key: MessageKey,
    start: Instant,
    blocked: Blocked,
    witness: Witness,
    tell: UnboundedSender<Told>,
}

impl Waiting {
    /// It waits no longer; if it was not let in, for this reason.
    fn over(self, reason: Option<NotAccepted>) {
        let Some((accounts, sent)) = self.blocked.lock().remove(&self.key) else {
            return;
        };
        let Some(reason) = reason else { return };
        let passed = Instant::now().saturating_duration_since(self.start);
        let now = Time::ZERO + Duration::from(passed);
        // What core refused it has said so itself.
        if reason == NotAccepted::Expired {
            for account in accounts {
                self.witness.refused(now, account, sent);
            }
        }
        // Nobody waits any more once the run is over.
        let _ = self.tell.send((now, self.key, sent));
    }
}

/// How a message is sent.
#[derive(Clone, Copy)]
struct Options {
    planned: Planned,
    lane: ebbtide::Lane,
    deadline: Option<Duration>,
    ordering_key: Option<u64>,
    size: u32,
    units: u32,
}

/// The same on each of the shell's builders.
macro_rules! apply {
    ($options:expr, $builder:expr) => {{
        let options = $options;
        let mut builder = $builder
            .planned(options.planned)
            .lane(options.lane)
            .size(options.size)
            .units(options.units);
        if let Some(deadline) = options.deadline {
            builder = builder.deadline(deadline);
        }
        if let Some(key) = options.ordering_key {
            builder = builder.ordering_key(key);
        }
        builder
    }};
}

impl Options {
    fn of(arrival: &Arrival, class: &ClassPlan) -> Self {
        Self {
            planned: Planned {
                sent: arrival.at,
                class: arrival.class,
                luck: arrival.key.mixed(),
            },
            lane: class.lane,
            deadline: class.deadline,
            ordering_key: arrival.ordering_key,
            size: arrival.size,
            units: arrival.units,
        }
    }

    fn event<'a>(self, event: Event<'a, Job, ()>) -> Event<'a, Job, ()> {
        apply!(self, event)
    }

    fn request<'a>(self, request: Request<'a, Job, ()>) -> Request<'a, Job, ()> {
        apply!(self, request)
    }

    fn broadcast(self, broadcast: Broadcast<'_, Job>) -> Broadcast<'_, Job> {
        apply!(self, broadcast)
    }
}
