//! Tests of the forms in which objects are read.

use super::super::FileOptions;
use super::{names, objects, read, read_file, read_files, warnings};

const POD: &str = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"n"}}"#;

/// A file name, a text, and the expected rows and warnings.
type Case = (&'static str, &'static str, &'static [&'static str], &'static [&'static str]);

const CASES: &[Case] = &[
    ("one.json", r#" {"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}} "#, &["Pod /a"], &[]),
    (
        "list.json",
        r#"{"apiVersion":"v1","items":[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}},
            {"apiVersion":"v1","kind":"Node","metadata":{"name":"b"}}],"kind":"List"}"#,
        &["Node /b", "Pod /a"],
        &[],
    ),
    (
        "typed.json",
        r#"{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"a"}},
            {"kind":"Pod","apiVersion":"v1","metadata":{"name":"b"}},{"metadata":{"name":"c"}}]}"#,
        &["Pod /a", "Pod /b", "Pod /c"],
        &[],
    ),
    (
        "kind-last.json",
        r#"{"apiVersion":"apps/v1","items":[{"metadata":{"name":"a"}}],"kind":"DeploymentList"}"#,
        &["Deployment /a"],
        &[],
    ),
    ("empty-list.json", r#"{"kind":"PodList","apiVersion":"v1","items":[]}"#, &[], &[]),
    ("null-list.json", r#"{"kind":"PodList","apiVersion":"v1","items":null}"#, &[], &[]),
    ("empty-array.json", "[ ]", &[], &[]),
    (
        "array.json",
        r#"[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}, null, 7]"#,
        &["Pod /a"],
        &["array.json: item 2 | skipped a value that is not an object"],
    ),
    (
        "guessed.json",
        r#"{"items":[{"metadata":{"name":"a"},"spec":{"podCIDR":"10.0.0.0/24","providerID":"x"},
            "status":{"nodeInfo":{"kernelVersion":"6"}}}]}"#,
        &["Node /a"],
        &[],
    ),
    (
        "guessed-pod.json",
        r#"[{"metadata":{"name":"a"},"spec":{"containers":[{"name":"c"}],"nodeName":"n"},"status":{"phase":"Running"}}]"#,
        &["Pod /a"],
        &[],
    ),
    (
        "ambiguous.json",
        r#"{"metadata":{"name":"a"},"spec":{"replicas":1},"status":{"replicas":1}}"#,
        &[],
        &["ambiguous.json | skipped an object: it has no kind, and its fields match no kind or several"],
    ),
    (
        "lines.ndjson",
        "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\"}}\r\n\
         {\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"b\"}}\n",
        &["Pod /a", "Pod /b"],
        &[],
    ),
    (
        "concatenated.json",
        r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"b"}}]}"#,
        &["Pod /a", "Pod /b"],
        &[],
    ),
    (
        "old.yaml",
        "apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: a}\n---\n\
         apiVersion: extensions/v1beta1\nkind: Deployment\nmetadata: {name: b}\n---\n\
         apiVersion: batch/v1beta1\nkind: CronJob\nmetadata: {name: c}\n---\n\
         apiVersion: extensions/v1beta1\nkind: PodSecurityPolicy\nmetadata: {name: d}\n",
        &["Deployment /b", "CronJob /c", "Ingress /a"],
        &["old.yaml: document 4 | no table for PodSecurityPolicy.extensions: skipped 1 object"],
    ),
    (
        "unknown.yaml",
        "kind: List\napiVersion: v1\nitems:\n- {apiVersion: argoproj.io/v1, kind: Rollout, metadata: {name: a}}\n\
         - {apiVersion: argoproj.io/v1, kind: Rollout, metadata: {name: b}}\n\
         - {apiVersion: networking.k8s.io/v1, kind: ReplicaSet, metadata: {name: c}}\n",
        &[],
        &[
            "unknown.yaml: item 1 | no table for Rollout.argoproj.io: skipped 2 objects",
            "unknown.yaml: item 3 | no table for ReplicaSet.networking.k8s.io: skipped 1 object; ReplicaSet exists in apps",
        ],
    ),
    (
        "table.json",
        r#"{"kind":"Table","apiVersion":"meta.k8s.io/v1","rows":[{"cells":["a"],"object":{"kind":"PartialObjectMetadata",
            "apiVersion":"meta.k8s.io/v1","metadata":{"name":"a"}}},{"cells":["b"],"object":{"kind":"Pod","apiVersion":"v1",
            "metadata":{"name":"b"}}}]}"#,
        &["Pod /b"],
        &["table.json | skipped rows of a printed table without objects; use `-o json` or `-o yaml`"],
    ),
    (
        "status.json",
        r#"{"kind":"Status","apiVersion":"v1","status":"Failure"}"#,
        &[],
        &["status.json | skipped an API server's status message (kind Status)"],
    ),
    (
        "watch.json",
        r#"{"type":"ADDED","object":{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"}}}"#,
        &[],
        &["watch.json | skipped a watch event"],
    ),
    (
        "mismatch.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: ns}\nspec: {priority: x}\n",
        &["Pod ns/a"],
        &["mismatch.yaml ns/a spec.priority | pods spec.priority: expected a 32-bit integer, found text \"x\" \
            (became NULL)"],
    ),
];

#[test]
fn every_form_has_its_rows_and_warnings() {
    for (name, text, rows, expected) in CASES {
        let snapshot = read_file(name, text.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(names(&snapshot), *rows, "{name}");
        assert_eq!(warnings(&snapshot), *expected, "{name}");
    }
}

#[test]
fn folders_are_read_in_order_of_names() {
    let pod = |name: &str| POD.replace("\"a\"", &format!("{name:?}")).into_bytes();
    let snapshot = read_files(&[
        ("b.json", &pod("b")),
        ("a/z.ndjson", &pod("z")),
        ("a/y.YAML", &pod("y")),
        ("notes.txt", b"not this"),
        (".hidden/c.json", b"nor this"),
        (".d.yaml", b"nor : this : one"),
    ])
    .expect("a folder of pods");
    assert_eq!(names(&snapshot), ["Pod n/y", "Pod n/z", "Pod n/b"]);
    assert_eq!(warnings(&snapshot), [""; 0]);
}

#[test]
#[cfg(unix)]
fn cyclic_links_are_ignored() {
    let folder = super::folder(&[("a/pod.json", POD.as_bytes())]);
    std::os::unix::fs::symlink(folder.path(), folder.path().join("a/round")).expect("a link");
    std::os::unix::fs::symlink("nowhere", folder.path().join("gone.json")).expect("a link");
    let snapshot = read(folder.path().to_owned(), FileOptions::default()).expect("a folder");
    assert_eq!(names(&snapshot), ["Pod n/a"]);
}

#[test]
fn managed_fields_are_dropped() {
    let text = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","managedFields":[{"manager":"x"}]}}"#;
    let snapshot = read_file("pod.json", text.as_bytes()).expect("a pod");
    assert_eq!(objects(&snapshot), [r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}"#]);
}

#[test]
fn secrets_are_redacted_in_every_form() {
    let yaml = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata:\n    name: s\n    annotations:\n      \
        kubectl.kubernetes.io/last-applied-configuration: |\n        {\"kind\":\"Secret\",\"stringData\":{\"k\":\"hush\"}}\n  \
        data: {k: aHVzaA==}\n  stringData:\n    l: hush\n";
    let json = r#"{"kind":"SecretList","apiVersion":"v1","items":[
        {"metadata":{"name":"t","annotations":{"kubectl.kubernetes.io/last-applied-configuration":"hush"}},"d\u0061ta":{"k":["hush"]}},
        {"data":"hush","metadata":{"name":"u","annotations":{"kubectl.kubernetes.io\/last-applied-configuration":{"x":"hush"},"b":"c"}}}]}"#;
    let folder = super::folder(&[("a.yaml", yaml.as_bytes()), ("b.json", json.as_bytes())]);
    let snapshot = read(folder.path().to_owned(), FileOptions::default()).expect("secrets");
    assert_eq!(names(&snapshot), ["Secret /s", "Secret /t", "Secret /u"]);
    let all = objects(&snapshot).join("\n");
    assert!(!all.contains("hush") && !all.contains("aHVz"), "{all}");
    assert!(all.contains(r#""data":{"k":"<redacted>"},"stringData":{"l":"<redacted>"}"#), "{all}");
    assert!(all.contains(r#"{\"kind\":\"Secret\",\"stringData\":{\"k\":\"<redacted>\"}}"#), "{all}");
    let columns = format!("{:?}", snapshot.segments);
    assert!(!columns.contains("hush") && !columns.contains("aHVz"), "{columns}");
    let shown = read(folder.path().to_owned(), FileOptions { show_secrets: true }).expect("secrets");
    assert!(objects(&shown).join("\n").contains("aHVzaA=="));
}
