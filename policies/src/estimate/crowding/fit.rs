//! The best line through call times that is flat up to some number of calls under way.

/// What was seen of calls that began among about as many.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    /// Calls under way, on the mean.
    pub(super) n: f64,
    pub(super) time_s: f64,
    pub(super) calls: f64,
    /// One over the squared error of the time.
    pub(super) weight: f64,
}

/// A line that is flat up to `from`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) from: f64,
    /// What each further call adds, relative to the flat part.
    pub(super) slope: f64,
    /// Weighted squared misses.
    pub(super) misses: f64,
}

/// No slow-down, and the best one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fits {
    /// Squared misses without.
    pub(super) flat: f64,
    pub(super) line: Line,
}

/// Weighted sums over points: of one, of `n`, its square, of the time and `n` times it.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    w: f64,
    n: f64,
    nn: f64,
    t: f64,
    nt: f64,
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
        let (w, t) = (sorted.iter()).fold((0.0, 0.0), |(w, t), point| {
            (w + point.weight, t + point.weight * point.time_s)
        });
        let mut best = Line {
            from: f64::INFINITY,
            slope: 0.0,
            misses: flat,
        };
        let mut beyond = Sums::default();
        for point in &sorted {
            let line = beyond.line_from(point.n, w, t, flat);
            if line.slope > 0.0 && line.misses < best.misses {
                best = line;
            }
            beyond.add(point);
        }
        Self { flat, line: best }
    }

    /// How much less surprising the line leaves what was seen.
    pub(super) fn gain(&self) -> f64 {
        self.flat - self.line.misses
    }

    /// What the better of the two leaves, and what it takes to believe it: `more` for the line.
    pub(super) fn explain(&self, more: f64) -> (f64, f64) {
        if self.line.slope > 0.0 && self.gain() > more {
            (self.line.misses, more)
        } else {
            (self.flat, 0.0)
        }
    }
}

impl Sums {
    fn add(&mut self, point: &Point) {
        let weight = point.weight;
        self.w += weight;
        self.n += weight * point.n;
        self.nn += weight * point.n * point.n;
        self.t += weight * point.time_s;
        self.nt += weight * point.n * point.time_s;
    }

    /// The least-squares line that rises beyond `from`, these being the points there, `w` and `t`
    /// the weight and the weighted times of all, of which a flat one leaves `flat`.
    fn line_from(&self, from: f64, w: f64, t: f64, flat: f64) -> Line {
        let x = self.n - from * self.w;
        let xx = self.nn - from * (2.0 * self.n - from * self.w);
        let xt = self.nt - from * self.t;
        let (spread, joint) = (xx - x * x / w, xt - x * t / w);
        let slope = if spread > 1e-9 * xx {
            joint / spread
        } else {
            0.0
        };
        let base = (t - slope * x) / w.max(f64::MIN_POSITIVE);
        Line {
            from,
            slope: if base > 0.0 { slope / base } else { 0.0 },
            misses: (flat - slope * joint).max(0.0),
        }
    }
}
