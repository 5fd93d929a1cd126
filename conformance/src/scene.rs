//! A scene: a scenario as the strategies draw it, in the few words that matter, and what must hold
//! in it.
//!
//! Apart from [`ebbtide_sim::Scenario`], which knows every word: a counterexample is read by
//! people, so only what differs from the defaults is written down.

use std::fmt::{self, Write as _};

/// The one agent of a scene, and its one class of messages.
pub(crate) const AGENT: &str = "it";
/// What every scene says of the broker besides: nothing paces the policy but its own rules.
const UNPACED: &str = "shrink_window_ms: 0, cool_down_ms: 0";

/// A scenario in few words. Fields of text are RON, as `docs/scenario.md` has it.
#[derive(Clone, PartialEq)]
pub struct Scene {
    /// What it is about, in a sentence.
    pub note: String,
    /// Seconds for which messages are sent.
    pub length_s: u64,
    /// Seconds at the beginning that do not count.
    pub warm_up_s: u64,
    /// All luck follows from it.
    pub seed: u64,
    /// The arrivals: `Poisson("12/s")`.
    pub arrivals: String,
    /// Further fields of the class: `ordering_keys: 3`.
    pub class: Vec<String>,
    /// Fields of the agent: `call: Constant("300ms")`.
    pub agent: Vec<String>,
    /// Fields of the broker: `delivery_parallelism: 2`.
    pub broker: Vec<String>,
    /// Other fields of the scenario: `worker_deaths: [(at: "20s", workers: 1)]`.
    pub world: Vec<String>,
    /// What must hold.
    pub limits: Vec<Limit>,
    /// The same scene without its trouble, beside which some limits are taken.
    pub untroubled: Option<Box<Self>>,
}

/// A limit on a figure of a scene's window: at most this.
#[derive(Clone, Debug, PartialEq)]
pub enum Limit {
    /// `figure <= most`, in the figure's unit (seconds, workers, a count).
    AtMost {
        /// The figure, as thresholds name it.
        figure: &'static str,
        /// The limit.
        most: f64,
    },
    /// At most `times` what the scene without its trouble has, and `more`; `least` in any case.
    Beside {
        /// The figure, as thresholds name it.
        figure: &'static str,
        /// Factor on the untroubled figure.
        times: f64,
        /// On top of it.
        more: f64,
        /// What is allowed however little the untroubled scene has.
        least: f64,
    },
}

impl Limit {
    /// The figure that is limited.
    #[must_use]
    pub const fn figure(&self) -> &'static str {
        match self {
            Self::AtMost { figure, .. } | Self::Beside { figure, .. } => figure,
        }
    }

    /// The same beside an untroubled scene whose figure is `untroubled`.
    #[must_use]
    pub fn resolved(&self, untroubled: f64) -> Self {
        match *self {
            Self::Beside {
                figure,
                times,
                more,
                least,
            } => Self::AtMost {
                figure,
                most: times.mul_add(untroubled, more).max(least),
            },
            Self::AtMost { .. } => self.clone(),
        }
    }
}

impl Scene {
    /// The scenario file: `policy` steers, `replications` are run.
    #[must_use]
    pub fn ron(&self, policy: Option<&str>, replications: u32) -> String {
        let policy = policy.map(|name| format!("policy: {name:?}"));
        let broker = policy.into_iter().chain(self.broker.iter().cloned());
        let broker: Vec<String> = broker.chain([UNPACED.to_owned()]).collect();
        let expect: Vec<String> = self.limits.iter().filter_map(threshold).collect();
        let mut text = String::from("(\n");
        let mut line = |field: &str, value: String| {
            writeln!(text, "    {field}: {value},").expect("a string takes every text");
        };
        line("note", format!("{:?}", self.note));
        line(
            "run",
            format!(
                "(length: \"{}s\", warm_up: \"{}s\", seed: {}, replications: {replications})",
                self.length_s, self.warm_up_s, self.seed
            ),
        );
        let class = [format!("name: \"a\", to: Agent({AGENT:?})")];
        let class = [&class, self.class.as_slice()].concat().join(", ");
        line(
            "traffic",
            format!("[(arrivals: {}, classes: [({class})])]", self.arrivals),
        );
        line(
            "agents",
            format!("[(name: {AGENT:?}, {})]", self.agent.join(", ")),
        );
        line("broker", format!("({})", broker.join(", ")));
        for field in &self.world {
            let (field, value) = field.split_once(": ").unwrap_or((field, "[]"));
            line(field, value.to_owned());
        }
        if !expect.is_empty() {
            line("expect", format!("{expect:?}"));
        }
        text.push_str(")\n");
        text
    }
}

/// A limit as a threshold; `None` for one that stands beside another scene.
fn threshold(limit: &Limit) -> Option<String> {
    match *limit {
        Limit::AtMost { figure, most } if figure.contains('(') => {
            Some(format!("{figure} <= {:.0}ms", most * 1e3))
        }
        Limit::AtMost { figure, most } => {
            Some(format!("{figure} <= {}", (most * 100.0).ceil() / 100.0))
        }
        Limit::Beside { .. } => None,
    }
}

/// As the scenario that it is, so that proptest prints what can be run.
impl fmt::Debug for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.ron(None, 1))
    }
}

#[cfg(test)]
mod tests {
    use ebbtide_sim::Plan;
    use ebbtide_sim::files::Files;
    use proptest::prelude::*;

    use super::*;
    use crate::strategies::scenes;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn every_scene_is_a_scenario(scene in scenes()) {
            let plan = Plan::new(&scene.ron(Some("threshold"), 3), Files::default());
            let plan = plan.map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(plan.run.replications, 3);
            prop_assert_eq!(&plan.contenders[0].config.policy, "threshold");
            prop_assert!(plan.contenders[0].config.shrink_window().is_zero());
        }
    }

    #[test]
    fn limits_become_thresholds_that_are_no_narrower() {
        let beside = Limit::Beside {
            figure: "workers_mean",
            times: 1.25,
            more: 1.0,
            least: 2.0,
        };
        assert_eq!(threshold(&beside), None);
        let resolved = |untroubled| threshold(&beside.resolved(untroubled));
        assert_eq!(resolved(0.5).as_deref(), Some("workers_mean <= 2"));
        assert_eq!(resolved(3.001).as_deref(), Some("workers_mean <= 4.76"));
        let sojourn = Limit::AtMost {
            figure: "mean(sojourn)",
            most: 1.25,
        };
        let text = threshold(&sojourn.resolved(7.0));
        assert_eq!(text.as_deref(), Some("mean(sojourn) <= 1250ms"));
    }
}
