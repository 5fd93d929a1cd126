//! The rule itself: two averages, panic, and the limits of a step.

use super::Settings;
use crate::units::Time;
use crate::window::WindowMax;

/// The autoscaler of one revision.
#[derive(Clone, Debug)]
pub(super) struct Autoscaler {
    pub(super) settings: Settings,
    /// When the panic began or was last extended.
    pub(super) panic: Option<Time>,
    pub(super) max_panic: f64,
    delayed: WindowMax,
}

impl Autoscaler {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            panic: None,
            max_panic: 0.0,
            delayed: WindowMax::new(settings.scale_down_delay),
        }
    }

    /// Pods wanted with these averages over the two windows, of `ready` ones, each aiming at
    /// `target`.
    pub(super) fn scale(
        &mut self,
        now: Time,
        ready: u32,
        averages: (f64, f64),
        target: f64,
    ) -> u32 {
        let ready = f64::from(ready.max(1));
        let most = (self.settings.max_scale_up_rate * ready).ceil();
        let fewest = (ready / self.settings.max_scale_down_rate).floor();
        let pods = |average: f64| (average / target).ceil();
        let bounded = |pods: f64| pods.max(fewest).min(most);
        let (stable, panic) = (bounded(pods(averages.0)), bounded(pods(averages.1)));
        if pods(averages.1) / ready >= self.settings.panic_threshold {
            self.panic = Some(now);
        } else if (self.panic).is_some_and(|at| at + self.settings.stable_window < now) {
            self.panic = None;
            self.max_panic = 0.0;
        }
        let wanted = if self.panic.is_some() {
            self.max_panic = self.max_panic.max(stable).max(panic);
            self.max_panic
        } else {
            stable
        };
        // The cast saturates.
        if self.settings.scale_down_delay.is_zero() {
            return wanted as u32;
        }
        self.delayed.push(now, wanted as u32)
    }
}
