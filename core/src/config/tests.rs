//! Configurations as users write them: what is understood, what is refused, word for word.

use ebbtide_policies::units::{Duration, Rate};
use proptest::prelude::*;

use super::*;
use crate::fault::Fault;
use crate::message::Lane;

#[track_caller]
fn ron(text: &str) -> BrokerConfig {
    from_text(Format::Ron, text).unwrap().into_inner()
}

#[track_caller]
fn json(text: &str) -> BrokerConfig {
    from_text(Format::Json, text).unwrap().into_inner()
}

#[track_caller]
fn refused(text: &str, expected: &[&str]) {
    let error = from_text(Format::Ron, text).unwrap_err();
    assert_eq!(error.to_string(), expected.join("\n"), "{text}");
}

#[test]
fn the_default_is_the_profile_adaptive_and_sound() {
    let default = BrokerConfig::default();
    assert_eq!(default.faults(), []);
    assert_eq!(default.clone().with_profile(Profile::Adaptive), default);
    assert_eq!(ron("()"), default);
    assert_eq!(json("{}"), default);
}

#[test]
fn a_profile_sets_the_pool_and_nothing_else() {
    let other = BrokerConfig {
        max_queue_size: 7,
        enable_batching: false,
        max_batch_size: 60,
        worker_start_ms: 5,
        ..BrokerConfig::default()
    };
    for (profile, workers, batch, timeout, parallelism, policy) in [
        (Profile::InProcess, 1, 10, 50, 5, "fixed"),
        (Profile::Remote, 5, 20, 100, 10, "fixed"),
        (Profile::Adaptive, 5, 20, 100, 10, "adaptive"),
    ] {
        let expected = BrokerConfig {
            num_workers: workers,
            min_workers: 1,
            max_workers: 10,
            batch_size: batch,
            batch_timeout_ms: timeout,
            delivery_parallelism: parallelism,
            policy: policy.to_owned(),
            ..other.clone()
        };
        assert_eq!(other.clone().with_profile(profile), expected);
    }
}

#[test]
fn what_a_file_says_goes_before_its_profile() {
    let config = ron("(batch_size: 20, profile: \"in_process\")");
    assert_eq!((config.num_workers, config.batch_size), (1, 20));
    assert_eq!(
        json("{\"batch_size\": 20, \"profile\": \"in_process\"}"),
        config
    );
}

#[test]
fn legacy_parameters_alone_make_a_valid_configuration() {
    assert_eq!(ron("(max_queue_size: 500)").max_queue_size, 500);
    assert_eq!(ron("(max_retry: 7)").retry_max_attempts, Some(7));
    let both = json("{\"max_queue_size\": 500, \"max_retry\": 7}");
    let expected = BrokerConfig {
        max_queue_size: 500,
        retry_max_attempts: Some(7),
        ..BrokerConfig::default()
    };
    assert_eq!(both, expected);
}

#[test]
fn what_may_be_absent_is_switched_off_by_a_word() {
    let off = BrokerConfig {
        retry_max_attempts: None,
        retry_budget: None,
        bulkhead: None,
        breaker: None,
        ..BrokerConfig::default()
    };
    let words = "(retry_max_attempts: \"unlimited\", retry_budget: \"off\", bulkhead: \"off\", \
                 breaker: \"off\")";
    assert_eq!(ron(words), off);
    let none = "(retry_max_attempts: None, retry_budget: None, bulkhead: None, breaker: None)";
    assert_eq!(ron(none), off);
    let words = "{\"retry_max_attempts\": \"unlimited\", \"retry_budget\": \"off\", \
                 \"bulkhead\": \"off\", \"breaker\": \"off\"}";
    assert_eq!(json(words), off);
    let null = "{\"retry_max_attempts\": null, \"retry_budget\": null, \"bulkhead\": null, \
                \"breaker\": null}";
    assert_eq!(json(null), off);
}

#[test]
fn sections_keep_what_is_not_said() {
    let config = ron("(
        lane_weights: (bulk: 2),
        lane_max_wait_ms: (critical: 500, bulk: \"off\"),
        breaker: (open_ms: 100),
        objective: \"p95(sojourn) < 500ms\",
        discipline: Strict,
    )");
    assert_eq!(config.lane_weights, [16, 8, 4, 2, 2]);
    let wait = config.lane_max_wait(Lane::Critical);
    assert_eq!(wait, Some(Duration::from_millis(500)));
    assert_eq!(config.lane_max_wait(Lane::Bulk), None);
    let breaker = config.breaker.unwrap();
    assert_eq!((breaker.open_ms, breaker.min_calls), (100, 20));
    assert_eq!(
        config.objective.unwrap().to_string(),
        "p95(sojourn) < 500ms"
    );
    assert_eq!(config.discipline, Discipline::Strict);
}

#[test]
fn all_faults_of_values_are_reported_at_their_lines() {
    refused(
        "(
  num_workers: 12,
  batch_size: 0,
  queue_warning_threshold: 1.5,
  lane_weights: (low: 0),
  retry_max_attempts: 0,
  bulkhead: 0.0,
  breaker: (window_ms: 0, failure_share: 2),
  max_queue_bytes: \"2PiB\",
  policy: \"\",
  price_late: -1,
  price_call: 2000000.0,
)",
        &[
            "line 2, column 3: num_workers is 12, allowed are 1 to 10",
            "line 3, column 3: batch_size is 0, allowed are 1 to 50",
            "line 4, column 3: queue_warning_threshold is 1.5, allowed are 0 to 1",
            "line 5, column 18: lane_weights.low is 0, allowed are 1 to 10000",
            "line 6, column 3: retry_max_attempts is 0, allowed are 1 to 1000 or \"unlimited\"",
            "line 7, column 3: bulkhead is 0, allowed are above 0 to 1 or \"off\"",
            "line 8, column 13: breaker.window_ms is 0, allowed are 1 to 31536000000",
            "line 8, column 27: breaker.failure_share is 2, allowed are above 0 to 1",
            "line 9, column 3: max_queue_bytes is 2PiB, allowed are 0B to 1PiB",
            "line 10, column 3: policy is empty, allowed are names of policies",
            "line 11, column 3: price_late is -1, allowed are 0 to 1000000",
            "line 12, column 3: price_call is 2000000, allowed are 0 to 1000000",
        ],
    );
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    refused(
        "(min_workers: 3, max_workers: 2)",
        &["line 1, column 18: max_workers is 2, allowed are 3 to 1000"],
    );
    refused(
        "(num_workers: 1, min_workers: 3, max_workers: 2)",
        &[
            "line 1, column 2: num_workers is 1, allowed are 3 to 3",
            "line 1, column 34: max_workers is 2, allowed are 3 to 1000",
        ],
    );
    refused(
        "(max_workers: 1000, delivery_parallelism: 10000, max_batch_size: 10000)",
        &[
            "line 1, column 1: max_queue_size + reserve + max_workers × delivery_parallelism × \
           max_batch_size is 100000010100, allowed are 0 to 4000000000",
        ],
    );
    refused(
        "(retry_backoff_ms: 40000)",
        &["line 1, column 2: retry_backoff_ms is 40000, allowed are 0 to 30000"],
    );
}

#[test]
fn faults_of_form_say_what_is_allowed() {
    for (text, expected) in [
        (
            "(batchsize: 5)",
            "line 1, column 2: unknown field batchsize; did you mean batch_size?",
        ),
        (
            "(profile: \"remot\")",
            "line 1, column 11: profile: unknown profile \"remot\", did you mean remote?",
        ),
        (
            "(profile: remote)",
            "line 1, column 11: profile is remote, expected text in quotes",
        ),
        (
            "(discipline: Wieghted)",
            "line 1, column 14: unknown variant Wieghted in discipline; did you mean Weighted?",
        ),
        (
            "(max_queue_size: 18446744073709551616)",
            "line 1, column 18: max_queue_size is 18446744073709551616, \
             expected a whole number up to 18446744073709551615; allowed are 0 to 1000000000",
        ),
        (
            "(num_workers: -1)",
            "line 1, column 15: num_workers is -1, expected a whole number from 0 on; \
             allowed are 1 to 10",
        ),
        (
            "(retry_max_attempts: 2.5)",
            "line 1, column 22: retry_max_attempts is 2.5, expected a whole number; \
             allowed are 1 to 1000 or \"unlimited\"",
        ),
        (
            "(retry_budget: off)",
            "line 1, column 16: retry_budget is off, expected a value or \"off\" in quotes; \
             allowed are 0 to 10 or \"off\"",
        ),
        (
            "(batch_size: None)",
            "line 1, column 14: batch_size is None, expected a whole number; \
             allowed are 1 to 50",
        ),
        (
            "(breaker: (min_cals: 3))",
            "line 1, column 12: unknown field min_cals in breaker; did you mean min_calls?",
        ),
        (
            "(lane_weights: [1, 2, 3, 4, 5])",
            "line 1, column 16: lane_weights is [1, 2, 3, 4, 5], expected fields in ( )",
        ),
        (
            "(max_queue_bytes: 4096)",
            "line 1, column 19: max_queue_bytes: 4096 has no unit, write \"4096B\" or \"4096KiB\"",
        ),
        (
            "(max_retry: 3, retry_max_attempts: 3)",
            "line 1, column 16: field retry_max_attempts is given twice; keep one of them",
        ),
    ] {
        refused(text, &[expected]);
    }
}

#[test]
fn agents_are_checked_as_a_whole() {
    let agent = AgentConfig {
        name: String::new(),
        replicas: 0,
        bulkhead: Some(f64::NAN),
        call_rate: Some(RateLimit {
            rate: Rate::ZERO,
            burst: 0,
        }),
        call_timeout: Some(Duration::ZERO),
        topics: ["news", "", "news"].map(str::to_owned).into(),
        ..AgentConfig::new("")
    };
    let error = Checked::new(agent).unwrap_err();
    let faults: Vec<_> = error.faults.iter().map(Fault::to_string).collect();
    assert_eq!(
        faults,
        [
            "name is empty, allowed are names of a letter or more",
            "replicas is 0, allowed are 1 to 10000",
            "bulkhead is NaN, allowed are above 0 to 1",
            "call_rate.rate is 0/s, allowed are above 0/s to 1000000000/s",
            "call_rate.burst is 0, allowed are 1 to 1000000000",
            "call_timeout is 0s, allowed are above 0s to 365d",
            "topics[1] is empty, allowed are names of a letter or more",
            "topics[2] is \"news\" once more, allowed is each topic once",
        ]
    );
}

/// Any configuration, sound or not: form and values are apart.
fn any_config() -> impl Strategy<Value = BrokerConfig> {
    let numbers = (any::<[u32; 5]>(), any::<[u64; 5]>(), 0.0..2.0, 0.0..2e6);
    let lanes = (any::<[u32; 5]>(), any::<[Option<u64>; 5]>());
    let absent = (
        any::<Option<u32>>(),
        proptest::option::of(0.0..1.0),
        proptest::option::of(0.0..1.0),
        any::<Option<u64>>(),
    );
    let words = (any::<bool>(), any::<bool>(), "[a-z\"\\\\µ]{0,8}");
    (numbers, lanes, absent, words).prop_map(|(numbers, lanes, absent, words)| BrokerConfig {
        num_workers: numbers.0[0],
        max_workers: numbers.0[1],
        batch_size: numbers.0[2],
        retry_budget_reserve: numbers.0[3],
        max_queue_size: numbers.1[0],
        max_queue_bytes: Bytes(numbers.1[1]),
        call_timeout_ms: numbers.1[2],
        shrink_window_ms: numbers.1[3],
        queue_warning_threshold: numbers.2,
        price_late: numbers.3,
        price_call: numbers.2,
        lane_weights: lanes.0,
        lane_max_wait_ms: lanes.1,
        retry_max_attempts: absent.0,
        retry_budget: absent.1,
        bulkhead: absent.2,
        breaker: absent.3.map(|open_ms| BreakerConfig {
            open_ms,
            ..BreakerConfig::default()
        }),
        objective: words.0.then(|| "p99.9(wait) < 2s".parse().unwrap()),
        enable_batching: words.0,
        discipline: if words.1 {
            Discipline::Strict
        } else {
            Discipline::Weighted
        },
        policy: words.2,
        ..BrokerConfig::default()
    })
}

proptest! {
    #[test]
    fn both_formats_carry_any_configuration(config in any_config()) {
        let text = ron::to_string(&config).unwrap();
        prop_assert_eq!(&text::from_ron::<BrokerConfig>(&text).unwrap(), &config, "{}", text);
        let pretty = ron::ser::to_string_pretty(&config, ron::ser::PrettyConfig::default());
        prop_assert_eq!(&text::from_ron::<BrokerConfig>(&pretty.unwrap()).unwrap(), &config);
        let text = serde_json::to_string(&config).unwrap();
        prop_assert_eq!(&text::from_json::<BrokerConfig>(&text).unwrap(), &config, "{}", text);
    }

    #[test]
    fn what_passes_the_check_is_within_its_bounds(config in any_config()) {
        if let Ok(checked) = Checked::new(config) {
            prop_assert!((checked.min_workers..=checked.max_workers).contains(&checked.num_workers));
            prop_assert!(checked.lane_weights.iter().all(|&weight| weight >= 1));
            prop_assert!(checked.call_timeout() < Duration::MAX);
        }
    }

    #[test]
    fn mangled_configurations_never_panic_and_every_fault_has_a_place(
        cut in 0.0..1.0,
        length in 0..9_usize,
        patch in "[\\[\\](){}:,\"'#/*a-e0-9.-]{0,5}",
        json: bool,
    ) {
        let config = BrokerConfig::default();
        let (format, sound) = if json {
            (Format::Json, serde_json::to_string(&config).unwrap())
        } else {
            (Format::Ron, ron::to_string(&config).unwrap())
        };
        let cut = (cut * sound.len() as f64) as usize;
        let end = (cut + length).min(sound.len());
        let text = format!("{}{patch}{}", &sound[..cut], &sound[end..]);
        if let Err(error) = from_text(format, &text) {
            prop_assert!(!error.faults.is_empty());
            for fault in error.faults {
                prop_assert!(text.get(fault.place.span.clone()).is_some());
                prop_assert!(!fault.message.is_empty());
            }
        }
    }
}

#[test]
fn start_values_that_a_file_leaves_open_follow_its_bounds() {
    assert_eq!(ron("(max_workers: 3)").num_workers, 3);
    assert_eq!(ron("(min_workers: 7)").num_workers, 7);
    assert_eq!(ron("(profile: \"remote\", max_workers: 2)").num_workers, 2);
    let batches = ron("(max_batch_size: 8, max_batch_timeout_ms: 5)");
    assert_eq!((batches.batch_size, batches.batch_timeout_ms), (8, 5));
    refused(
        "(min_workers: 20)",
        &[
            "line 1, column 1: max_workers is 10, allowed are 20 to 1000; the file does not set \
             it, so that is its default",
        ],
    );
}

#[test]
fn a_bound_that_is_no_bound_is_the_only_fault() {
    for (text, found, allowed) in [
        ("(max_workers: 0)", "max_workers is 0", "1 to 1000"),
        ("(max_workers: 2000)", "max_workers is 2000", "1 to 1000"),
        ("(min_workers: 0)", "min_workers is 0", "1 to 1000"),
        ("(max_batch_size: 0)", "max_batch_size is 0", "1 to 10000"),
        (
            "(retry_backoff_max_ms: 99999999999)",
            "retry_backoff_max_ms is 99999999999",
            "0 to 31536000000",
        ),
    ] {
        let expected = format!("line 1, column 2: {found}, allowed are {allowed}");
        refused(text, &[&expected]);
    }
}

/// It was said to be the default in a file that says so itself.
#[test]
fn a_start_value_that_a_file_sets_is_not_told_as_a_default() {
    refused(
        "(num_workers: 5, max_workers: 3)",
        &["line 1, column 2: num_workers is 5, allowed are 1 to 3"],
    );
}

#[test]
fn in_code_a_default_outside_of_the_bounds_is_told_as_one() {
    let config = BrokerConfig {
        max_workers: 3,
        ..BrokerConfig::default()
    };
    let error = Checked::new(config).unwrap_err();
    assert_eq!(
        format!("{error:?}"),
        "num_workers is 5 (the default), min_workers is 1 and max_workers 3: set them together"
    );
}

#[test]
fn a_policy_that_cannot_be_built_is_refused() {
    refused(
        "(\n  policy: \"adaptiv\",\n)",
        &["line 2, column 3: policy is \"adaptiv\", which names no policy, did you mean adaptive?"],
    );
    refused(
        "(policy: \"fixed(2000)\")",
        &["line 1, column 2: policy is \"fixed(2000)\": workers is 2000, allowed are 1 to 1000"],
    );
}

#[test]
fn a_text_of_the_wrong_form_gets_no_help_on_values() {
    refused(
        "max_workers: 3",
        &["line 1, column 1: fields stand without ( ) around them; wrap it all in ( )"],
    );
    refused(
        "(max_workers: 3 num_workers: 2)",
        &["line 1, column 17: expected comma"],
    );
}
