//! Those who run the queue, one file each.

pub mod bare_loop;
pub mod core_alone;
pub mod cronoq;
pub mod ebbtide;
pub mod kiefer_wolfowitz;

use crate::queue::{Load, Seen};

/// One way to run the queue.
#[derive(Clone, Copy, Debug)]
pub struct Contender {
    /// Its name, as tables and command lines have it.
    pub name: &'static str,
    /// Runs the queue once.
    pub run: fn(Load) -> Seen,
}

/// All of them, the yardstick first.
pub const ALL: &[Contender] = &[
    Contender {
        name: "bare-loop",
        run: bare_loop::run,
    },
    Contender {
        name: "kiefer-wolfowitz",
        run: kiefer_wolfowitz::run,
    },
    Contender {
        name: "cronoq-core",
        run: cronoq::run,
    },
    Contender {
        name: "ebbtide",
        run: ebbtide::run,
    },
    Contender {
        name: "core",
        run: core_alone::run,
    },
    Contender {
        name: "core-recorded",
        run: core_alone::run_recorded,
    },
];

/// The one called `name`.
#[must_use]
pub fn by_name(name: &str) -> Option<Contender> {
    ALL.iter().copied().find(|contender| contender.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Same messages and first in, first out: whoever waits, waits the same in all of them. The
    /// simulator may round a time otherwise, by a nanosecond or so each.
    #[test]
    fn all_contenders_see_the_same_waits() {
        let load = Load {
            messages: 20_000,
            seed: 1,
        };
        let luck = ebbtide::run(load).served;
        let load = Load {
            messages: luck,
            ..load
        };
        let yardstick = (ALL[0].run)(load);
        for contender in ALL {
            let seen = if contender.name == "ebbtide" {
                ebbtide::run(Load {
                    messages: 20_000,
                    ..load
                })
            } else {
                (contender.run)(load)
            };
            assert_eq!(seen.served, load.messages, "{}", contender.name);
            let off = (seen.mean_wait - yardstick.mean_wait).abs();
            assert!(off < 1e-6, "{} is off by {off}", contender.name);
        }
    }
}
