//! The best curve through call times that is flat up to some number of calls under way: a straight line or a parabola.

/// What was seen of calls that began among about as many.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    /// Calls under way, on the mean.
    pub(super) n: f64,
    pub(super) time_s: f64,
    /// One over the squared error of the time.
    pub(super) weight: f64,
}

/// A curve that is flat up to `from`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Curve {
    pub(super) from: f64,
    /// 1: a straight line from there, as where calls take turns. 2: a parabola, as where each call also hinders
    /// every other (Gunther's universal scalability law).
    pub(super) power: i32,
    /// What it rises by at one further call, relative to the flat part.
    pub(super) slope: f64,
    /// The most calls under way that were seen.
    pub(super) until: f64,
    /// Weighted squared misses.
    pub(super) misses: f64,
}

/// No slow-down, and the best one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fits {
    /// Squared misses without.
    pub(super) flat: f64,
    pub(super) curve: Curve,
}

/// Weighted sums over the points beyond some number of calls: of powers of how far they lie beyond it, from 0 to 4, and
/// of times with the powers from 0 to 2.
#[derive(Clone, Copy, Debug, Default)]
struct Beyond {
    far: [f64; 5],
    time: [f64; 3],
}

/// All points: the most calls under way, their weight, the weighted sum of their times, and the misses that a flat
/// line leaves.
#[derive(Clone, Copy, Debug)]
struct All {
    busiest: f64,
    weight: f64,
    time: f64,
    flat: f64,
}

/// Squared misses if calls took equally long however many were under way.
pub(super) fn flat_misses(points: &[Point]) -> f64 {
    let (w, t) = (points.iter()).fold((0.0, 0.0), |(w, t), point| {
        (w + point.weight, t + point.weight * point.time_s)
    });
    let mean = t / w.max(f64::MIN_POSITIVE);
    let misses = points.iter().map(|point| {
        let off = point.time_s - mean;
        point.weight * off * off
    });
    misses.sum()
}

impl Fits {
    /// Fits `points`, in whatever order.
    pub(super) fn new(points: &[Point]) -> Self {
        let flat = flat_misses(points);
        let mut sorted = points.to_vec();
        // The busiest first: what is beyond a point is known when its turn comes.
        sorted.sort_unstable_by(|one, other| other.n.total_cmp(&one.n));
        let (weight, time) = (sorted.iter()).fold((0.0, 0.0), |(w, t), point| {
            (w + point.weight, t + point.weight * point.time_s)
        });
        let all = All {
            busiest: sorted.first().map_or(0.0, |busiest| busiest.n),
            weight,
            time,
            flat,
        };
        let mut best = Curve {
            from: f64::INFINITY,
            power: 1,
            slope: 0.0,
            until: all.busiest,
            misses: flat,
        };
        let (mut beyond, mut from) = (Beyond::default(), 0.0);
        for point in &sorted {
            beyond.come_down_by(from - point.n);
            from = point.n;
            for power in [1, 2] {
                let curve = beyond.rising(from, power, all);
                if curve.slope > 0.0 && curve.misses < best.misses {
                    best = curve;
                }
            }
            beyond.add(point);
        }
        Self { flat, curve: best }
    }

    /// How much less surprising the curve leaves what was seen.
    pub(super) fn gain(&self) -> f64 {
        self.flat - self.curve.misses
    }

    /// What the better of the two leaves, and what it takes to believe it: `more` for the curve.
    pub(super) fn explain(&self, more: f64) -> (f64, f64) {
        if self.curve.slope > 0.0 && self.gain() > more {
            (self.curve.misses, more)
        } else {
            (self.flat, 0.0)
        }
    }
}

impl Beyond {
    /// The number of calls comes down by so much, so that all lie the farther beyond it.
    fn come_down_by(&mut self, by: f64) {
        let [one, x, xx, xxx, xxxx] = self.far;
        let [t, xt, xxt] = self.time;
        let (by2, by3) = (by * by, by * by * by);
        self.far = [
            one,
            x + by * one,
            xx + 2.0 * by * x + by2 * one,
            xxx + 3.0 * by * xx + 3.0 * by2 * x + by3 * one,
            xxxx + 4.0 * by * xxx + 6.0 * by2 * xx + 4.0 * by3 * x + by3 * by * one,
        ];
        self.time = [t, xt + by * t, xxt + 2.0 * by * xt + by2 * t];
    }

    /// A point at the number of calls itself.
    fn add(&mut self, point: &Point) {
        self.far[0] += point.weight;
        self.time[0] += point.weight * point.time_s;
    }

    /// The least-squares curve of this power that rises beyond `from`, these being the points there.
    fn rising(&self, from: f64, power: usize, all: All) -> Curve {
        let (x, xx, xt) = (self.far[power], self.far[2 * power], self.time[power]);
        let weight = all.weight.max(f64::MIN_POSITIVE);
        let (spread, joint) = (xx - x * x / weight, xt - x * all.time / weight);
        let slope = if spread > 1e-9 * xx {
            joint / spread
        } else {
            0.0
        };
        let base = (all.time - slope * x) / weight;
        Curve {
            from,
            power: power as i32,
            slope: if base > 0.0 { slope / base } else { 0.0 },
            until: all.busiest,
            misses: (all.flat - slope * joint).max(0.0),
        }
    }
}
