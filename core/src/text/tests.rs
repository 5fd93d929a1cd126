//! What a reader is told of a text that cannot be read, word for word.

use ebbtide_policies::objective::Objective;
use ebbtide_policies::units::{Duration, Rate};
use proptest::prelude::*;
use serde::Deserialize;

use super::*;

/// One of everything that texts are made of.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Sample {
    count: u32,
    share: f64,
    name: String,
    timeout: Option<Duration>,
    delay_ms: u32,
    objective: Option<Objective>,
    arrivals: Arrivals,
    agents: Vec<Agent>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Agent {
    name: String,
    #[serde(default)]
    limit: Option<u32>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
enum Arrivals {
    #[default]
    None,
    Poisson(Rate),
    Steps {
        rate: Rate,
    },
}

#[track_caller]
fn check(format: Format, text: &str, expected: &str) {
    let error = read::<Sample>(format, text).unwrap_err();
    assert_eq!(error.to_string(), expected, "{text}");
}

#[test]
fn ron_is_read_with_some_left_out() {
    let text = "(
        count: 3, // places
        timeout: \"1.5s\",
        objective: \"p95(sojourn) < 500ms\",
        arrivals: Poisson(\"40/s\"),
        agents: [(name: \"a(b\"), (name: r#\"c\"]\"#, limit: 4)],
    )";
    let sample: Sample = from_ron(text).unwrap();
    assert_eq!(sample.timeout, Some(Duration::from_millis(1_500)));
    assert_eq!(sample.agents[1].limit, Some(4));
}

/// Texts, and what is said of them.
const RON_FAULTS: &[(&str, &str)] = &[
    (
        "(\n  cuont: 3)",
        "line 2, column 3: unknown field cuont; did you mean count?",
    ),
    (
        "(agents: [(name: \"a\"), (nmae: \"b\")])",
        "line 1, column 25: unknown field nmae in agents[1]; did you mean name?",
    ),
    (
        "(arrivals: Steps(rte: \"1/s\"))",
        "line 1, column 18: unknown field rte in arrivals; did you mean rate?",
    ),
    (
        "(agents: [(name: \"a\", x: 1)])",
        "line 1, column 23: unknown field x in agents[0]; allowed are name, limit",
    ),
    (
        "(arrivals: Poison(\"1/s\"))",
        "line 1, column 12: unknown variant Poison in arrivals; did you mean Poisson?",
    ),
    (
        "(\n timeout: 35)",
        "line 2, column 11: timeout: 35 has no unit, write \"35ms\" or \"35s\"",
    ),
    (
        "(arrivals: Poisson(\"-1/s\"))",
        "line 1, column 20: arrivals: \"-1/s\" is out of range, \
             allowed are finite rates from 0/s",
    ),
    (
        "(objective: \"p95(latency) < 1s\")",
        "line 1, column 13: objective: \"latency\" cannot be limited, \
             allowed are sojourn and wait",
    ),
    (
        "(count: 18446744073709551616)",
        "line 1, column 9: count is 18446744073709551616, expected a whole number up to 18446744073709551615",
    ),
    (
        "(count: -1)",
        "line 1, column 9: count is -1, expected a whole number from 0 on",
    ),
    (
        "(count: 2.5)",
        "line 1, column 9: count is 2.5, expected a whole number",
    ),
    (
        "(count: 5_000_000_000)",
        "line 1, column 9: count is 5_000_000_000, expected a whole number up to 4294967295",
    ),
    (
        "(count: 0x1FFFFFFFFF)",
        "line 1, column 9: count is 0x1FFFFFFFFF, expected a whole number up to 4294967295",
    ),
    (
        "(count: -0b1)",
        "line 1, column 9: count is -0b1, expected a whole number from 0 on",
    ),
    (
        "(count: 0o777777777777777777777777)",
        "line 1, column 9: count is 0o777777777777777777777777, expected a whole number up to 18446744073709551615",
    ),
    (
        "(arrivals: -300)",
        "line 1, column 12: arrivals is -300, expected a word",
    ),
    (
        "(arrivals: \"poison\")",
        "line 1, column 13: unknown variant poison in arrivals; did you mean Poisson?",
    ),
    (
        "(arrivals: \"None\")",
        "line 1, column 12: arrivals is \"None\", expected a word; write None without quotes",
    ),
    (
        "(arrivals: Poisson(rate: \"40/s\"))",
        "line 1, column 20: arrivals: no field belongs here, found rate; write its value alone",
    ),
    (
        "(arrivals: Poisson, count: 3)",
        "line 1, column 12: arrivals is Poisson, expected ( ) with more after it",
    ),
    (
        "(time-out: 3)",
        "line 1, column 2: time-out is no name, names are of letters, digits and _",
    ),
    (
        "(timeout_sec: 3)",
        "line 1, column 2: unknown field timeout_sec; did you mean timeout, with the unit in the value?",
    ),
    (
        "(delay_seconds: 3)",
        "line 1, column 2: unknown field delay_seconds; did you mean delay_ms, in milliseconds?",
    ),
    (
        "(delay_sec: 3)",
        "line 1, column 2: unknown field delay_sec; did you mean delay_ms, in milliseconds?",
    ),
    (
        "(timeout: \"5m\")",
        "line 1, column 11: timeout: \"5m\" has an unknown unit \"m\", write \"5min\" for minutes or \"5ms\" for milliseconds",
    ),
    (
        "(name: none)",
        "line 1, column 8: name is none, expected text in quotes",
    ),
    (
        "(share: 1e999)",
        "line 1, column 9: 1e999 is not finite, allowed are finite numbers",
    ),
    (
        "(share: NaN)",
        "line 1, column 9: NaN is not finite, allowed are finite numbers",
    ),
    (
        "(agents: [(limit: 1)])",
        "line 1, column 11: field name is missing in agents[0]",
    ),
    (
        "(count: 1, count: 2)",
        "line 1, column 12: field count is given twice; keep one of them",
    ),
    (
        "(count: 1\n",
        "line 2, column 1: expected comma; the ( on line 1, column 1 is not closed",
    ),
    ("(count 1)", "line 1, column 8: expected colon"),
    ("", "line 1, column 1: expected fields in ( )"),
    (
        "(name: \"abc",
        "line 1, column 8: expected end of string; the ( on line 1, column 1 is not closed",
    ),
    (
        "() x",
        "line 1, column 4: non-whitespace trailing characters",
    ),
];

#[test]
fn faults_of_ron_name_place_field_found_and_remedy() {
    for (text, expected) in RON_FAULTS {
        check(Format::Ron, text, expected);
    }
}

/// Texts, and what is said of them.
const JSON_FAULTS: &[(&str, &str)] = &[
    (
        "{\n  \"cuont\": 3}",
        "line 2, column 4: unknown field cuont; did you mean count?",
    ),
    (
        "{\"agents\": [{\"name\": \"a\"}, {\"nmae\": \"b\"}]}",
        "line 1, column 30: unknown field nmae in agents[1]; did you mean name?",
    ),
    (
        "{\"arrivals\": {\"Poison\": \"1/s\"}}",
        "line 1, column 16: unknown variant Poison in arrivals; did you mean Poisson?",
    ),
    (
        "{\"timeout\": 35}",
        "line 1, column 13: timeout: 35 has no unit, write \"35ms\" or \"35s\"",
    ),
    (
        "{\"count\": 18446744073709551616}",
        "line 1, column 11: count is 18446744073709551616, expected a whole number up to 18446744073709551615",
    ),
    (
        "{\"count\": -1}",
        "line 1, column 11: count is -1, expected a whole number from 0 on",
    ),
    (
        "{\"name\": 5}",
        "line 1, column 10: name is 5, expected text in quotes",
    ),
    (
        "{\"share\": 1e999}",
        "line 1, column 11: 1e999 is not finite, allowed are finite numbers",
    ),
    (
        "{\"agents\": [{\"limit\": 1}]}",
        "line 1, column 13: field name is missing in agents[0]",
    ),
    (
        "{\"count\": 1, \"count\": 2}",
        "line 1, column 15: field count is given twice; keep one of them",
    ),
    ("{\"count\" 1}", "line 1, column 10: expected `:`"),
    (
        "{\"count\": 1",
        "line 1, column 11: EOF while parsing an object; \
             the { on line 1, column 1 is not closed",
    ),
];

#[test]
fn faults_of_json_name_place_field_found_and_remedy() {
    for (text, expected) in JSON_FAULTS {
        check(Format::Json, text, expected);
    }
}

#[test]
fn deep_nesting_is_refused_before_a_parser_sees_it() {
    for (format, open) in [
        (Format::Ron, "("),
        (Format::Ron, "["),
        (Format::Json, "["),
        (Format::Json, "{\"a\":"),
    ] {
        let error = read::<Sample>(format, &open.repeat(20_000)).unwrap_err();
        let message = error.faults[0].message.as_str();
        assert_eq!(message, "brackets nest deeper than 64");
        assert_eq!(error.faults[0].place.span.start, 64 * open.len());
    }
}

#[test]
fn the_deepest_texts_allowed_fit_the_parsers() {
    for (format, open, close) in [
        (Format::Ron, "[", "]"),
        (Format::Ron, "(a: ", ")"),
        (Format::Ron, "Some(", ")"),
        (Format::Ron, "{\"a\": ", "}"),
        (Format::Json, "[", "]"),
        (Format::Json, "{\"a\": ", "}"),
    ] {
        let text = format!("{}0{}", open.repeat(MAX_DEPTH), close.repeat(MAX_DEPTH));
        let read = read::<ron::Value>(format, &text);
        assert!(read.is_ok(), "{open}: {read:?}");
    }
}

#[test]
fn bytes_that_are_not_utf8_have_a_place() {
    let error = from_bytes::<Sample>(Format::Ron, b"(\n  name: \"\xff\")").unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 2, column 10: byte 0xff is not UTF-8; save the file as UTF-8"
    );
}

#[test]
fn faults_of_values_stand_at_their_field_or_its_section() {
    let text =
        "(\n  count: 1,\n  agents: [\n    (name: \"a\"),\n    (name: \"b\", limit: 0),\n  ],\n)";
    let faults = [
        Fault::out_of_range("count", 1, "2 to 3"),
        Fault::out_of_range("agents[1].limit", 0, "1 to 9"),
        Fault::new("agents[0].limit", "is needed"),
        Fault::new("share", "is needed"),
    ];
    let error = TextError::of_values(text, faults);
    assert_eq!(
        error.to_string(),
        "line 1, column 1: share is needed\n\
         line 2, column 3: count is 1, allowed are 2 to 3\n\
         line 4, column 5: agents[0].limit is needed\n\
         line 5, column 17: agents[1].limit is 0, allowed are 1 to 9"
    );
}

const SOUND: &str = "(\n  count: 3, /* a (note */\n  share: 0.5, timeout: \"1.5s\",\n  \
    arrivals: Steps(rate: \"40/s\"),\n  agents: [(name: \"a\\\"\", limit: 3), (name: r#\"b\"#)],\n)";

proptest! {
    #[test]
    fn mangled_texts_never_panic_and_have_a_place(
        cut in 0..SOUND.len(),
        length in 0..12_usize,
        patch in "[\\[\\](){}:,\"'#/*r\\\\a-e0-9.µ \n-]{0,6}",
        json: bool,
    ) {
        let end = (cut + length).min(SOUND.len());
        let text = format!("{}{patch}{}", &SOUND[..cut], &SOUND[end..]);
        let format = if json { Format::Json } else { Format::Ron };
        if let Err(error) = read::<Sample>(format, &text) {
            let [fault] = error.faults.as_slice() else { panic!("one fault") };
            prop_assert!(text.get(fault.place.span.clone()).is_some());
            prop_assert!(fault.place.line >= 1 && fault.place.column >= 1);
            prop_assert!(!fault.message.is_empty());
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>, text in "\\PC{0,40}") {
        let _ = from_bytes::<Sample>(Format::Ron, &bytes);
        let _ = from_ron::<Sample>(&text);
        let _ = from_json::<Sample>(&text);
        let _ = TextError::of_values(&text, [Fault::new("a.b[0]", "is off")]);
    }
}
