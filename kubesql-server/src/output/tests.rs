//! Unusual values in every format.

use std::io;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, DictionaryArray, DurationMicrosecondArray, Float64Array, Int64Array, ListBuilder,
    MapBuilder, MapFieldNames, NullArray, RecordBatch, StringBuilder, StringViewArray, StringViewBuilder,
    TimestampMicrosecondArray, TimestampNanosecondArray,
};
use arrow::datatypes::{Int32Type, Schema};
use arrow::ipc::reader::StreamReader;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::plain::plain;
use super::table::{Layout, Table};
use super::{Sink, binary, csv, json, yaml};
use crate::args::Expanded;

fn batch<const N: usize>(columns: [(&str, ArrayRef); N]) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringViewArray::from(values.to_vec()))
}

fn numbers(values: &[Option<i64>]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn map(entries: &[(&str, Option<&str>)]) -> ArrayRef {
    let names = MapFieldNames { entry: "entries".into(), key: "keys".into(), value: "values".into() };
    let mut builder = MapBuilder::new(Some(names), StringViewBuilder::new(), StringViewBuilder::new());
    for (key, value) in entries {
        builder.keys().append_value(key);
        builder.values().append_option(*value);
    }
    builder.append(true).unwrap();
    Arc::new(builder.finish())
}

fn list(items: &[Option<&str>]) -> ArrayRef {
    let mut builder = ListBuilder::new(StringBuilder::new());
    builder.append_value(items.iter().copied());
    Arc::new(builder.finish())
}

/// One value of each type: name, array, JSON, CSV, YAML, table.
fn cases() -> Vec<(&'static str, ArrayRef, &'static str, &'static str, &'static str, &'static str)> {
    let time = |micros| Arc::new(TimestampMicrosecondArray::from(vec![micros]).with_timezone("UTC")) as ArrayRef;
    let text = |value| texts(&[Some(value)]);
    let float = |value| Arc::new(Float64Array::from(vec![value])) as ArrayRef;
    let dictionary = DictionaryArray::<Int32Type>::new(vec![1].into(), texts(&[Some("a"), Some("b c")]));
    vec![
        ("word", text("nginx"), r#""nginx""#, "nginx", "nginx", "nginx"),
        ("empty", text(""), r#""""#, r#""""#, r#""""#, ""),
        ("null", texts(&[None]), "null", "", "null", ""),
        ("quote", text("a\"b'c"), r#""a\"b'c""#, r#""a""b'c""#, r#""a\"b'c""#, "a\"b'c"),
        ("lines", text("a\nb\tc"), r#""a\nb\tc""#, "\"a\nb\tc\"", r#""a\nb\tc""#, r"a\nb\tc"),
        (
            "escape",
            text("\u{1b}[2J\u{7f}"),
            "\"\\u001b[2J\u{7f}\"",
            "\u{1b}[2J\u{7f}",
            r#""\u001b[2J\u007f""#,
            r"\u{1b}[2J\u{7f}",
        ),
        ("unicode", text("日本 é 🎉"), "\"日本 é 🎉\"", "日本 é 🎉", "\"日本 é 🎉\"", "日本 é 🎉"),
        ("turned", text("a\u{202e}b"), "\"a\u{202e}b\"", "a\u{202e}b", "\"a\u{202e}b\"", r"a\u{202e}b"),
        ("yes", text("yes"), r#""yes""#, "yes", r#""yes""#, "yes"),
        ("digits", text("0123"), r#""0123""#, "0123", r#""0123""#, "0123"),
        ("date", text("2020-01-02"), r#""2020-01-02""#, "2020-01-02", r#""2020-01-02""#, "2020-01-02"),
        ("image", text("reg.io/a/b"), r#""reg.io/a/b""#, "reg.io/a/b", "reg.io/a/b", "reg.io/a/b"),
        ("colon", text("a:1"), r#""a:1""#, "a:1", r#""a:1""#, "a:1"),
        ("space", text(" a"), r#"" a""#, r#"" a""#, r#"" a""#, " a"),
        ("json", text(r#"{"a":1}"#), r#""{\"a\":1}""#, r#""{""a"":1}""#, r#""{\"a\":1}""#, r#"{"a":1}"#),
        (
            "max",
            numbers(&[Some(i64::MAX)]),
            "9223372036854775807",
            "9223372036854775807",
            "9223372036854775807",
            "9223372036854775807",
        ),
        (
            "min",
            numbers(&[Some(i64::MIN)]),
            "-9223372036854775808",
            "-9223372036854775808",
            "-9223372036854775808",
            "-9223372036854775808",
        ),
        ("tenth", float(0.1), "0.1", "0.1", "0.1", "0.1"),
        ("zero", float(-0.0), "-0.0", "-0.0", "-0.0", "-0.0"),
        ("big", float(1e300), "1.0e300", "1e300", "1.0e+300", "1e300"),
        ("nan", float(f64::NAN), "\"NaN\"", "NaN", ".nan", "NaN"),
        ("inf", float(f64::NEG_INFINITY), "\"-Infinity\"", "-inf", "-.inf", "-inf"),
        ("bool", Arc::new(BooleanArray::from(vec![true])), "true", "true", "true", "true"),
        (
            "time",
            time(1_589_241_600_000_000),
            r#""2020-05-12T00:00:00Z""#,
            "2020-05-12T00:00:00Z",
            r#""2020-05-12T00:00:00Z""#,
            "2020-05-12T00:00:00Z",
        ),
        (
            "micros",
            time(-1),
            r#""1969-12-31T23:59:59.999999Z""#,
            "1969-12-31T23:59:59.999999Z",
            r#""1969-12-31T23:59:59.999999Z""#,
            "1969-12-31T23:59:59.999999Z",
        ),
        (
            "zoneless",
            Arc::new(TimestampNanosecondArray::from(vec![1_500])),
            r#""1970-01-01T00:00:00.000001500Z""#,
            "1970-01-01T00:00:00.000001500Z",
            r#""1970-01-01T00:00:00.000001500Z""#,
            "1970-01-01T00:00:00.000001500Z",
        ),
        (
            "list",
            list(&[Some("a b"), None, Some("")]),
            r#"["a b",null,""]"#,
            r#""[""a b"",null,""""]""#,
            r#"["a b", null, ""]"#,
            r#"["a b",null,""]"#,
        ),
        ("nulls", list(&[None, None]), "[null,null]", r#""[null,null]""#, "[null, null]", "[null,null]"),
        ("nothing", list(&[]), "[]", "[]", "[]", "[]"),
        (
            "map",
            map(&[("a/b", Some("x:y")), ("c", None)]),
            r#"{"a/b":"x:y","c":null}"#,
            r#""{""a/b"":""x:y"",""c"":null}""#,
            r#"{"a/b": "x:y", "c": null}"#,
            r#"{"a/b":"x:y","c":null}"#,
        ),
        (
            "mapctl",
            map(&[("a", Some("\u{85}\\\""))]),
            "{\"a\":\"\u{85}\\\\\\\"\"}",
            "\"{\"\"a\"\":\"\"\u{85}\\\\\\\"\"\"\"}\"",
            r#"{"a": "\u0085\\\""}"#,
            r#"{"a":"\u{85}\\\""}"#,
        ),
        ("dictionary", Arc::new(dictionary), r#""b c""#, "b c", r#""b c""#, "b c"),
        ("typeless", Arc::new(NullArray::new(1)), "null", "", "null", ""),
        (
            "duration",
            Arc::new(DurationMicrosecondArray::from(vec![90_000_000])),
            r#""PT90S""#,
            "0 days 0 hours 1 mins 30.000000 secs",
            r#""0 days 0 hours 1 mins 30.000000 secs""#,
            "0 days 0 hours 1 mins 30.000000 secs",
        ),
    ]
}

/// The output of a sink for some batches.
fn written(batches: &[RecordBatch], make: impl FnOnce(&mut Vec<u8>) -> Box<dyn Sink + '_>) -> String {
    let mut bytes = Vec::new();
    let mut sink = make(&mut bytes);
    batches.iter().for_each(|batch| sink.batch(batch).unwrap());
    sink.finish().unwrap();
    drop(sink);
    String::from_utf8(bytes).unwrap()
}

fn as_csv(batches: &[RecordBatch], headers: bool) -> String {
    let schema = batches[0].schema();
    written(batches, |to| Box::new(csv::Csv::new(to, &schema, headers).unwrap()))
}

const LINES: Layout =
    Layout { headers: true, expanded: Expanded::Auto, terminal: None, hide_empty: false, null: String::new() };

fn as_table(batches: &[RecordBatch], layout: Layout) -> String {
    let schema = batches[0].schema();
    written(batches, |to| Box::new(Table::new(to, &schema, layout)))
}

#[test]
fn writes_each_type_in_each_format() {
    for (name, array, in_json, in_csv, in_yaml, in_table) in cases() {
        let batch = [batch([("a", array)])];
        assert_eq!(
            written(&batch, |to| Box::new(json::Json::new(to, false))),
            format!("{{\"a\":{in_json}}}\n"),
            "{name}"
        );
        assert_eq!(
            written(&batch, |to| Box::new(json::Json::new(to, true))),
            format!("[\n{{\"a\":{in_json}}}\n]\n"),
            "{name}"
        );
        assert_eq!(as_csv(&batch, true), format!("a\n{in_csv}\n"), "{name}");
        assert_eq!(written(&batch, |to| Box::new(yaml::Yaml::new(to))), format!("- a: {in_yaml}\n"), "{name}");
        let table = as_table(&batch, Layout { expanded: Expanded::On, headers: false, ..LINES });
        assert_eq!(table, format!("a | {in_table}\n"), "{name}");
    }
}

#[test]
fn writes_results_without_rows() {
    let empty = [batch([("a", numbers(&[])), ("b c", texts(&[]))])];
    assert_eq!(written(&empty, |to| Box::new(json::Json::new(to, true))), "[]\n");
    assert_eq!(written(&empty, |to| Box::new(json::Json::new(to, false))), "");
    assert_eq!(as_csv(&empty, true), "a,b c\n");
    assert_eq!(written(&empty, |to| Box::new(yaml::Yaml::new(to))), "[]\n");
    assert_eq!(as_table(&empty, LINES), " a | b c\n---+-----\n(0 rows)\n");
    assert_eq!(as_table(&empty, Layout { hide_empty: true, ..LINES }), "(0 rows)\n");
    assert_eq!(as_table(&empty, Layout { expanded: Expanded::On, ..LINES }), "(0 rows)\n");
}

#[test]
fn joins_batches() {
    let all = [
        batch([("n", numbers(&[Some(1), None])), ("t", texts(&[Some("a"), Some("b")]))]),
        batch([("n", numbers(&[Some(3)])), ("t", texts(&[None]))]),
    ];
    let array = "[\n{\"n\":1,\"t\":\"a\"},\n{\"n\":null,\"t\":\"b\"},\n{\"n\":3,\"t\":null}\n]\n";
    assert_eq!(written(&all, |to| Box::new(json::Json::new(to, true))), array);
    assert_eq!(as_csv(&all, false), "1,a\n,b\n3,\n");
    let yaml = "- \"n\": 1\n  t: a\n- \"n\": null\n  t: b\n- \"n\": 3\n  t: null\n";
    assert_eq!(written(&all, |to| Box::new(yaml::Yaml::new(to))), yaml);
}

#[test]
fn makes_column_names_unique() {
    let columns: Vec<(&str, ArrayRef)> =
        ["name", "name", "name_2", "name"].into_iter().zip(1..).map(|(name, n)| (name, numbers(&[Some(n)]))).collect();
    let same = [batch(<[_; 4]>::try_from(columns).unwrap())];
    let expected = "{\"name\":1,\"name_3\":2,\"name_2\":3,\"name_4\":4}\n";
    assert_eq!(written(&same, |to| Box::new(json::Json::new(to, false))), expected);
    assert_eq!(as_csv(&same, true), "name,name,name_2,name\n1,2,3,4\n");
    let names = ["name", "name_3", "name_2", "name_4"];
    let schema = same[0].schema();
    let mut stream = Vec::new();
    let mut ipc = binary::Ipc::new(&mut stream, &schema).unwrap();
    ipc.batch(&same[0]).unwrap();
    ipc.finish().unwrap();
    drop(ipc);
    let read = StreamReader::try_new(stream.as_slice(), None).unwrap().schema();
    assert_eq!(read.fields().iter().map(|field| field.name()).collect::<Vec<_>>(), names);
    let mut file = tempfile::tempfile().unwrap();
    let mut parquet = binary::Parquet::new(&mut file, &schema).unwrap();
    parquet.batch(&same[0]).unwrap();
    parquet.finish().unwrap();
    drop(parquet);
    let read = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().schema().clone();
    assert_eq!(read.fields().iter().map(|field| field.name()).collect::<Vec<_>>(), names);
}

#[test]
fn aligns_tables_by_display_width() {
    let rows = [batch([
        ("name", texts(&[Some("日本"), Some("a"), None])),
        ("count", numbers(&[Some(1), Some(-1000), None])),
        ("note", texts(&[Some("x"), None, Some("long one")])),
    ])];
    let expected = concat!(
        " name | count |   note\n",
        "------+-------+----------\n",
        " 日本 |     1 | x\n",
        " a    | -1000 | \n",
        "      |       | long one\n",
        "(3 rows)\n",
    );
    assert_eq!(as_table(&rows, LINES), expected);
    let bare = " 日本 |     1 | x\n a    | -1000 | \n      |       | long one\n";
    assert_eq!(as_table(&rows, Layout { headers: false, ..LINES }), bare);
}

#[test]
fn expands_tables_wider_than_the_terminal() {
    let rows = [batch([("name", texts(&[Some("abc"), Some("d")])), ("count", numbers(&[Some(1), None]))])];
    let lines = " name | count\n------+-------\n abc  |     1\n d    |      \n(2 rows)\n";
    let records = "-[ RECORD 1 ]\nname  | abc\ncount | 1\n-[ RECORD 2 ]\nname  | d\ncount | \n";
    let cases = [
        (Expanded::Auto, None, lines),
        (Expanded::Auto, Some(14), lines),
        (Expanded::Auto, Some(13), records),
        (Expanded::Off, Some(14), lines),
        (Expanded::On, None, records),
    ];
    for (expanded, terminal, expected) in cases {
        assert_eq!(as_table(&rows, Layout { expanded, terminal, ..LINES }), expected, "{expanded:?} {terminal:?}");
    }
}

#[test]
fn hides_columns_without_values() {
    let rows = [
        batch([("a", numbers(&[None])), ("b", numbers(&[Some(1)]))]),
        batch([("a", numbers(&[None])), ("b", numbers(&[None]))]),
    ];
    let schema = rows[0].schema();
    let mut bytes = Vec::new();
    let mut table = Table::new(&mut bytes, &schema, Layout { hide_empty: true, ..LINES });
    rows.iter().for_each(|batch| table.batch(batch).unwrap());
    assert_eq!(table.finish().unwrap().hidden, 1);
    drop(table);
    assert_eq!(String::from_utf8(bytes).unwrap(), " b\n---\n 1\n  \n(2 rows)\n");
}

#[test]
fn binary_formats_use_common_types() {
    for (name, array, ..) in cases() {
        let expected = arrow::compute::cast(&array, &plain(array.data_type())).unwrap();
        let given = batch([("a", array)]);
        let schema = given.schema();
        let mut stream = Vec::new();
        let mut ipc = binary::Ipc::new(&mut stream, &schema).unwrap();
        ipc.batch(&given).unwrap();
        ipc.finish().unwrap();
        drop(ipc);
        let read: Vec<_> = StreamReader::try_new(stream.as_slice(), None).unwrap().map(Result::unwrap).collect();
        let of = format!("{:?}", read[0].schema().field(0).data_type());
        assert!(!of.contains("View") && !of.contains("Dictionary"), "{name}: {of}");
        assert_eq!(read, [batch([("a", expected)])], "{name}");

        let mut file = tempfile::tempfile().unwrap();
        let mut parquet = binary::Parquet::new(&mut file, &schema).unwrap();
        parquet.batch(&given).unwrap();
        parquet.finish().unwrap();
        drop(parquet);
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
        let rows: usize = reader.map(|batch| batch.unwrap().num_rows()).sum();
        assert_eq!(rows, 1, "{name}");
    }
}

/// A reader that has closed the pipe.
struct Closed;

impl io::Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

#[test]
fn reports_closed_pipes() {
    let rows = batch([("a", numbers(&[Some(1)]))]);
    let schema: Arc<Schema> = rows.schema();
    let all = |sink: io::Result<Box<dyn Sink>>| {
        let mut sink = sink?;
        sink.batch(&rows)?;
        sink.finish().map(|_| ())
    };
    let results = [
        all(Ok(Box::new(json::Json::new(Closed, true)))),
        all(csv::Csv::new(Closed, &schema, true).map(|sink| Box::new(sink) as Box<dyn Sink>)),
        all(Ok(Box::new(yaml::Yaml::new(Closed)))),
        all(Ok(Box::new(Table::new(Closed, &schema, LINES)))),
        all(binary::Ipc::new(Closed, &schema).map(|sink| Box::new(sink) as Box<dyn Sink>)),
        all(binary::Parquet::new(Closed, &schema).map(|sink| Box::new(sink) as Box<dyn Sink>)),
    ];
    for (format, result) in results.into_iter().enumerate() {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe, "{format}: {error:?}");
    }
}
