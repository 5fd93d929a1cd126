//! A broker driven directly, without a reference: what is tried over long runs.

use ebbtide_core::message::AgentId;
use ebbtide_core::units::Time;
use ebbtide_core::{
    AgentConfig, BrokerConfig, BrokerState, Checked, Lane, Settlement, Submission, Verdict,
};
use ebbtide_policies::registry;

/// One worker of so many slots, nothing that protects agents, nothing overdue.
pub(crate) fn plain(slots: u32) -> BrokerConfig {
    BrokerConfig {
        num_workers: 1,
        min_workers: 1,
        max_workers: 1,
        delivery_parallelism: slots,
        max_queue_size: 1_000_000,
        lane_max_wait_ms: [None; 5],
        bulkhead: None,
        breaker: None,
        policy: "fixed".to_owned(),
        ..BrokerConfig::default()
    }
}

pub(crate) fn broker(config: BrokerConfig, agents: usize) -> (BrokerState<u32>, Vec<AgentId>) {
    let config = Checked::new(config).expect("sound");
    let mut state = BrokerState::new(config, registry::build("fixed").expect("fixed exists"));
    let mut add = |at| {
        state
            .add_agent(Time::ZERO, AgentConfig::new(format!("a{at}")))
            .expect("a new name")
    };
    let ids = (0..agents).map(&mut add).collect();
    (state, ids)
}

/// Takes one call wherever there is room; the lane of its message, whose payload names it.
pub(crate) fn serve(state: &mut BrokerState<u32>, now: Time) -> Option<Lane> {
    let mut calls = Vec::new();
    let worker = state.least_busy_worker()?;
    state.take(now, worker, 1, &mut calls);
    let call = calls.first()?;
    let message = state.messages_of(call.lease)[0];
    let lane = Lane::ALL[*state.payload(message).expect("it lives") as usize];
    state
        .settle(now, call.lease, Settlement::All(Verdict::Delivered))
        .expect("in time");
    Some(lane)
}

pub(crate) fn send(state: &mut BrokerState<u32>, now: Time, agent: AgentId, lane: Lane) {
    let message = Submission {
        lane,
        ..Submission::new(agent, now, lane.index() as u32)
    };
    state.submit(now, message).expect("there is room");
}
