//! Tests of quantities.

use super::parse;

fn value(text: &str) -> (f64, i64) {
    let quantity = parse(text).unwrap_or_else(|| panic!("{text} is a quantity"));
    (quantity.to_f64(), quantity.base_units())
}

#[test]
fn every_suffix_has_its_value() {
    let table: &[(&str, f64, i64)] = &[
        ("0", 0.0, 0),
        ("-0", 0.0, 0),
        ("1", 1.0, 1),
        ("+5", 5.0, 5),
        (".5", 0.5, 1),
        ("5.", 5.0, 5),
        ("1.G", 1e9, 1_000_000_000),
        ("100m", 0.1, 1),
        ("1500m", 1.5, 2),
        ("-1500m", -1.5, -2),
        ("2000m", 2.0, 2),
        ("333m", 0.333, 1),
        ("250u", 0.00025, 1),
        ("134994244n", 0.134994244, 1),
        ("1k", 1e3, 1000),
        ("129M", 129e6, 129_000_000),
        ("1.5G", 1.5e9, 1_500_000_000),
        ("3T", 3e12, 3_000_000_000_000),
        ("2P", 2e15, 2_000_000_000_000_000),
        ("1E", 1e18, 1_000_000_000_000_000_000),
        ("1Ki", 1024.0, 1024),
        ("123Mi", 128_974_848.0, 128_974_848),
        ("1.5Gi", 1_610_612_736.0, 1_610_612_736),
        ("0.1Gi", 107_374_182.4, 107_374_183),
        ("2Ti", 2_199_023_255_552.0, 2_199_023_255_552),
        ("4Pi", 4_503_599_627_370_496.0, 4_503_599_627_370_496),
        ("1Ei", 1_152_921_504_606_846_976.0, 1_152_921_504_606_846_976),
        ("1e3", 1e3, 1000),
        ("1E3", 1e3, 1000),
        ("1e+3", 1e3, 1000),
        ("1e-3", 1e-3, 1),
        ("-2e6", -2e6, -2_000_000),
        ("007", 7.0, 7),
        ("1.50", 1.5, 2),
    ];
    for (text, number, units) in table {
        assert_eq!(value(text), (*number, *units), "{text}");
    }
}

#[test]
fn extremes_match_kubernetes() {
    let table: &[(&str, f64, i64)] = &[
        ("9223372036854775807", 9_223_372_036_854_775_807.0, i64::MAX),
        ("9223372036854775808", 9_223_372_036_854_775_808.0, i64::MAX),
        ("-9223372036854775808", -9_223_372_036_854_775_808.0, -i64::MAX),
        ("9Ei", 9_223_372_036_854_775_807.0, i64::MAX),
        ("-9Ei", -9_223_372_036_854_775_807.0, -i64::MAX),
        ("1e30", 1e30, i64::MAX),
        ("1e400", f64::MAX, i64::MAX),
        ("1e99999999999999999999", f64::MAX, i64::MAX),
        ("0e99999999999999999999", 0.0, 0),
        ("1e-99999999999999999999", 1e-9, 1),
        ("0.1n", 1e-9, 1),
        ("3.001n", 4e-9, 1),
        ("-3.001n", -4e-9, -1),
        ("0.000000000001Ki", 2e-9, 1),
        ("0.9999999999", 1.0, 1),
        ("99.9999999999", 100.0, 100),
        ("0.00000000000000000000000000000", 0.0, 0),
        ("123456789012345678901234567890n", 123_456_789_012_345_678_901.234_567_89, i64::MAX),
        ("00000000000000000000000000000012Mi", 12_582_912.0, 12_582_912),
        ("1000000000000000000000000000000e-30", 1.0, 1),
    ];
    for (text, number, units) in table {
        assert_eq!(value(text), (*number, *units), "{text}");
    }
}

#[test]
fn cores_are_the_nearest_double() {
    for milli in 0..100_000u32 {
        let text = format!("{milli}m");
        let nearest: f64 = format!("{milli}e-3").parse().expect("a number");
        assert_eq!(parse(&text).expect("a quantity").cores().to_bits(), nearest.to_bits(), "{text}");
    }
}

#[test]
fn invalid_quantities() {
    let table = [
        "", "+", "-", ".", "m", "Ki", "e3", "1K", "1KB", "1ki", "1mi", "1i", ".5i", "1.1.M", "1+1", "- 1", " 1", "1 ",
        "1e", "1e+", "1e1.5", "1 Gi", "1Gib", "abc", "0x10", "NaN", "inf", "1_000", "1,5", "-3.01e-", "1e3Ki", "١",
        "--1", "1é",
    ];
    for text in table {
        assert_eq!(parse(text), None, "{text:?}");
    }
}

#[test]
fn exact_integers() {
    let table = [
        ("30.0", Some(30)),
        ("3e1", Some(30)),
        ("-30.00e0", Some(-30)),
        ("0.0", Some(0)),
        ("0e999999", Some(0)),
        ("300e-1", Some(30)),
        ("3.5", None),
        ("1e-1", None),
        ("9223372036854775807.0", Some(i64::MAX)),
        ("-9223372036854775808", Some(i64::MIN)),
        ("9223372036854775808", None),
        ("1e19", None),
        ("1e999999999", None),
    ];
    for (text, whole) in table {
        assert_eq!(parse(text).expect("a number").exact_i64(), whole, "{text}");
    }
}

/// Compares quantities with expected values from a sample file, if it is available.
#[test]
#[ignore = "needs KUBESQL_SAMPLES; .ci/run runs it"]
fn samples_match() {
    let samples = std::env::var("KUBESQL_SAMPLES").expect("KUBESQL_SAMPLES is set");
    let path = std::path::Path::new(&samples).join("objects/made-up/quantities.json");
    let text = std::fs::read_to_string(&path).expect("the file of samples");
    let samples: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    for sample in samples["valid"].as_array().expect("a list") {
        let text = sample["text"].as_str().expect("text");
        let exact = sample["value"].as_str().expect("text");
        let nearest: f64 = exact.parse().expect("a number");
        let quantity = parse(text).unwrap_or_else(|| panic!("{text} is a quantity"));
        assert_eq!(quantity.to_f64(), nearest, "{text}");
        let (whole, fraction) = exact.split_once('.').unwrap_or((exact, "0"));
        let mut units: i64 = whole.parse().expect("a number");
        if fraction.bytes().any(|digit| digit != b'0') {
            units += if exact.starts_with('-') { -1 } else { 1 };
        }
        assert_eq!(quantity.base_units(), units, "{text}");
    }
    for text in samples["invalid"].as_array().expect("a list") {
        assert_eq!(parse(text.as_str().expect("text")), None, "{text}");
    }
}

/// Runs the fuzz target on some random texts. `cargo fuzz` runs it on many more.
#[test]
fn fuzz_target_accepts_random_texts() {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};
    let mut random = StdRng::seed_from_u64(5);
    let alphabet = b"0123456789..+-eEnumkKMGTPi";
    for _ in 0..20_000 {
        let length = random.random_range(0..14);
        let text: String = (0..length).map(|_| char::from(alphabet[random.random_range(0..alphabet.len())])).collect();
        super::fuzz::run(&text);
    }
}
