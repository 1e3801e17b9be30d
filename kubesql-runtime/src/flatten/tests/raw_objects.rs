//! Tests of raw objects, with several builders at the same time.

use arrow::array::AsArray;

use crate::flatten::RawObjectsBuilder;

/// An object of about `size` bytes with managedFields, and the same object without them.
fn object(number: usize, size: usize) -> (String, String) {
    let rest = format!(r#"}},"spec":{{"text":"{}"}}}}"#, "x".repeat(size));
    let front = format!(r#"{{"metadata":{{"name":"object-{number}""#);
    (format!(r#"{front},"managedFields":[{{"time":{number}}}]{rest}"#), format!("{front}{rest}"))
}

#[test]
fn objects_survive_compression_by_concurrent_builders() {
    let collect = |seed: usize| {
        let mut builder = RawObjectsBuilder::default();
        // The builder is used repeatedly. Blocks are full by their number of objects or by their size.
        for (count, size) in [(1000 + seed, 10), (63, 100), (64, 3), (65, 5), (300, 50_000), (3, 5 << 20), (0, 0)] {
            let objects: Vec<(String, String)> = (0..count).map(|number| object(number * seed, size)).collect();
            for (object, _) in &objects {
                builder.push(object).expect("an object");
            }
            assert_eq!(builder.rows(), count);
            let uncompressed = count % 2 == 1;
            let read = if uncompressed { builder.finish_uncompressed() } else { builder.finish() };
            assert_eq!(read.rows(), count);
            for range in [0..count, count / 3..count / 2, count.saturating_sub(1)..count] {
                let texts = read.read(range.clone());
                let expected: Vec<&str> = objects[range].iter().map(|(_, left)| left.as_str()).collect();
                assert!(texts.as_string_view().iter().flatten().eq(expected.iter().copied()), "{count} of {size}");
                assert_eq!(texts.len(), expected.len());
            }
            // Everything but the last block of `finish_uncompressed` is compressed.
            let whole: usize = objects.iter().map(|(_, left)| left.len()).sum();
            assert!(count < 128 || read.bytes() < whole / 3, "{count} of {size}: {} of {whole} bytes", read.bytes());
        }
    };
    std::thread::scope(|scope| {
        for seed in 1..=8 {
            scope.spawn(move || collect(seed));
        }
    });
}

#[test]
fn malformed_objects_are_empty_texts() {
    let mut builder = RawObjectsBuilder::default();
    for number in 0..200 {
        let (text, _) = object(number, 20);
        let cut = if number % 3 == 0 { &text[..text.len() - 1] } else { &text };
        assert_eq!(builder.push(cut).is_err(), number % 3 == 0, "{cut}");
    }
    let read = builder.finish().read(0..200);
    for (number, text) in read.as_string_view().iter().flatten().enumerate() {
        let (_, left) = object(number, 20);
        assert_eq!(text, if number % 3 == 0 { "" } else { &left });
    }
}
