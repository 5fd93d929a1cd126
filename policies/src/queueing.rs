//! Queueing formulas: blocking and delay in a pool of servers, and the tail of the wait.
//!
//! Closed forms only; what is estimated lives in `estimate`, what is chosen in the policies.
//! The simulator never consults them: it is checked against them.

/// Pools beyond this many servers use Sakasegawa's approximation in place of the exact
/// recursion, which is linear in the servers. Theirs agree to a percent or two here.
const EXACT_UP_TO: u32 = 512;

/// Share of arrivals that find all `servers` busy and are lost, at `load` erlangs.
///
/// Erlang (1917), by the recursion 1/B(k) = 1 + (k/a) / B(k-1), which neither overflows nor
/// cancels. `load` must not be negative.
#[must_use]
pub fn erlang_b(servers: u32, load: f64) -> f64 {
    if load <= 0.0 {
        return if servers == 0 { 1.0 } else { 0.0 };
    }
    let mut inverse = 1.0;
    for k in 1..=servers {
        inverse = 1.0 + inverse * f64::from(k) / load;
    }
    1.0 / inverse
}

/// Share of arrivals that must wait in M/M/c, at `load` erlangs; 1 from saturation on.
///
/// Erlang C: C = B / (1 - ρ (1 - B)), e.g. Gross et al., Fundamentals of Queueing Theory
/// (2008), section 2.3.
#[must_use]
pub fn erlang_c(servers: u32, load: f64) -> f64 {
    let utilisation = load / f64::from(servers);
    if utilisation.is_nan() || utilisation >= 1.0 {
        return 1.0;
    }
    if servers > EXACT_UP_TO {
        return delayed_share_approximately(f64::from(servers), load);
    }
    let blocked = erlang_b(servers, load);
    blocked / (1.0 - utilisation * (1.0 - blocked))
}

/// [`erlang_c`] in one power, within a few percent where waiting matters, for any number of
/// servers, whole or not.
///
/// From Sakasegawa (1977): L ≈ ρ^√(2(c+1)) / (1 - ρ), hence C ≈ ρ^(√(2(c+1)) - 1).
#[must_use]
pub fn delayed_share_approximately(servers: f64, load: f64) -> f64 {
    let utilisation = load / servers;
    if utilisation.is_nan() || utilisation >= 1.0 {
        return 1.0;
    }
    utilisation
        .max(0.0)
        .powf((2.0 * (servers + 1.0)).sqrt() - 1.0)
}

/// Index of dispersion of the calls that busy slots finish within `over_s` seconds, calls taking
/// `call_s` with a squared coefficient of variation of `cv2`.
///
/// In the long run it is `cv2`. Where that is large the long run is long: until the calls under way
/// have ended (the mean excess is s (1 + cv²) / 2) they end like Poisson events (Cox, Renewal
/// Theory, 1962).
#[must_use]
pub fn service_dispersion(call_s: f64, cv2: f64, over_s: f64) -> f64 {
    let excess_s = call_s * (1.0 + cv2) / 2.0;
    let long_run = over_s / (over_s + excess_s).max(f64::MIN_POSITIVE);
    cv2.min(1.0 + (cv2 - 1.0) * long_run)
}

/// A share of arrivals too small to matter to anyone, and to spend an exponential on.
const NEGLIGIBLE: f64 = 1e-9;

/// The wait of an arrival: none, or exponential.
///
/// Exact for M/M/c; for G/G/c the exponential tail is the usual approximation near
/// saturation, and exact in heavy traffic (Kingman 1962).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wait {
    /// Share of arrivals that wait at all, 0–1.
    pub delayed_share: f64,
    /// Mean wait of those, in seconds; infinite in a saturated pool.
    pub mean_if_delayed_s: f64,
}

/// What the servers are busy with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Work {
    /// Mean service time, in seconds.
    pub service_s: f64,
    /// Squared coefficient of variation of the times between arrivals; 1 for Poisson.
    pub arrival_cv2: f64,
    /// Squared coefficient of variation of the service times; 1 for exponential.
    pub service_cv2: f64,
}

impl Wait {
    /// Nobody waits.
    pub const NONE: Self = Self {
        delayed_share: 0.0,
        mean_if_delayed_s: 0.0,
    };

    /// The wait in G/G/c at `load` erlangs: Allen and Cunneen's
    /// Wq = C / (c - a) · s · (ca² + cs²) / 2 (Allen, Probability, Statistics and Queueing
    /// Theory, 1990, section 5.3), its tail exponential with the rate that gives this mean.
    #[must_use]
    pub fn allen_cunneen(servers: u32, load: f64, work: Work) -> Self {
        Self::delayed(
            erlang_c(servers, load),
            f64::from(servers) - load,
            load,
            work,
        )
    }

    /// [`Wait::allen_cunneen`] on [`delayed_share_approximately`]: for inner loops.
    #[must_use]
    pub fn approximately(servers: f64, load: f64, work: Work) -> Self {
        let delayed_share = delayed_share_approximately(servers, load);
        Self::delayed(delayed_share, servers - load, load, work)
    }

    fn delayed(delayed_share: f64, spare: f64, load: f64, work: Work) -> Self {
        if load <= 0.0 {
            return Self::NONE;
        }
        let variability = (work.arrival_cv2 + work.service_cv2) / 2.0;
        Self {
            delayed_share,
            mean_if_delayed_s: if spare > 0.0 {
                work.service_s * variability / spare
            } else {
                f64::INFINITY
            },
        }
    }

    /// Mean wait over all arrivals, in seconds.
    #[must_use]
    pub fn mean_s(self) -> f64 {
        self.delayed_share * self.mean_if_delayed_s
    }

    /// Share of arrivals that wait longer than `limit_s`, all if that is negative, and by how
    /// much on the mean over all arrivals, in seconds.
    #[must_use]
    pub fn beyond(self, limit_s: f64) -> (f64, f64) {
        if limit_s < 0.0 {
            return (1.0, self.mean_s() - limit_s);
        }
        if self.delayed_share < NEGLIGIBLE || self.mean_if_delayed_s <= 0.0 {
            return (0.0, 0.0);
        }
        let share = self.delayed_share * (-limit_s / self.mean_if_delayed_s).exp();
        (share, share * self.mean_if_delayed_s)
    }

    /// The wait that a share `q` (0–1) of arrivals does not exceed, in seconds.
    #[must_use]
    pub fn quantile_s(self, q: f64) -> f64 {
        let beyond = 1.0 - q;
        if beyond >= self.delayed_share {
            0.0
        } else {
            self.mean_if_delayed_s * (self.delayed_share / beyond).ln()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKOV: Work = Work {
        service_s: 1.0,
        arrival_cv2: 1.0,
        service_cv2: 1.0,
    };

    #[track_caller]
    fn check_near(found: f64, expected: f64, within: f64) {
        assert!(
            (found - expected).abs() <= within * expected.abs(),
            "found {found}, expected {expected}"
        );
    }

    #[test]
    fn erlang_b_loses_the_known_shares() {
        check_near(erlang_b(1, 1.0), 0.5, 1e-12);
        check_near(erlang_b(2, 1.0), 0.2, 1e-12);
        check_near(erlang_b(10, 5.0), 0.018_384_57, 1e-6);
        assert_eq!(erlang_b(0, 3.0), 1.0);
        assert_eq!(erlang_b(5, 0.0), 0.0);
    }

    #[test]
    fn erlang_c_delays_the_known_shares() {
        let known = [
            (5, 4.0, 0.554),
            (6, 4.0, 0.285),
            (8, 4.0, 0.059),
            (11, 9.0, 0.431),
            (12, 9.0, 0.266),
            (15, 9.0, 0.048),
        ];
        for (servers, load, expected) in known {
            check_near(erlang_c(servers, load), expected, 0.005);
        }
        assert_eq!(erlang_c(4, 4.0), 1.0);
        assert_eq!(erlang_c(0, 1.0), 1.0);
        assert_eq!(erlang_c(0, 0.0), 1.0);
    }

    #[test]
    fn mm1_waits_have_the_exact_quantiles() {
        // ρ = 0.5, s = 1: queueing.csv has mean 1, p95 4.60517, p99 7.82405.
        let mut wait = Wait::allen_cunneen(1, 0.5, MARKOV);
        check_near(wait.mean_s(), 1.0, 1e-9);
        // ln(0.5 / 0.05) · 2 and ln(0.5 / 0.01) · 2
        check_near(wait.quantile_s(0.95), 4.605_170_19, 1e-8);
        check_near(wait.quantile_s(0.99), 7.824_046_01, 1e-8);
        assert_eq!(wait.quantile_s(0.4), 0.0);
        check_near(wait.beyond(4.605_170_19).0, 0.05, 1e-8);
        check_near(wait.beyond(0.0).1, 1.0, 1e-9);
        check_near(wait.beyond(-3.0).1, 4.0, 1e-9);
        // M/D/1 waits half as long (Pollaczek–Khinchine).
        wait = Wait::allen_cunneen(
            1,
            0.5,
            Work {
                service_cv2: 0.0,
                ..MARKOV
            },
        );
        check_near(wait.mean_s(), 0.5, 1e-9);
    }

    #[test]
    fn the_approximation_is_near_where_waiting_matters() {
        for servers in [1_u32, 3, 10, 50, 100, EXACT_UP_TO] {
            for utilisation in [0.8, 0.9, 0.95, 0.99] {
                let load = utilisation * f64::from(servers);
                let exact = erlang_c(servers, load);
                let near = delayed_share_approximately(f64::from(servers), load);
                assert!(
                    (near - exact).abs() < 0.06,
                    "{servers} at {load}: {near}, {exact}"
                );
            }
        }
    }

    #[test]
    fn a_saturated_pool_waits_for_ever_and_an_idle_one_never() {
        let wait = Wait::allen_cunneen(4, 5.0, MARKOV);
        assert_eq!(wait.mean_s(), f64::INFINITY);
        assert_eq!(wait.beyond(1e9), (1.0, f64::INFINITY));
        assert_eq!(Wait::allen_cunneen(4, 0.0, MARKOV), Wait::NONE);
        assert_eq!(Wait::NONE.beyond(0.0), (0.0, 0.0));
    }
}
