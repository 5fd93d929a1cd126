//! Series: values over time from a CSV file, each of which holds until the next row.
//!
//! Two forms: `t_s` with `rate_per_s` or `latency_ms`, and `t_s,class,rate_per_s,cv,gaps` with
//! one row a class and window. Further columns are told and not read.

use ebbtide_policies::units::{Duration, Time};
use statrs::function::gamma::gamma;

use crate::distribution::Sampler;
use crate::table::{ABOVE, Fields, Table, TableError};

/// The columns that are read.
const COLUMNS: [&str; 6] = ["t_s", "rate_per_s", "latency_ms", "class", "cv", "gaps"];

/// A file's values.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    steps: Vec<Step>,
    clients: Option<Vec<Client>>,
    classes: Vec<String>,
    unread: Option<String>,
}

/// A value and how long it holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// When the next value holds. The last row holds as long as the one before it.
    pub until: Time,
    /// Rate a second, or latency in milliseconds.
    pub value: f64,
}

/// One class of a series by class.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    /// Its place among the classes' names.
    pub class: u32,
    /// Its windows, one after another from the start, silent ones included.
    pub windows: Vec<Window>,
}

/// A client during one window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// When the next one begins.
    pub until: Time,
    /// Messages a second; 0: silent.
    pub per_s: f64,
    /// Coefficient of variation of the gaps.
    pub cv: f64,
    /// Which family the gaps are of.
    pub family: Gaps,
}

/// A family of gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gaps {
    /// Gamma.
    Gamma,
    /// Weibull.
    Weibull,
}

impl Window {
    /// Gaps of mean 1; `None` where the client is silent.
    pub(crate) fn gaps(&self) -> Option<Sampler> {
        if self.per_s <= 0.0 {
            return None;
        }
        Some(match self.family {
            Gaps::Gamma => Sampler::gamma(1.0, self.cv * self.cv),
            Gaps::Weibull => {
                let shape = weibull_shape(self.cv * self.cv);
                Sampler::weibull(1.0 / gamma(1.0 + 1.0 / shape), shape)
            }
        })
    }
}

/// The Weibull shape with this cv² = Γ(1 + 2/shape) / Γ(1 + 1/shape)² − 1, by bisection, as it
/// falls with the shape; within 0.1 to 100.
fn weibull_shape(cv2: f64) -> f64 {
    let excess = |shape: f64| gamma(1.0 + 2.0 / shape) / gamma(1.0 + 1.0 / shape).powi(2) - 1.0;
    let (mut low, mut high) = (0.1_f64, 100.0_f64);
    for _ in 0..60 {
        let middle = (low * high).sqrt();
        if excess(middle) > cv2 {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

impl Series {
    /// Reads a file's content.
    ///
    /// # Errors
    ///
    /// [`TableError`], with line and column.
    pub fn parse(bytes: &[u8]) -> Result<Self, TableError> {
        let table = Table::new(bytes)?;
        let unread = table.unread(&COLUMNS);
        let mut series = if table.column("class").is_some() {
            Self::by_class(table)?
        } else {
            Self::plain(table)?
        };
        if series.steps.is_empty() {
            return Err(TableError::Empty);
        }
        series.unread = unread;
        Ok(series)
    }

    /// Values in order.
    pub fn steps(&self) -> impl ExactSizeIterator<Item = Step> + '_ {
        self.steps.iter().copied()
    }

    /// The classes' own processes, if the series is by class.
    #[must_use]
    pub fn clients(&self) -> Option<&[Client]> {
        self.clients.as_deref()
    }

    /// The classes' names, empty unless the series is by class.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The columns that mean nothing here, as a sentence, if there are any.
    #[must_use]
    pub fn unread(&self) -> Option<&str> {
        self.unread.as_deref()
    }

    /// When the last value ends.
    #[must_use]
    pub fn end(&self) -> Time {
        self.steps.last().map_or(Time::ZERO, |step| step.until)
    }

    /// Factors relative to `base`, each from when on; the file is played `speed` times as fast.
    pub(crate) fn factors(&self, base: Duration, speed: f64) -> Vec<(Time, f64)> {
        let begun = [Time::ZERO]
            .into_iter()
            .chain(self.steps().map(|step| step.until));
        let base_ms = base.as_nanos() as f64 / 1e6;
        begun
            .zip(self.steps())
            .map(|(from, step)| (sped_up(from, speed), step.value / base_ms))
            .collect()
    }

    fn plain(mut table: Table<'_>) -> Result<Self, TableError> {
        let at = table.needed("t_s")?;
        let value = match table.column("latency_ms") {
            Some(latency) => latency,
            None => table.needed("rate_per_s")?,
        };
        let (mut times, mut values) = (Vec::new(), Vec::new());
        while let Some(row) = table.row()? {
            times.push(row.time(at, times.last().copied().unwrap_or(Time::ZERO), ABOVE)?);
            values.push(rate(&row, value)?);
        }
        let until = ends(&times);
        Ok(Self {
            steps: until
                .zip(values)
                .map(|(until, value)| Step { until, value })
                .collect(),
            clients: None,
            classes: Vec::new(),
            unread: None,
        })
    }

    fn by_class(mut table: Table<'_>) -> Result<Self, TableError> {
        let at = table.needed("t_s")?;
        let class = table.needed("class")?;
        let value = table.needed("rate_per_s")?;
        let cv = table.column("cv");
        let family = table.column("gaps");
        let mut classes: Vec<String> = Vec::new();
        let mut starts: Vec<Time> = Vec::new();
        // (window, class, what the row says)
        let mut cells: Vec<(usize, usize, f64, f64, Gaps)> = Vec::new();
        while let Some(row) = table.row()? {
            let begun = row.time(at, starts.last().copied().unwrap_or(Time::ZERO), ABOVE)?;
            if starts.last() != Some(&begun) {
                starts.push(begun);
            }
            let name = row.text(Some(class));
            let name = name.ok_or_else(|| row.fault(class, "names"))?;
            let known = classes.iter().position(|known| known == name);
            let index = known.unwrap_or_else(|| {
                classes.push(name.to_owned());
                classes.len() - 1
            });
            let cv = row.number(cv, "numbers above 0, up to 100", |cv| {
                (0.0..=100.0).contains(cv)
            })?;
            let family = match (family, row.text(family)) {
                (Some(_), Some("weibull")) => Gaps::Weibull,
                (_, None) | (Some(_), Some("gamma")) => Gaps::Gamma,
                (Some(column), Some(_)) => return Err(row.fault(column, "gamma and weibull")),
                (None, Some(_)) => Gaps::Gamma,
            };
            cells.push((
                starts.len() - 1,
                index,
                rate(&row, value)?,
                cv.unwrap_or(1.0),
                family,
            ));
        }
        Ok(Self::windows(classes, &starts, &cells))
    }

    fn windows(
        classes: Vec<String>,
        starts: &[Time],
        cells: &[(usize, usize, f64, f64, Gaps)],
    ) -> Self {
        let silent = |until| Window {
            until,
            per_s: 0.0,
            cv: 1.0,
            family: Gaps::Gamma,
        };
        let ends: Vec<Time> = ends(starts).collect();
        let mut steps: Vec<Step> = ends
            .iter()
            .map(|&until| Step { until, value: 0.0 })
            .collect();
        let rows: Vec<Window> = ends.iter().map(|&until| silent(until)).collect();
        let mut windows = vec![rows; classes.len()];
        for &(window, class, per_s, cv, family) in cells {
            steps[window].value += per_s;
            let until = ends[window];
            windows[class][window] = Window {
                until,
                per_s,
                cv,
                family,
            };
        }
        let clients = windows.into_iter().zip(0..);
        Self {
            steps,
            clients: Some(
                clients
                    .map(|(windows, class)| Client { class, windows })
                    .collect(),
            ),
            classes,
            unread: None,
        }
    }
}

/// A time of a file that is played `speed` times as fast.
pub(crate) fn sped_up(at: Time, speed: f64) -> Time {
    if speed == 1.0 || at == Time::MAX {
        return at;
    }
    Time::from_nanos((at.as_nanos() as f64 / speed).round() as u64)
}

/// When each of the values that begin at `starts` ends. The first is taken to hold from 0.
fn ends(starts: &[Time]) -> impl Iterator<Item = Time> + '_ {
    let last = match starts {
        [.., before, last] => *last + last.since(*before),
        _ => Time::ZERO + Duration::MAX,
    };
    starts.iter().skip(1).copied().chain([last])
}

fn rate(row: &Fields, column: crate::table::Column) -> Result<f64, TableError> {
    let allowed = "numbers from 0 up to 1e9";
    let value = row.number(Some(column), allowed, |value| (0.0..=1e9).contains(value))?;
    value.ok_or_else(|| row.fault(column, allowed))
}
