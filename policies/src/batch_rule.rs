//! Rules that set only how messages are batched, for policies that set only workers.
//!
//! Named after a plus: `celery+aimd`. Apart from policies, because most published scalers know
//! no batches: the arena shows each with the rule that suits it best.

pub mod aimd;
pub mod busy;
pub mod fixed;

use crate::observation::Observation;
use crate::units::Duration;

/// A batch setting that is wished for, as a [`Decision`](crate::Decision) has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchWish {
    /// Messages a batch may carry; rounded to the nearest. Not finite means "keep".
    pub size: f64,
    /// How long a batch may wait to fill; `None` means "keep".
    pub timeout: Option<Duration>,
}

/// Decides how messages are batched; as pure as a [`Policy`](crate::Policy).
pub trait BatchRule: Send {
    /// What to do after the interval that `observation` describes.
    fn decide(&mut self, observation: &Observation) -> BatchWish;
}
