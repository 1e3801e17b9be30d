//! Tests of files as they are found: repeated keys and objects, lists inside lists, templates, objects without
//! definitions.

use super::super::{FileOptions, FileSource};
use super::{folder, kinds, names, objects, read, read_file, read_files, warnings};
use crate::flatten::FieldMask;
use crate::generated;
use crate::store::{DiscoveryScope, KindRequest, Request, Selection, Snapshot, Source};

/// The file and line of each row.
fn sources(snapshot: &Snapshot) -> Vec<String> {
    let mut all = Vec::new();
    for segment in &snapshot.segments {
        let sources = segment.sources.as_ref().expect("rows are from files");
        for row in 0..segment.columns.rows {
            let file = sources.file(row).expect("a file").rsplit('/').next().unwrap_or_default().to_owned();
            all.push(format!("{file}:{}", sources.line(row).expect("a line")));
        }
    }
    all
}

#[test]
fn the_last_of_repeated_keys_counts() {
    let json = r#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"a","name":"b"},"spec":{"x":1},"kind":"Pod","spec":{"nodeName":"m","nodeName":"last"}}"#;
    let list = format!(r#"{{"kind":"PodList","apiVersion":"v1","items":[],"items":[{json}]}}"#);
    let yaml = "apiVersion: v1\nkind: Node\nmetadata:\n  name: a\n  name: b\nspec: {x: 1}\nkind: Pod\nspec:\n  nodeName: m\n  nodeName: last\n";
    for (name, text) in [("one.json", json), ("list.json", &list), ("one.yaml", yaml)] {
        let snapshot = read_file(name, text.as_bytes()).expect(name);
        assert_eq!(names(&snapshot), ["Pod /b"], "{name}");
        assert_eq!(
            objects(&snapshot),
            [r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"b"},"spec":{"nodeName":"last"}}"#],
            "{name}"
        );
    }
    // With a few fields, the interpreter reads them.
    let folder = folder(&[("one.json", json.as_bytes())]);
    let source = FileSource::new([("c".to_owned(), folder.path().to_owned())], kinds(), FileOptions::default());
    let kind = *generated::KINDS.iter().find(|kind| kind.kind == "Pod").expect("a kind");
    let (fields, clusters, selection) = (FieldMask::none(), None, Selection::default());
    let kinds = vec![KindRequest { kind, fields, objects: false, clusters, selection }];
    let snapshot = source.expect("a folder").inner.snapshot(&Request { kinds, ..Request::default() });
    assert_eq!(names(&snapshot.expect("a pod")), ["Pod /b"]);
}

#[test]
fn an_object_is_one_row() {
    let pod = |name: &str, uid: &str, version: &str| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: ns, uid: \"{uid}\", resourceVersion: \"{version}\"}}\n"
        )
    };
    let old = pod("a", "1", "9") + &pod("b", "2", "5") + &pod("same-name", "3", "1");
    let new = pod("a-new", "1", "10") + &pod("b", "2", "4") + &pod("same-name", "4", "1");
    let plain = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: c}\n---\napiVersion: v1\nkind: Node\nmetadata: {name: c}\n\
                 ---\napiVersion: v1\nkind: Pod\nmetadata: {name: c, namespace: ns}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: c}\n\
                 ---\napiVersion: v1\nkind: Pod\nmetadata: {generateName: c}\n---\napiVersion: v1\nkind: Pod\nmetadata: {generateName: c}\n";
    let files: [(&str, &[u8]); 3] =
        [("a.yaml", old.as_bytes()), ("b.yaml", new.as_bytes()), ("c.yaml", plain.as_bytes())];
    let snapshot = read_files(&files).expect("pods");
    let mut rows = names(&snapshot);
    rows.sort();
    let expected = [
        "Node /c",
        "Pod /",
        "Pod /",
        "Pod /c",
        "Pod ns/a-new",
        "Pod ns/b",
        "Pod ns/c",
        "Pod ns/same-name",
        "Pod ns/same-name",
    ];
    assert_eq!(rows, expected);
    let said = ["a.yaml | pods: left out 3 objects that are there several times; the newest of each is kept"];
    assert_eq!(warnings(&snapshot), said);
    // Clusters have objects of their own.
    let folder = folder(&files);
    let paths = ["one", "two"].map(|cluster| (cluster.to_owned(), folder.path().join("a.yaml")));
    let source = FileSource::new(paths, kinds(), FileOptions::default()).expect("files");
    assert_eq!(names(&source.inner.snapshot(&super::everything()).expect("pods")).len(), 6);
}

#[test]
fn lists_inside_lists_and_templates_are_read() {
    let yaml = "kind: List\napiVersion: v1\nitems:\n- kind: PodList\n  apiVersion: v1\n  items:\n  - metadata: {name: a}\n  - metadata: {name: b}\n\
                - kind: List\n  apiVersion: v1\n  items:\n  - {kind: Node, apiVersion: v1, metadata: {name: c}}\n- {kind: PodList, apiVersion: v1, items: null}\n\
                ---\nkind: Template\napiVersion: template.openshift.io/v1\nmetadata: {name: t}\nobjects:\n\
                - {kind: Service, apiVersion: v1, metadata: {name: '${NAME}'}}\nparameters:\n- {name: NAME}\n";
    let snapshot = read_file("nested.yaml", yaml.as_bytes()).expect("objects");
    assert_eq!(names(&snapshot), ["Node /c", "Pod /a", "Pod /b", "Service /${NAME}"]);
    assert_eq!(warnings(&snapshot), [""; 0]);
    assert_eq!(sources(&snapshot), ["nested.yaml:9", "nested.yaml:4", "nested.yaml:4", "nested.yaml:19"]);
    let deep = format!("{}{}", r#"{"kind":"List","items":["#.repeat(40), "]}".repeat(40));
    let snapshot = read_file("deep.json", deep.as_bytes()).expect("a list");
    assert!(warnings(&snapshot)[0].contains("nested too deeply"), "{:?}", warnings(&snapshot));
}

#[test]
fn logs_of_a_cluster_dump_are_passed_over() {
    let list = |name: &str| {
        format!(
            "{{\n \"kind\": \"PodList\",\n \"apiVersion\": \"v1\",\n \"items\": [{{\"metadata\": {{\"name\": \"{name}\"}}}}]\n}}\n"
        )
    };
    let line = r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"logged"}}"#;
    let log = format!("[info]\n{line}\n").repeat(200);
    let log = format!(
        "==== START logs for container c of pod n/p ====\n{log}==== END logs for container c of pod n/p ====\n"
    );
    let text = list("a") + &log + &log + &list("b");
    let snapshot = read_file("dump.txt", text.as_bytes()).expect("pods");
    assert_eq!(names(&snapshot), ["Pod /a", "Pod /b"]);
    assert_eq!(warnings(&snapshot), [""; 0]);
    assert_eq!(sources(&snapshot), ["dump.txt:4", "dump.txt:813"]);
}

#[test]
fn rows_have_files_and_lines() {
    let json = "\n{\"kind\":\"List\",\"items\":[\n {\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"a\"}},\n\n {\"kind\":\"Pod\",\"apiVersion\":\"v1\",\n\"metadata\":{\"name\":\"b\",\"name\":\"c\"}}]}\n{\"kind\":\"Pod\",\"apiVersion\":\"v1\"}";
    let yaml =
        "# one\n---\n# Source: x\nkind: Pod\napiVersion: v1\n---\nkind: List\nitems:\n- kind: Pod\n  apiVersion: v1\n";
    let snapshot = read_files(&[("a.json", json.as_bytes()), ("b.yaml", yaml.as_bytes())]).expect("pods");
    assert_eq!(sources(&snapshot), ["a.json:3", "a.json:5", "a.json:7", "b.yaml:4", "b.yaml:9"]);
}

#[test]
fn objects_of_the_other_group_are_named() {
    let event = r#"{"apiVersion":"events.k8s.io/v1","kind":"Event","metadata":{"name":"e"}}"#;
    let folder = folder(&[("e.json", event.as_bytes())]);
    let source = FileSource::new([("c".to_owned(), folder.path().to_owned())], kinds(), FileOptions::default());
    let kind = *generated::KINDS.iter().find(|kind| kind.kind == "Event" && kind.group.is_empty()).expect("a kind");
    let (fields, clusters, selection) = (FieldMask::none(), None, Selection::default());
    let kinds = vec![KindRequest { kind, fields, objects: false, clusters, selection }];
    let snapshot = source.expect("a folder").inner.snapshot(&Request { kinds, ..Request::default() });
    let expected = r#"events | no objects in the core group, but 1 object is in events.k8s.io; query "events.k8s.io".events for them"#;
    assert_eq!(warnings(&snapshot.expect("no events")), [expected]);
}

#[tokio::test]
async fn kinds_without_a_definition_are_inferred() {
    let widgets = "apiVersion: toys.example/v1\nkind: Widget\nmetadata: {name: a, namespace: ns}\nspec: {size: 1, enabled: true, at: 2026-01-02T03:04:05Z, \
                   labels: {x: z}, parts: [{name: p}], names: [a], free: {a/b: 1}, mixed: 1, none: null}\n---\n\
                   apiVersion: toys.example/v1beta1\nkind: Widget\nmetadata: {name: b}\nspec: {size: 1.5, mixed: x, parts: []}\n---\n\
                   apiVersion: toys.example/v1\nkind: Gadget\nmetadata: {name: g}\nspec: {a: 1}\n";
    let definition = r#"{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"gadgetry.toys.example"},
        "spec":{"group":"toys.example","scope":"Cluster","names":{"kind":"Gadget","plural":"gadgetry"},"versions":[{"name":"v1","served":true,
        "schema":{"openAPIV3Schema":{"type":"object","properties":{"spec":{"type":"object","properties":{"a":{"type":"string"}}}}}}}]}}"#;
    let folder = folder(&[("one/w.yaml", widgets.as_bytes()), ("two/d.json", definition.as_bytes())]);
    let paths = ["one", "two"].map(|name| (name.to_owned(), folder.path().join(name)));
    let source = FileSource::new(paths, kinds(), FileOptions::default()).expect("folders");
    for _ in 0..2 {
        source.discover(&DiscoveryScope::All).await;
    }
    let discovered = source.discovered();
    let found: Vec<_> = discovered.kinds.iter().map(|found| (found.kind.plural, found.notes.len())).collect();
    assert_eq!(found, [("gadgetry", 0), ("widgets", 1)], "a definition anywhere counts");
    let kind = discovered.find("toys.example", "widgets").expect("a kind").kind;
    assert!(kind.namespaced && kind.versions == ["v1", "v1beta1"], "{:?}", kind.versions);
    let table = crate::schema::Table::new(kind, &kind.tables[0]);
    let mut columns: Vec<String> = table
        .columns
        .iter()
        .filter(|column| column.path.starts_with("spec"))
        .map(|column| format!("{} {:?}", column.path, column.values))
        .collect();
    columns.sort();
    let expected = [
        "spec.at Scalar(Time)",
        "spec.enabled Scalar(Bool)",
        "spec.free Map(Json)",
        "spec.labels Map(Text)",
        "spec.mixed Scalar(IntOrString)",
        "spec.names Scalars(Text)",
        "spec.none Scalar(Json)",
        "spec.size Scalar(Float)",
    ];
    assert_eq!(columns, expected);
    assert!(kind.tables.iter().any(|table| table.name == "widget_parts"));
    let (fields, clusters, selection) = (FieldMask::All, None, Selection::default());
    let kinds = vec![KindRequest { kind, fields, objects: true, clusters, selection }];
    let snapshot = source.snapshot(&Request { kinds, ..Request::default() }).await.expect("widgets");
    assert_eq!(names(&snapshot), ["Widget ns/a", "Widget /b"]);
    assert_eq!(warnings(&snapshot), [""; 0]);
}

#[test]
fn marks_inside_a_file_and_logs_are_passed_over() {
    let pod = |name: &str| format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\n");
    let yaml = format!("{}---\n\u{feff}{}\u{feff}---\n{}", pod("a"), pod("b"), pod("c"));
    let files = [
        ("a.yaml", yaml.as_bytes()),
        ("current.log", b"{: x [" as &[u8]),
        ("b.yaml", b"2026-01-02T03:04:05Z: [E] no" as &[u8]),
    ];
    let snapshot = read_files(&files).expect("pods");
    assert_eq!(names(&snapshot), ["Pod /a", "Pod /b", "Pod /c"]);
    assert_eq!(warnings(&snapshot).len(), 1);
    let folder = folder(&files[1..2]);
    assert!(read(folder.path().to_owned(), FileOptions::default()).is_err(), "nothing to read");
}
