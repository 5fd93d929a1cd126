//! What units look like as text, and what is refused.

use super::*;
use proptest::prelude::*;

#[track_caller]
fn reads<T: Quantity + PartialEq + fmt::Debug>(text: &str, expected: T) {
    assert_eq!(text.parse::<T>(), Ok(expected), "{text}");
}

#[track_caller]
fn refused<T: Quantity + fmt::Debug>(text: &str, expected: &str) {
    assert_eq!(text.parse::<T>().unwrap_err().to_string(), expected);
}

#[test]
fn durations_are_read_exactly() {
    let nanos = Duration::from_nanos;
    reads("35ms", nanos(35_000_000));
    reads("35 ms", nanos(35_000_000));
    reads("1.5s", nanos(1_500_000_000));
    reads("200us", nanos(200_000));
    reads("200µs", nanos(200_000));
    reads("10ns", nanos(10));
    reads("3min", Duration::from_secs(180));
    reads("2h", Duration::from_secs(7_200));
    reads("1d", Duration::from_secs(86_400));
    reads("1e-3s", nanos(1_000_000));
    reads("0.1s", nanos(100_000_000));
    reads(".5s", nanos(500_000_000));
    reads("0e999s", Duration::ZERO);
    reads("1e-999s", Duration::ZERO);
    reads("0.5ns", nanos(1));
    reads("0.4999999999999999999999999ns", nanos(0));
    reads("18446744073709551615ns", Duration::MAX);
    reads("18446744073.709551615s", Duration::MAX);
}

#[test]
fn durations_are_written_short_and_exact() {
    for (nanos, text) in [
        (0, "0s"),
        (10, "10ns"),
        (1_500, "1.5us"),
        (35_000_000, "35ms"),
        (1_000_000_001, "1.000000001s"),
        (90_000_000_000, "90s"),
        (180_000_000_000, "3min"),
        (7_200_000_000_000, "2h"),
        (86_400_000_000_000, "1d"),
        (u64::MAX, "18446744073.709551615s"),
    ] {
        assert_eq!(Duration::from_nanos(nanos).to_string(), text);
        assert_eq!(Time::from_nanos(nanos).to_string(), text);
    }
    assert_eq!(format!("{:>6}|", Duration::from_secs(2)), "    2s|");
}

#[test]
fn rates_and_sizes_are_read_and_written() {
    let rate = |per_s| Rate::per_second(per_s).unwrap();
    reads("40/s", rate(40.0));
    reads("90/min", rate(1.5));
    reads("36/h", rate(0.01));
    assert_eq!(rate(1e300).to_string(), "1e300/s");
    assert_eq!(rate(-0.0).to_string(), "0/s");
    reads("4KiB", Bytes(4_096));
    reads("1MB", Bytes(1_000_000));
    reads("1.5KiB", Bytes(1_536));
    assert_eq!(Bytes(64 << 20).to_string(), "64MiB");
    assert_eq!(Bytes(1_000_000).to_string(), "1MB");
    assert_eq!(Bytes(1_001).to_string(), "1001B");
    assert_eq!(Bytes(0).to_string(), "0B");
}

#[test]
fn a_bare_number_is_refused_with_a_hint() {
    refused::<Duration>("35", "35 has no unit, write \"35ms\" or \"35s\"");
    refused::<Rate>("40", "40 has no unit, write \"40/s\" or \"40/min\"");
    refused::<Bytes>("4096", "4096 has no unit, write \"4096B\" or \"4096KiB\"");
    let hint = "35 has no unit, write \"35ms\" or \"35s\"";
    let json = serde_json::from_str::<Duration>("35").unwrap_err();
    assert!(json.to_string().starts_with(hint), "{json}");
    let ron = ron::from_str::<Duration>("35").unwrap_err();
    assert_eq!(ron.code.to_string(), hint);
    let float = ron::from_str::<Rate>("1.5").unwrap_err();
    assert!(float.code.to_string().starts_with("1.5 has no unit"));
}

#[test]
fn what_is_out_of_range_is_refused_with_the_range() {
    let range = "allowed are 0s to 213503d (584 years)";
    for text in [
        "-5ms",
        "1e999s",
        "18446744073709551616ns",
        "213504d",
        "1e40d",
    ] {
        refused::<Duration>(text, &format!("{text:?} is out of range, {range}"));
    }
    let range = "allowed are finite rates from 0/s";
    for text in ["-1/s", "1e999/s"] {
        refused::<Rate>(text, &format!("{text:?} is out of range, {range}"));
    }
    for (number, found) in [
        ("-3", "-3"),
        ("inf", "inf"),
        ("1e999", "inf"),
        ("NaN", "NaN"),
    ] {
        let error = ron::from_str::<Rate>(number).unwrap_err().code.to_string();
        assert_eq!(error, format!("{found} is out of range, {range}"));
    }
}

#[test]
fn other_text_is_refused_with_an_example() {
    refused::<Duration>(
        "35m",
        "\"35m\" has an unknown unit \"m\", write \"35min\" for minutes or \"35ms\" for milliseconds",
    );
    refused::<Rate>(
        "NaN/s",
        "\"NaN/s\" is not a rate, write for example \"40/s\"",
    );
    refused::<Duration>("", "\"\" is not a duration, write for example \"35ms\"");
    let error = ron::from_str::<Duration>("[]")
        .unwrap_err()
        .code
        .to_string();
    assert!(
        error.contains("a duration as text, such as \"35ms\""),
        "{error}"
    );
}

proptest! {
    #[test]
    fn any_quantity_reads_back_bit_for_bit(nanos: u64, shift in 0..64, bits: u64) {
        let nanos = nanos >> shift;
        let duration = Duration::from_nanos(nanos);
        prop_assert_eq!(duration.to_string().parse(), Ok(duration));
        let bytes = Bytes(nanos);
        prop_assert_eq!(bytes.to_string().parse(), Ok(bytes));
        if let Some(rate) = Rate::per_second(f64::from_bits(bits).abs()) {
            let read: Rate = rate.to_string().parse().unwrap();
            prop_assert_eq!(read.0.to_bits(), rate.0.to_bits());
        }
    }

    #[test]
    fn both_formats_carry_any_quantity(nanos: u64, per_s in 0.0..1e12) {
        let given = (
            Time::from_nanos(nanos),
            Some(Duration::from_nanos(nanos)),
            Rate::per_second(per_s).unwrap(),
            Bytes(nanos),
        );
        let json = serde_json::to_string(&given).unwrap();
        prop_assert_eq!(serde_json::from_str::<(_, _, _, _)>(&json).unwrap(), given);
        let ron = ron::to_string(&given).unwrap();
        prop_assert_eq!(ron::from_str::<(_, _, _, _)>(&ron).unwrap(), given);
    }

    #[test]
    fn no_text_panics(text in "[-+]?[0-9.]{0,30}([eE][-+]?[0-9]{0,25})? ?[a-zA-Zµ/]{0,4}") {
        let _ = text.parse::<Duration>();
        let _ = text.parse::<Rate>();
        let _ = text.parse::<Bytes>();
    }
}

#[test]
fn quantities_in_what_is_debugged_have_their_unit() {
    let rate = Rate::per_second(1.5).expect("a rate");
    let all = (
        Duration::from_millis(35),
        Time::from_nanos(7),
        rate,
        Bytes(4096),
    );
    assert_eq!(format!("{all:?}"), "(35ms, 7ns, 1.5/s, 4KiB)");
}
