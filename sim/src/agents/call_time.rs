//! How long calls to an agent take by themselves: without faults, drift and crowding, and without waiting.

use ebbtide_policies::units::Duration;

use super::{Agent, Noise};
use crate::distribution::{Distribution, Sampler};
use crate::streams::Streams;

/// Enough to tell a share to within half a hundredth.
const DRAWS: u64 = 20_000;

impl Agent {
    /// Shortest time of a call of one message that does not fail, as far as there is one: noise and drift leave nothing
    /// but the way there and back.
    #[must_use]
    pub fn least_call_time(&self) -> Duration {
        let least = |times: &Option<Distribution>| times.as_ref().map_or(0.0, Distribution::least);
        let fixed = self.per_call.unwrap_or(Duration::ZERO).as_nanos() as f64;
        let work = match (&self.noise, &self.drift) {
            (None, None) => fixed + least(&self.call) + least(&self.per_item),
            _ => 0.0,
        };
        Duration::from_nanos((work + least(&self.round_trip)) as u64)
    }

    /// Mean time of a call of `size` messages.
    #[must_use]
    pub fn mean_call_time(&self, size: f64) -> Duration {
        let work = match &self.call {
            Some(call) => call.mean(),
            None => {
                let per_item = self.per_item.as_ref().map_or(0.0, Distribution::mean);
                let per_call = self.per_call.unwrap_or(Duration::ZERO);
                per_call.as_nanos() as f64 + size * per_item
            }
        };
        let noise = match self.noise {
            Some(Noise::LogNormal { sigma }) => (sigma * sigma / 2.0).exp(),
            Some(Noise::Exponential | Noise::Gamma { .. }) | None => 1.0,
        };
        let round_trip = self.round_trip.as_ref().map_or(0.0, Distribution::mean);
        Duration::from_nanos((work * noise + round_trip) as u64)
    }

    /// Share of calls of one message that take longer than `limit`, 0 to 1: drawn rather than worked out, since a call
    /// is a sum and a product of what a scenario has; the same whenever it is asked.
    #[must_use]
    pub fn share_beyond(&self, limit: &Distribution) -> f64 {
        let fixed = self.per_call.unwrap_or(Duration::ZERO).as_nanos() as f64;
        let parts =
            [&self.call, &self.per_item].map(|part| part.as_ref().map(Distribution::sampler));
        let round_trip = self.round_trip.as_ref().map(Distribution::sampler);
        let (noise, limit) = (self.noise.map(Noise::sampler), limit.sampler());
        let stream = Streams::new(1, 0).stream("call times", 0);
        let is_beyond = |draw: &u64| {
            let mut rng = stream.draw(*draw, 0);
            let mut value = |sampler: &Sampler| sampler.value(&mut rng);
            let work = fixed + parts.iter().flatten().map(&mut value).sum::<f64>();
            let factor = noise.as_ref().map_or(1.0, &mut value);
            let length = work * factor + round_trip.as_ref().map_or(0.0, &mut value);
            length > value(&limit)
        };
        (0..DRAWS).filter(is_beyond).count() as f64 / DRAWS as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::Weight;

    #[track_caller]
    fn check(agent: &Agent, limit: Distribution, expected: f64) {
        let share = agent.share_beyond(&limit);
        assert!((share - expected).abs() < 0.01, "{share}");
    }

    #[test]
    fn the_share_beyond_a_limit_is_what_the_distribution_says() {
        let ms = Duration::from_millis;
        let constant = |millis| Distribution::Constant(ms(millis));
        let with = |call| Agent {
            call: Some(call),
            ..Agent::new("a")
        };
        let exponential = with(Distribution::Exponential(ms(100)));
        check(&exponential, constant(200), (-2.0_f64).exp());
        // Whichever ends first of two exponentials, by their rates.
        check(&exponential, Distribution::Exponential(ms(300)), 0.25);
        let mixture = vec![(Weight(9.0), constant(10)), (Weight(1.0), constant(1_000))];
        check(&with(Distribution::Mixture(mixture)), constant(500), 0.1);
        let noisy = Agent {
            noise: Some(Noise::Exponential),
            round_trip: Some(constant(50)),
            ..with(constant(100))
        };
        check(&noisy, constant(150), (-1.0_f64).exp());
        let batches = Agent {
            per_call: Some(ms(20)),
            per_item: Some(constant(10)),
            ..Agent::new("a")
        };
        check(&batches, constant(30), 0.0);
        check(&batches, constant(29), 1.0);
    }
}
