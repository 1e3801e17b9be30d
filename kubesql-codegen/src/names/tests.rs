//! Tests of the naming rules.

use std::collections::BTreeMap;

use super::*;

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

#[test]
fn singulars_of_plurals() {
    for (plural, expect) in [
        ("containers", "container"),
        ("rules", "rule"),
        ("addresses", "address"),
        ("policies", "policy"),
        ("statuses", "status"),
        ("hostaliases", "hostalias"),
        ("env", "env"),
        ("ingress", "ingress"),
        ("status", "status"),
        ("ports", "port"),
        ("prefixes", "prefix"),
        ("leases", "lease"),
        ("databases", "database"),
        ("images", "image"),
    ] {
        assert_eq!(singular(plural), expect, "{plural}");
    }
}

#[test]
fn templates_and_sections_are_left_out() {
    for (path, expect) in [
        (&["spec", "template", "spec", "containers"][..], &[][..]),
        (&["spec", "jobTemplate", "spec", "template", "spec", "volumes"], &[]),
        (&["spec", "template", "metadata", "ownerReferences"], &["template"]),
        (&["metadata", "ownerReferences"], &[]),
        (&["status", "resources", "claims"], &["resources"]),
        (&["configMap", "items"], &["configmap"]),
    ] {
        assert_eq!(front_words(&strings(path)), strings(expect), "{path:?}");
    }
}

#[test]
fn fewest_distinguishing_words() {
    let shown = |fronts: &[&[&str]]| {
        distinguishing_words(&fronts.iter().map(|words| strings(words)).collect::<Vec<_>>())
            .into_iter()
            .map(|words| words.join("_"))
            .collect::<Vec<_>>()
    };
    assert_eq!(shown(&[&["affinity", "nodeaffinity"]]), [""], "a single list");
    assert_eq!(
        shown(&[&["lifecycle", "poststart", "httpget"], &["livenessprobe", "httpget"]]),
        ["poststart", "livenessprobe"],
        "common last words are left out"
    );
    assert_eq!(shown(&[&["a", "x"], &["b", "x"], &["b", "y"]]), ["a_x", "b_x", "b_y"]);
    assert_eq!(shown(&[&[], &["template"]]), ["", "template"]);
}

fn named<'a>(leaves: &[&[&'a str]], lists: Vec<ListStep<'a>>, fixed: &[(&str, &str)]) -> Vec<(String, String)> {
    let fields = TableFields {
        singular: "pod",
        namespaced: true,
        lists,
        leaves: leaves.iter().map(|words| words.to_vec()).collect(),
        statuses: None,
        printed: Vec::new(),
    };
    let fixed: BTreeMap<String, String> =
        fixed.iter().map(|(path, name)| ((*path).to_owned(), (*name).to_owned())).collect();
    columns(&fields, &fixed).into_iter().map(|column| (column.path, column.name)).collect()
}

fn name_of<'a>(columns: &'a [(String, String)], path: &str) -> &'a str {
    &columns.iter().find(|(at, _)| at == path).unwrap().1
}

#[test]
fn sections_have_precedence() {
    let columns = named(
        &[
            &["kind"],
            &["metadata", "name"],
            &["spec", "name"],
            &["spec", "nodeName"],
            &["spec", "replicas"],
            &["status", "name"],
            &["status", "nodeInfo", "osImage"],
            &["status", "replicas"],
        ],
        vec![],
        &[],
    );
    for (path, expect) in [
        ("metadata.name", "name"),
        ("spec.name", "spec.name"),
        ("status.name", "status.name"),
        ("spec.nodeName", "nodename"),
        ("spec.replicas", "replicas"),
        ("status.replicas", "status.replicas"),
        ("status.nodeInfo.osImage", "nodeinfo.osimage"),
        ("kind", "kind"),
    ] {
        assert_eq!(name_of(&columns, path), expect, "{path}");
    }
    let order: Vec<_> = columns.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(order[..2], ["cluster", "name"]);
    assert_eq!(order.last(), Some(&"object"), "after all columns of `*`");
}

#[test]
fn names_that_differ_in_case() {
    let columns = named(&[&["spec", "proxyURL"], &["spec", "proxyUrl"]], vec![], &[]);
    assert_eq!(name_of(&columns, "spec.proxyURL"), "proxyurl", "the first in path order");
    assert_eq!(name_of(&columns, "spec.proxyUrl"), "proxyUrl", "its own spelling");
    let columns = named(&[&["proxyURL"], &["proxyUrl"]], vec![], &[]);
    assert_eq!(name_of(&columns, "proxyUrl"), "proxyUrl");
}

#[test]
fn fields_named_like_keys_are_prefixed() {
    let list = ListStep { path: "subjects[]".into(), item: "subject", key: Some("name") };
    let columns = named(&[&["name"], &["namespace"], &["uid"]], vec![list], &[]);
    let names: Vec<_> = columns.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, ["cluster", "namespace", "pod", "uid", "index", "name", "subject.namespace", "subject.uid"]);
}

#[test]
fn overrides_take_precedence() {
    let columns = named(&[&["spec", "a"], &["spec", "b"]], vec![], &[("spec.b", "a")]);
    assert_eq!(name_of(&columns, "spec.b"), "a");
    assert_eq!(name_of(&columns, "spec.a"), "spec.a", "a name belongs to one field");
}

#[test]
fn the_path_of_a_field_is_never_the_name_of_another() {
    let fields = TableFields {
        singular: "pod",
        namespaced: true,
        lists: vec![ListStep { path: "spec.containers[]".into(), item: "container", key: Some("name") }],
        leaves: vec![vec!["name"], vec!["resources", "limits"]],
        statuses: Some(("status.containerStatuses[]".into(), vec![vec!["name"], vec!["resources", "limits"]])),
        printed: Vec::new(),
    };
    let status = "status.containerStatuses[].resources.limits";
    let spec = "spec.containers[].resources.limits";
    // Not even if the name was assigned.
    for assigned in ["resources.limits", "status.resources.limits"] {
        let overrides =
            BTreeMap::from([(spec.to_owned(), "limits".to_owned()), (status.to_owned(), assigned.to_owned())]);
        let columns = columns(&fields, &overrides);
        let name = |path: &str| columns.iter().find(|column| column.path == path).unwrap().name.as_str();
        assert_eq!((name(spec), name(status)), ("limits", "status.resources.limits"));
    }
}

#[test]
fn chosen_names_are_parsed() {
    let chosen = Chosen::parse(
        "[columns.\"T\"]\n\"resources.*\" = \"*\"\n\"security.privileged\" = \"privileged\"\n\
         [tables.\"K\"]\n\"spec.containers\" = { name = \"containers\", item = \"container\" }",
    )
    .unwrap();
    assert_eq!(chosen.column("T", "resources.limits").as_deref(), Some("limits"));
    assert_eq!(chosen.column("T", "security.privileged").as_deref(), Some("privileged"));
    assert_eq!(chosen.column("T", "image"), None);
    assert_eq!(chosen.table("K", "spec.containers").unwrap().item, "container");
    assert!(Chosen::parse("[column]\nx = 1").unwrap_err().to_string().starts_with("names.toml: "));
}

#[test]
fn locks_round_trip() {
    let mut lock = Lock::default();
    lock.add("apps/Thing", "", "things", [("spec.x", "x")].into_iter());
    lock.add("apps/Thing", "spec.items", "thing_items", [("spec.items[].y", "y")].into_iter());
    lock.add("apps/Thing", "", "renamed", [("spec.x", "z")].into_iter());
    let read = Lock::parse(&lock.to_string()).unwrap();
    assert_eq!(read, lock);
    assert_eq!(read.table("apps/Thing", ""), Some("things"), "a locked name is kept");
    assert_eq!(read.columns("apps/Thing", "")["spec.x"], "x");
    lock.supersede("apps/Thing", "", "spec.x", "y");
    let read = Lock::parse(&lock.to_string()).unwrap();
    assert_eq!(read.columns("apps/Thing", "")["spec.x"], "y");
    assert!(read.former("apps/Thing", "").contains("x"), "a former name stays reserved");
    let error = Lock::parse("things\tapps/Thing\t\n\tx").unwrap_err().to_string();
    assert!(error.starts_with("names.lock:2: "), "{error}");
}
