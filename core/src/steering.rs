//! Control at run time: the user's own word on what the controller does.
//!
//! Apart from `control.rs`, the tick, which asks at each decision whether anything is pinned
//! or held back. What a configuration changes is in `reconfigure.rs`.

use ebbtide_policies::Policy;
use ebbtide_policies::observation::{BreakerState, Setting};
use ebbtide_policies::units::Time;

use crate::config::{BrokerConfig, Checked};
use crate::control::{Control, bounds, room_for};
use crate::error::PinError;
use crate::event::{Listener, What};
use crate::message::AgentId;
use crate::state::BrokerState;

impl Control {
    /// The bounds are those of `config` under the policy; what is in force moves within them.
    pub(crate) fn set_bounds(&mut self, config: &Checked<BrokerConfig>, workers: u32) {
        self.bounds = bounds(&room_for(config, &*self.policy));
        let bounds = &self.bounds;
        let within = |workers: u32| workers.clamp(bounds.min_workers, bounds.max_workers);
        self.most_workers = bounds.max_workers.max(workers);
        self.pinned = self.pinned.map(within);
        let setting = self.setting;
        self.setting = Setting {
            workers: self.pinned.unwrap_or(within(setting.workers)),
            batch_size: (setting.batch_size).clamp(bounds.min_batch_size, bounds.max_batch_size),
            batch_timeout: setting.batch_timeout.min(bounds.max_batch_timeout),
        };
    }
}

impl<M, L: Listener<M>> BrokerState<M, L> {
    /// `policy` decides from the next tick on, and begins with nothing but what it then sees.
    /// If it names a number of workers they are ordered at once, and while it rules the bounds
    /// have room for them, as far as any configuration may (whoever holds the state refuses more
    /// before: [`BrokerConfig::under`]); else the setting stays until it decides. A pin and a dry run stay.
    /// Returns the one that decided before, so that whoever calls chooses when it is dropped.
    pub fn switch_policy(&mut self, now: Time, policy: Box<dyn Policy>) -> Box<dyn Policy> {
        self.disturb(now);
        let control = &mut self.control;
        let before = std::mem::replace(&mut control.policy, policy);
        control.early = None;
        control.next_early = Time::MAX;
        if !control.dry_run {
            let start = control.policy.start_workers();
            control.setting.workers = start.unwrap_or(control.setting.workers);
        }
        self.bounds_changed();
        before
    }

    /// Keeps the pool at this many workers from now on, whatever the policy decides, or with
    /// `None` lets it decide again. Batch size and timeout stay the policy's.
    ///
    /// # Errors
    ///
    /// [`PinError`] if the bounds do not allow so many or so few; nothing is changed.
    pub fn pin_workers(&mut self, now: Time, workers: Option<u32>) -> Result<(), PinError> {
        self.disturb(now);
        let bounds = &self.control.bounds;
        let (least, most) = (bounds.min_workers, bounds.max_workers);
        if let Some(workers) = workers {
            if !(least..=most).contains(&workers) {
                return Err(PinError {
                    workers,
                    least,
                    most,
                });
            }
            self.control.setting.workers = workers;
            self.resize(workers);
        }
        self.control.pinned = workers;
        Ok(())
    }

    /// In a dry run the policy decides and each decision is logged with what would have been
    /// applied ([`DecisionRecord::withheld`](crate::event::DecisionRecord)); changes that would
    /// have been made are counted ([`Books::dry_changes`](crate::Books)), and the setting stays.
    pub fn set_dry_run(&mut self, now: Time, dry_run: bool) {
        self.disturb(now);
        self.control.dry_run = dry_run;
    }

    /// The bounds may have moved, and with them what is in force.
    pub(crate) fn bounds_changed(&mut self) {
        let workers = self.workers.iter().count() as u32;
        self.control.set_bounds(&self.config, workers);
        self.resize(self.control.setting.workers);
        for at in 0..self.agents.present().len() {
            self.bound_changed(AgentId(self.agents.present()[at]));
        }
    }

    /// What bounds a recovering breaker's limit may have moved, and end the recovery.
    pub(crate) fn bound_changed(&mut self, agent: AgentId) {
        let bound = self.breaker_bound(&self.agents[agent.0 as usize]);
        let breaker = self.agents[agent.0 as usize].breaker.as_mut();
        if breaker.is_some_and(|it| it.close_within(bound)) {
            let state = BreakerState::Closed;
            self.emit(What::Breaker { agent, state });
        }
    }
}
