//! Tests of the model.

use super::*;
use crate::spec::{Resource, Schema};

fn text() -> Schema {
    Schema::String(None)
}

fn integer() -> Schema {
    Schema::Integer(Some("int32".into()))
}

fn to(name: &str) -> Schema {
    Schema::Ref(name.into())
}

fn list(name: &str) -> Schema {
    Schema::Array(Box::new(to(name)))
}

fn object(fields: &[(&str, Schema)]) -> Schema {
    let properties = fields.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    Schema::Object { properties, additional: None, preserve_unknown: false }
}

fn map(values: Schema) -> Schema {
    Schema::Object { properties: BTreeMap::new(), additional: Some(Box::new(values)), preserve_unknown: false }
}

fn resource(group: &str, version: &str, kind: &str, schema: &str) -> Resource {
    Resource {
        group: group.into(),
        version: version.into(),
        kind: kind.into(),
        plural: format!("{}s", kind.to_lowercase()),
        namespaced: true,
        verbs: vec!["list".into()],
        schema: schema.into(),
    }
}

fn release(resources: &[Resource], schemas: &[(&str, Schema)]) -> Release {
    Release {
        version: "v1.1".into(),
        resources: resources.to_vec(),
        schemas: schemas.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect(),
    }
}

/// A release with the kind `Thing` and these definitions.
fn thing(schemas: &[(&str, Schema)]) -> Release {
    release(&[resource("", "v1", "Thing", "Thing")], schemas)
}

fn model(releases: &[Release]) -> Model {
    build(releases, &[], &Chosen::default(), &mut Lock::default()).unwrap()
}

fn tables(model: &Model) -> Vec<&str> {
    model.kinds.iter().flat_map(|kind| &kind.tables).map(|table| table.name.as_str()).collect()
}

fn columns<'a>(model: &'a Model, table: &str) -> Vec<(&'a str, &'a str)> {
    let tables = model.kinds.iter().flat_map(|kind| &kind.tables);
    let table = tables.into_iter().find(|found| found.name == table).unwrap();
    table.columns.iter().map(|column| (column.name.as_str(), column.path.as_str())).collect()
}

#[test]
fn tables_are_of_the_newest_stable_version() {
    let versions = ["v1beta1", "v2", "v1", "v3alpha1", "v10beta2"];
    let resources: Vec<_> = versions.iter().map(|version| resource("g", version, "Thing", version)).collect();
    let schemas: Vec<_> = versions.iter().map(|&version| (version, object(&[(version, text())]))).collect();
    let model = model(&[release(&resources, &schemas)]);
    assert_eq!(model.kinds[0].versions, ["v2", "v1", "v10beta2", "v1beta1", "v3alpha1"]);
    assert_eq!(model.kinds[0].root, "v2");
    assert_eq!(model.types.keys().collect::<Vec<_>>(), ["v2"], "unused types are removed");
}

#[test]
fn newest_release_determines_types_of_fields() {
    let old = thing(&[("Thing", object(&[("gone", text()), ("grown", integer())]))]);
    let new = thing(&[("Thing", object(&[("grown", Schema::Integer(Some("int64".into()))), ("new", text())]))]);
    let model = model(&[old, new]);
    let fields: Vec<_> = model.types["Thing"].iter().map(|(name, shape)| (name.as_str(), shape.clone())).collect();
    let scalar = Shape::Scalar;
    assert_eq!(
        fields,
        [("gone", scalar(Scalar::Text)), ("grown", scalar(Scalar::Int64)), ("new", scalar(Scalar::Text))]
    );
}

/// The fields that only old versions, or old releases, have are columns too.
#[test]
fn tables_have_the_fields_of_all_versions() {
    let of = |version: &str, spec: &[(&str, Schema)], more: &[(&str, Schema)]| {
        let name = |short: &str| format!("io.k8s.api.toys.{version}.{short}");
        let thing = object(&[("metadata", to("Meta")), ("spec", to(&name("ThingSpec")))]);
        let mut schemas = vec![
            (name("Thing"), thing),
            (name("ThingSpec"), object(spec)),
            ("Meta".to_owned(), object(&[("name", text())])),
        ];
        schemas.extend(more.iter().map(|(short, schema)| (name(short), schema.clone())));
        let schemas: Vec<_> = schemas.iter().map(|(name, schema)| (name.as_str(), schema.clone())).collect();
        release(&[resource("toys", version, "Thing", &name("Thing"))], &schemas)
    };
    let part = |version: &str| format!("io.k8s.api.toys.{version}.Part");
    let old = of(
        "v1beta1",
        &[("size", integer()), ("colour", text()), ("part", to(&part("v1beta1"))), ("olds", list(&part("v1beta1")))],
        &[("Part", object(&[("weight", integer()), ("labels", map(text())), ("more", text())]))],
    );
    let new = of(
        "v1",
        &[("size", integer()), ("part", to(&part("v1"))), ("news", list(&part("v1")))],
        // The shape of one field is different.
        &[("Part", object(&[("weight", integer()), ("labels", list(&part("v1")))]))],
    );
    for releases in [[old.clone(), new.clone()], [new, old]] {
        let model = model(&releases);
        assert_eq!(model.kinds[0].versions, ["v1", "v1beta1"]);
        // `labels` refers to its own type, so its items are JSON.
        let found = columns(&model, "things");
        for column in [
            ("colour", "spec.colour"),
            ("part.labels", "spec.part.labels"),
            ("part.labels_json", "spec.part.labels_json"),
            ("part.more", "spec.part.more"),
            ("part.weight", "spec.part.weight"),
            ("size", "spec.size"),
        ] {
            assert!(found.contains(&column), "{column:?} is not in {found:?}");
        }
        assert_eq!(tables(&model), ["things", "thing_news", "thing_olds"]);
        assert!(columns(&model, "thing_news").contains(&("more", "spec.news[].more")), "one type, in both versions");
    }
}

/// A field that has another shape in the newest version has the columns of that one, and one for other values.
#[test]
fn the_newest_version_determines_shapes() {
    let releases = |args: &[(&str, Schema)]| -> Vec<Release> {
        let of = |(version, args): &(&str, Schema)| {
            let schemas = [
                (*version, object(&[("args", args.clone())])),
                ("Arg", object(&[("name", text()), ("value", text())])),
            ];
            release(&[resource("toys", version, "Thing", version)], &schemas)
        };
        args.iter().map(of).collect()
    };
    let newer_list = model(&releases(&[("v1", map(text())), ("v2", list("Arg"))]));
    assert_eq!(tables(&newer_list), ["things", "thing_args"]);
    assert!(columns(&newer_list, "things").contains(&("args", "args")), "values of other shapes");
    assert_eq!(newer_list.types["v2"]["args_json"], Shape::Other("args".to_owned()));
    let newer_map = model(&releases(&[("v2", map(text())), ("v1", list("Arg"))]));
    assert_eq!(tables(&newer_map), ["things"]);
    let found = columns(&newer_map, "things");
    assert!(found.contains(&("args", "args")) && found.contains(&("args_json", "args_json")), "{found:?}");
    // A field may have that name.
    let taken = object(&[("args", map(text())), ("args_json", text())]);
    let mut both = releases(&[("v1", list("Arg")), ("v2", map(text()))]);
    both[1].schemas.insert("v2".to_owned(), taken);
    assert!(columns(&model(&both), "things").contains(&("args_json_", "args_json_")));
}

#[test]
fn recursive_references_are_json() {
    let props = object(&[("$ref", text()), ("not", to("Props")), ("allOf", list("Props")), ("of", map(to("Props")))]);
    let model = model(&[thing(&[("Thing", object(&[("schema", to("Props"))])), ("Props", props)])]);
    let props = &model.types["Props"];
    assert_eq!(props["not"], Shape::Scalar(Scalar::Json));
    assert_eq!(props["allOf"], Shape::Scalars(Scalar::Json));
    assert_eq!(props["of"], Shape::Map(MapValue::Json));
    assert_eq!(props["$ref"], Shape::Scalar(Scalar::Text));
    assert_eq!(model.types["Thing"]["schema"], Shape::Object("Props".into()));
}

#[test]
fn schemas_have_shapes() {
    let machinery = "io.k8s.apimachinery.pkg";
    let cases = [
        ("time", Schema::String(Some("date-time".into())), Shape::Scalar(Scalar::Time)),
        ("bytes", Schema::String(Some("byte".into())), Shape::Scalar(Scalar::Text)),
        ("long", Schema::Integer(None), Shape::Scalar(Scalar::Int64)),
        ("either", Schema::IntOrString, Shape::Scalar(Scalar::IntOrString)),
        ("quantity", to(&format!("{machinery}.api.resource.Quantity")), Shape::Scalar(Scalar::Quantity)),
        ("micro", to(&format!("{machinery}.apis.meta.v1.MicroTime")), Shape::Scalar(Scalar::Time)),
        ("raw", to(&format!("{machinery}.runtime.RawExtension")), Shape::Scalar(Scalar::Json)),
        ("free", object(&[]), Shape::Scalar(Scalar::Json)),
        ("untyped", Schema::Any, Shape::Scalar(Scalar::Json)),
        ("texts", Schema::Array(Box::new(text())), Shape::Scalars(Scalar::Text)),
        ("lists", Schema::Array(Box::new(Schema::Array(Box::new(text())))), Shape::Scalars(Scalar::Json)),
        ("maps", Schema::Array(Box::new(map(text()))), Shape::Scalars(Scalar::Json)),
        ("map", map(integer()), Shape::Map(MapValue::Text)),
        ("deep", map(Schema::Array(Box::new(text()))), Shape::Map(MapValue::Json)),
        ("objects", map(object(&[("x", text())])), Shape::Map(MapValue::Json)),
        ("amounts", map(to(&format!("{machinery}.api.resource.Quantity"))), Shape::Map(MapValue::Quantity)),
    ];
    let fields: Vec<_> = cases.iter().map(|(name, schema, _)| (*name, schema.clone())).collect();
    let model = model(&[thing(&[("Thing", object(&fields))])]);
    for (name, _, shape) in cases {
        assert_eq!(model.types["Thing"][name], shape, "{name}");
    }
}

#[test]
fn lists_of_objects_are_tables() {
    let header = object(&[("name", text()), ("value", text())]);
    let probe = object(&[("httpGet", object(&[("httpHeaders", list("Header"))]))]);
    let container =
        object(&[("name", text()), ("liveness", probe.clone()), ("readiness", probe), ("env", list("Env"))]);
    let template = object(&[
        ("metadata", object(&[("owners", list("Env"))])),
        ("spec", object(&[("containers", list("Container"))])),
    ]);
    let model = model(&[thing(&[
        (
            "Thing",
            object(&[
                ("metadata", object(&[("name", text()), ("uid", text()), ("owners", list("Env"))])),
                ("spec", object(&[("template", template), ("rules", list("Rule"))])),
            ]),
        ),
        ("Container", container),
        ("Header", header),
        ("Env", object(&[("name", text())])),
        ("Rule", object(&[("http", object(&[("paths", list("Path"))]))])),
        ("Path", object(&[("path", text())])),
    ])]);
    assert_eq!(
        tables(&model),
        [
            "things",
            "thing_owners",
            "thing_rules",
            "thing_rule_paths",
            "thing_template_owners",
            "thing_containers",
            "thing_container_env",
            "thing_container_liveness_httpheaders",
            "thing_container_readiness_httpheaders",
        ]
    );
    let listed: Vec<_> = model.kinds[0].tables.iter().filter(|table| table.listed).map(|t| t.name.as_str()).collect();
    assert_eq!(listed, ["things", "thing_owners", "thing_rules"], "direct lists outside pod templates");
    assert_eq!(
        columns(&model, "thing_rule_paths"),
        [
            ("cluster", ""),
            ("namespace", "metadata.namespace"),
            ("thing", "metadata.name"),
            ("uid", "metadata.uid"),
            ("rule_index", "spec.rules[]"),
            ("index", "spec.rules[].http.paths[]"),
            ("path", "spec.rules[].http.paths[].path"),
        ]
    );
    let keys: Vec<_> = columns(&model, "thing_container_env").iter().map(|(name, _)| *name).collect();
    assert_eq!(keys, ["cluster", "namespace", "thing", "uid", "container", "index", "name"]);
}

#[test]
fn statuses_are_merged_into_their_lists() {
    let model = model(&[thing(&[
        (
            "Thing",
            object(&[
                ("spec", object(&[("boxes", list("Box"))])),
                ("status", object(&[("boxStatuses", list("Status")), ("boxeStatuses", list("Status"))])),
            ]),
        ),
        ("Box", object(&[("name", text()), ("image", text()), ("mounts", list("Mount"))])),
        ("Status", object(&[("name", text()), ("image", text()), ("ready", text()), ("mounts", list("Mount"))])),
        ("Mount", object(&[("path", text())])),
    ])]);
    // `boxStatuses` would be `boxs`: only `boxeStatuses` belongs to `boxes`.
    assert_eq!(
        tables(&model),
        [
            "things",
            "thing_boxes",
            "thing_box_mounts",
            "thing_boxstatuses",
            "thing_boxstatus_mounts",
            "thing_box_status_mounts"
        ]
    );
    let boxes = columns(&model, "thing_boxes");
    assert!(boxes.contains(&("image", "spec.boxes[].image")), "the list itself has the short name");
    assert!(boxes.contains(&("status.image", "status.boxeStatuses[].image")));
    assert!(boxes.contains(&("ready", "status.boxeStatuses[].ready")));
    assert!(!boxes.iter().any(|(_, path)| *path == "status.boxeStatuses[].name"), "the name is in both: {boxes:?}");
}

#[test]
fn new_releases_do_not_rename() {
    let with = |spec: &[(&str, Schema)], status: &[(&str, Schema)]| {
        thing(&[
            ("Thing", object(&[("spec", object(spec)), ("status", object(status))])),
            ("Item", object(&[("x", text())])),
        ])
    };
    let mut lock = Lock::default();
    let old = with(&[("kept", text())], &[("replicas", integer()), ("URL", text()), ("items", list("Item"))]);
    let before = build(std::slice::from_ref(&old), &[], &Chosen::default(), &mut lock).unwrap();
    assert!(columns(&before, "things").contains(&("replicas", "status.replicas")));

    // Without the lock, spec.replicas and spec.items would have these names.
    let new = with(
        &[("kept", text()), ("replicas", integer()), ("url", text()), ("items", list("Item"))],
        &[("replicas", integer()), ("URL", text()), ("items", list("Item"))],
    );
    let mut lock = Lock::parse(&lock.to_string()).unwrap();
    let after = build(&[old, new.clone()], &[], &Chosen::default(), &mut lock).unwrap();
    let things = columns(&after, "things");
    for column in columns(&before, "things") {
        assert!(things.contains(&column), "{column:?} is gone from {things:?}");
    }
    assert!(things.contains(&("spec.replicas", "spec.replicas")), "{things:?}");
    assert_eq!(
        after.kinds[0].tables.iter().find(|table| table.path == ["status", "items"]).unwrap().name,
        "thing_items"
    );
    assert_eq!(
        after.kinds[0].tables.iter().find(|table| table.path == ["spec", "items"]).unwrap().name,
        "thing_spec_items"
    );
    // The exceptions let the runtime derive the same names.
    assert!(!after.kinds[0].tables[0].exceptions.is_empty());

    // The name of a removed field stays reserved.
    let mut lock = Lock::parse(&lock.to_string()).unwrap();
    let gone = with(&[("kept", text()), ("replicas", integer())], &[]);
    let later = build(&[gone], &[], &Chosen::default(), &mut lock).unwrap();
    assert!(columns(&later, "things").contains(&("spec.replicas", "spec.replicas")));
    assert!(lock.to_string().contains("\treplicas\tstatus.replicas"));
}

#[test]
fn invalid_documents_are_errors() {
    let missing = thing(&[("Thing", object(&[("x", to("Nowhere"))]))]);
    let error = build(&[missing], &[], &Chosen::default(), &mut Lock::default()).unwrap_err().to_string();
    assert_eq!(error, "Thing.x: refers to `Nowhere`, which is not defined");
    let scalar = thing(&[("Thing", text())]);
    let error = build(&[scalar], &[], &Chosen::default(), &mut Lock::default()).unwrap_err().to_string();
    assert_eq!(error, "/v1 Thing: its schema `Thing` is not an object with fields");
}
