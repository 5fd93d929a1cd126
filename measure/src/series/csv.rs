//! Series as CSV: a row for each bin, a heading that says each column's unit.
//!
//! Times are in seconds, an empty cell means that there is no such value.

use std::fmt::Write;

use ebbtide_core::units::Duration;

use super::{Series, SojournSeries};

impl Series {
    /// The table as CSV.
    ///
    /// | column | meaning |
    /// |---|---|
    /// | `t_s`, `span_s` | when the bin begins, how long it lasts |
    /// | `offered`, `refused` | messages sent in it, and refused in it |
    /// | `delivered` … `returned` | outcomes in it |
    /// | `waiting`, `waiting_max`, `waiting_mean` | messages waiting: at its end, at most, averaged |
    /// | `delayed` | messages delayed at its end |
    /// | `oldest_wait_s` | age of the oldest message next in line, as control ticks saw it |
    /// | `busy_slots`, `busy_workers` | slots and workers with a call, averaged |
    /// | `wanted`, `starting`, `ready`, `draining` | workers at its end |
    /// | `batch_size` | messages a batch may carry at its end |
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut csv = String::from(
            "t_s,span_s,offered,refused,delivered,rejected,discarded,expired,cancelled,\
             dead_lettered,returned,waiting,waiting_max,waiting_mean,delayed,oldest_wait_s,\
             busy_slots,busy_workers,wanted,starting,ready,draining,batch_size\n",
        );
        for (index, bin) in self.bins.iter().enumerate() {
            let span = self.span_of(index);
            let mean = |time: Duration| Cell(mean_over(time, span));
            let ended = &bin.outcomes;
            let row = [
                &self.start_of(index).as_secs_f64() as &dyn std::fmt::Display,
                &span.as_secs_f64(),
                &bin.offered,
                &bin.refused,
                &ended.delivered,
                &ended.rejected,
                &ended.discarded,
                &ended.expired,
                &ended.cancelled,
                &ended.dead_lettered,
                &ended.returned,
                &bin.waiting,
                &bin.waiting_max,
                &mean(bin.waiting_time),
                &bin.delayed,
                &Cell(bin.oldest_wait.map(Duration::as_secs_f64)),
                &mean(bin.busy_slot_time),
                &mean(bin.busy_worker_time),
                &bin.wanted,
                &bin.starting,
                &bin.ready,
                &bin.draining,
                &bin.batch_size,
            ];
            write_row(&mut csv, &row);
        }
        csv
    }
}

impl SojournSeries {
    /// The table as CSV.
    ///
    /// | column | meaning |
    /// |---|---|
    /// | `t_s`, `span_s` | when the bin begins, how long it lasts |
    /// | `count`, `unfinished` | messages sent in it, and how many of them had not ended |
    /// | `p50_s`, `p95_s`, `p99_s`, `max_s` | their sojourns |
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut csv = String::from("t_s,span_s,count,unfinished,p50_s,p95_s,p99_s,max_s\n");
        let seconds = |time: Option<Duration>| Cell(time.map(Duration::as_secs_f64));
        for (index, bin) in self.bins.iter().enumerate() {
            let row = [
                &(self.width * index as u64).as_secs_f64() as &dyn std::fmt::Display,
                &self.width.as_secs_f64(),
                &bin.count,
                &bin.unfinished,
                &seconds(bin.p50),
                &seconds(bin.p95),
                &seconds(bin.p99),
                &seconds(bin.max),
            ];
            write_row(&mut csv, &row);
        }
        csv
    }
}

/// A number, or nothing.
struct Cell(Option<f64>);

impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.map_or(Ok(()), |number| write!(f, "{number}"))
    }
}

fn mean_over(time: Duration, span: Duration) -> Option<f64> {
    (!span.is_zero()).then(|| time.as_secs_f64() / span.as_secs_f64())
}

fn write_row(csv: &mut String, cells: &[&dyn std::fmt::Display]) {
    for (index, cell) in cells.iter().enumerate() {
        let separator = if index == 0 { "" } else { "," };
        write!(csv, "{separator}{cell}").expect("a string takes everything");
    }
    csv.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::{Bin, SojournBin};

    #[track_caller]
    fn check(csv: &str, row: &str) {
        let mut lines = csv.lines();
        let heading = lines.next().expect("a heading");
        assert_eq!(lines.next(), Some(row));
        assert_eq!(heading.split(',').count(), row.split(',').count());
        assert_eq!(lines.next(), None);
    }

    #[test]
    fn a_bin_is_a_row_with_a_cell_for_each_heading() {
        let mut bin = Bin {
            offered: 7,
            refused: 1,
            waiting: 3,
            waiting_max: 4,
            waiting_time: Duration::from_millis(1_250),
            busy_slot_time: Duration::from_millis(250),
            wanted: 2,
            ready: 1,
            batch_size: 20,
            ..Bin::default()
        };
        bin.outcomes.delivered = 5;
        let series = Series::from_bins(Duration::from_millis(500), vec![bin]);
        let row = "0,0.5,7,1,5,0,0,0,0,0,0,3,4,2.5,0,,0.5,0,2,0,1,0,20";
        check(&series.to_csv(), row);
    }

    #[test]
    fn a_quantile_that_is_none_is_an_empty_cell() {
        let bin = SojournBin {
            count: 30,
            p50: Some(Duration::from_millis(2)),
            p95: Some(Duration::from_millis(4)),
            max: Some(Duration::from_millis(5)),
            ..SojournBin::default()
        };
        let series = SojournSeries {
            width: Duration::from_secs(1),
            bins: vec![bin],
        };
        check(&series.to_csv(), "0,1,30,0,0.002,0.004,,0.005");
    }
}
