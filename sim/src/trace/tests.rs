//! Unit tests of traces: what is read, what is refused, what is written.

use super::*;

fn row(ms: u64) -> Row {
    Row {
        at: Time::ZERO + Duration::from_millis(ms),
        ..Row::default()
    }
}

#[test]
fn columns_go_by_name_and_unknown_ones_are_told() {
    let text = "service_s,class,t_s,tokens_in,size\n0.25,a,0,7,10\n,,0.5,,\n1e-3,b,2,9,30\n";
    let trace = Trace::parse(text.as_bytes()).expect("valid");
    let wanted = [
        Row {
            class: Some(0),
            size: Some(10),
            service: Some(Duration::from_millis(250)),
            ..row(0)
        },
        row(500),
        Row {
            class: Some(1),
            size: Some(30),
            service: Some(Duration::from_millis(1)),
            ..row(2_000)
        },
    ];
    assert_eq!(trace.rows(0), wanted);
    assert_eq!(trace.rows(7), wanted);
    assert_eq!(trace.classes(), ["a", "b"]);
    assert_eq!(trace.last(), wanted[2].at);
    assert_eq!(trace.replications(), None);
    let told = "column tokens_in is not read, known are t_s, size, class, units, ";
    assert!(
        trace
            .unread()
            .is_some_and(|unread| unread.starts_with(told))
    );
    let misspelt = Trace::parse(b"t_s,servce_s,x\n0,1,2\n").expect("valid");
    let told = "columns servce_s, x are not read, did you mean service_s?";
    assert_eq!(misspelt.unread(), Some(told));
    let known = Trace::parse(b"t_s,size\n0,1\n").expect("valid");
    assert_eq!(known.unread(), None);
}

#[test]
fn what_is_exported_reads_back_to_the_nanosecond() {
    let recorded = Recorded {
        length: Some(Duration::from_millis(10_500)),
        warm_up: Some(Duration::from_nanos(1_000_000_001)),
    };
    let origin = |number| {
        Some(Origin {
            source: Some(2),
            caller: 3,
            number,
        })
    };
    let rows = [
        Row {
            at: Time::from_nanos(123_456_789_012_345_678),
            class: Some(0),
            size: Some(4_294_967_295),
            units: Some(0),
            service: Some(Duration::from_nanos(1)),
            replication: Some(0),
            origin: origin(u64::MAX),
        },
        Row {
            class: Some(1),
            replication: Some(1),
            origin: origin(0),
            ..row(5)
        },
    ];
    let mut writer = TraceWriter::new(Vec::new(), recorded).expect("a vector takes all");
    for (replication, row) in (0..).zip(rows) {
        let exported = Exported {
            replication,
            row,
            class: ["plain", "with \"quotes\", and a comma"][replication as usize],
        };
        writer.write(&exported).expect("a vector takes all");
    }
    let trace = Trace::parse(&writer.into_inner()).expect("it reads back");
    assert_eq!(trace.recorded(), recorded);
    assert_eq!((trace.rows(0), trace.rows(1)), (&rows[..1], &rows[1..]));
    assert_eq!(trace.rows(2), []);
    assert_eq!(trace.replications(), Some(2));
}

/// The column was read only where `source`, `caller` and `number` stood beside it.
#[test]
fn a_replication_has_its_rows_whatever_else_a_trace_says() {
    let trace = Trace::parse(b"t_s,replication\n1,0\n2,1\n3,1\n").expect("valid");
    let sent = |replication| trace.rows(replication).iter().map(|row| row.at.as_nanos());
    assert_eq!(sent(0).collect::<Vec<_>>(), [1_000_000_000]);
    assert_eq!(sent(1).collect::<Vec<_>>(), [2_000_000_000, 3_000_000_000]);
    assert_eq!((trace.rows(2), trace.replications()), (&[][..], Some(2)));
}

#[test]
fn faults_name_line_and_column() {
    #[track_caller]
    fn check(text: impl AsRef<[u8]>, wanted: &str) {
        let error = Trace::parse(text.as_ref()).expect_err(wanted).to_string();
        assert!(error.contains(wanted), "{error}\n does not say: {wanted}");
    }
    check("t_s,size\n", "no row below the header");
    check("", "no row below the header");
    check(
        "time,size\n0,1\n",
        "column t_s is missing, found are time, size",
    );
    check(
        "t_s\n1\n0.5\n",
        "line 3, column t_s: 500ms lies before 1s of the row above",
    );
    check("t_s\nNaN\n", "line 2, column t_s: \"NaN\" is out of range");
    check("t_s\n-1\n", "line 2, column t_s: \"-1\" is out of range");
    check("t_s\n1e999\n", "\"1e999\" is out of range");
    check("t_s\n5m\n", "\"5m\" is no number");
    check("t_s,size\n0,abc\n", "\"abc\" is no number");
    check("t_s,size\n0,4294967296\n", "line 2, column size");
    check("t_s,size\n0,1,2\n", "line 2 has 3 fields, the header has 2");
    check(b"t_s\n0\n\xff\n", "line 3 is not UTF-8");
    check(
        "t_s,size,t_s\n0,1,2\n",
        "line 1: column t_s stands there twice",
    );
    check(
        "t_s,replication\n5,0\n1,1\n3,0\n",
        "line 4, column t_s: 3s lies before 5s of an earlier row of its replication",
    );
    check("t_s,replication\n0,0\n1,\n", "line 3, column replication");
    check("t_s,number\n0,1\n", "column source is missing");
    check(
        "t_s,source,caller,number\n0,1,,2\n",
        "line 2, column caller",
    );
    check(
        "# ebbtide-trace 2\nt_s\n0\n",
        "this version reads \"# ebbtide-trace 1",
    );
    check("# ebbtide-trace 1 length=5\nt_s\n0\n", "is not understood");
}

#[test]
fn comments_a_byte_order_mark_and_windows_line_ends_are_fine() {
    let text = "\u{feff}# ebbtide-trace 1 length=9s\r\nt_s,size\r\n0,1\r\n# another\r\n1,2\r\n";
    let trace = Trace::parse(text.as_bytes()).expect("valid");
    assert_eq!(trace.rows(0).len(), 2);
    assert_eq!(trace.rows(0)[1].size, Some(2));
    assert_eq!(trace.recorded().length, Some(Duration::from_secs(9)));
}

/// They were told one line too early.
#[test]
fn faults_have_their_line_whatever_ends_the_lines() {
    for end in ["\n", "\r\n"] {
        let text = format!("t_s,size{end}0,1{end}1,x{end}");
        let error = Trace::parse(text.as_bytes()).expect_err("x is no size");
        assert!(error.to_string().starts_with("line 3"), "{error}");
        let text = format!("t_s,size{end}0,1{end}1{end}");
        let error = Trace::parse(text.as_bytes()).expect_err("a field is missing");
        assert!(error.to_string().starts_with("line 3"), "{error}");
    }
}

/// They were told at the first of the lines that are not read.
#[test]
fn faults_have_their_line_behind_blank_ones_and_comments() {
    for end in ["\n", "\r\n"] {
        for skipped in ["", "", "#", "# a comment, of two"].windows(2) {
            let text = ["t_s,size", "0,1", skipped[0], skipped[1], "", "1,x", ""].join(end);
            let error = Trace::parse(text.as_bytes()).expect_err("x is no size");
            assert!(error.to_string().starts_with("line 6"), "{error}: {text:?}");
        }
        let text = ["", "# a comment", "t_s,t_s", ""].join(end);
        let error = Trace::parse(text.as_bytes()).expect_err("twice");
        assert!(error.to_string().starts_with("line 3"), "{error}: {text:?}");
    }
}

#[test]
fn a_series_is_not_taken_for_messages() {
    let error = Trace::parse(b"t_s,rate_per_s\n0,5\n60,7\n").expect_err("rates are no messages");
    assert_eq!(
        error,
        TableError::Series {
            column: "rate_per_s"
        }
    );
}
