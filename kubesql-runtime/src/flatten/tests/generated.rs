//! Compares generated code and the interpreter on objects of every kind.

use serde_json::Value;

use super::random::Random;
use super::{assert_aligned, assert_same, oracle};
use crate::flatten::{FieldMask, Flattened, Flattener, Interpreter};
use crate::generated;
use crate::schema::KindDef;

/// Flattens the objects by both, and checks that the results are equal.
fn flatten(kind: &'static KindDef, objects: &[Value]) -> Flattened {
    let mut typed = generated::flattener(kind).unwrap_or_else(|| panic!("no code for {}", kind.kind));
    let mut interpreter = Interpreter::new(kind.root, &FieldMask::All);
    for object in objects {
        let text = object.to_string();
        typed.push(&text).expect("JSON");
        interpreter.push(&text).expect("JSON");
    }
    let (typed, interpreted) = (typed.finish(), interpreter.finish());
    assert_aligned(&typed.columns);
    assert_same(&typed.columns, &interpreted.columns, kind.kind);
    assert_eq!(typed.mismatch_count, interpreted.mismatch_count, "{}", kind.kind);
    typed
}

#[test]
fn generated_code_matches_the_interpreter_for_every_kind() {
    let mut random = Random(23);
    for kind in generated::KINDS {
        let objects: Vec<Value> = (0..12).map(|_| random.object(kind.root)).collect();
        let flattened = flatten(kind, &objects);
        let mut misfits = 0;
        for (row, object) in objects.iter().enumerate() {
            let expected = oracle::expect(kind.root, object, &mut misfits);
            assert_eq!(oracle::values(kind.root, &flattened.columns, row), expected, "{} {row}", kind.kind);
        }
        assert_eq!(flattened.mismatch_count, misfits, "{}", kind.kind);
    }
}

/// Reads sample objects with every field set, if they are available.
#[test]
#[ignore = "needs KUBESQL_SAMPLES; .ci/run runs it"]
fn samples_fit_their_types() {
    let samples = std::env::var("KUBESQL_SAMPLES").expect("KUBESQL_SAMPLES is set");
    let mut seen = 0;
    for kind in generated::KINDS {
        let group = if kind.group.is_empty() { "core" } else { kind.group };
        let file = format!("objects/every-field-v1.35/{group}.{}.{}.json", kind.version, kind.kind);
        let Ok(text) = std::fs::read_to_string(std::path::Path::new(&samples).join(file)) else { continue };
        let object: Value = serde_json::from_str(&text).expect("JSON");
        let flattened = flatten(kind, std::slice::from_ref(&object));
        assert_eq!(flattened.mismatches, [], "{}", kind.kind);
        let expected = oracle::expect(kind.root, &object, &mut 0);
        assert_eq!(oracle::values(kind.root, &flattened.columns, 0), expected, "{}", kind.kind);
        seen += 1;
    }
    assert!(seen > 40, "only {seen} samples");
}
