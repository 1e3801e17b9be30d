//! Tests with small documents in both formats.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use openapiv3::OpenAPI;
use serde_json::{Map, Value, json};

use super::{Input, Release, Resource, Schema, SpecError, find_release, import};

/// A Swagger 2.0 document of a kind with every form of schema.
fn swagger() -> Value {
    json!({
        "swagger": "2.0",
        "info": {"title": "Anything", "version": "v1.40.2"},
        "paths": {
            "/apis/toys/v1/boxes": {"get": action("list"), "parameters": []},
            "/apis/toys/v1/namespaces/{namespace}/boxes": {"get": action("list"), "post": action("post")},
            "/apis/toys/v1/namespaces/{namespace}/boxes/{name}": {"get": action("get"), "put": action("put")},
            "/apis/toys/v1/namespaces/{namespace}/boxes/{name}/status": {"patch": action("patch")},
            "/apis/toys/v1/watch/boxes": {"get": action("watchlist")},
            "/apis/toys/": {"get": {"operationId": "getToysAPIGroup"}},
            "/version/": {"get": {"operationId": "getCode"}},
        },
        "definitions": {
            "io.k8s.api.toys.v1.Box": {
                "description": "Prose.",
                "type": "object",
                "required": ["spec"],
                "properties": {
                    "spec": {"$ref": "#/definitions/io.k8s.api.toys.v1.BoxSpec", "description": "Prose."},
                    "description": {"type": "string", "description": "A field of that name."},
                },
                "x-kubernetes-group-version-kind": [{"group": "toys", "kind": "Box", "version": "v1"}],
            },
            "io.k8s.api.toys.v1.BoxList": {
                "type": "object",
                "properties": {"items": {"type": "array", "items": {"$ref": "#/definitions/io.k8s.api.toys.v1.Box"}}},
                "x-kubernetes-group-version-kind": [{"group": "toys", "kind": "BoxList", "version": "v1"}],
            },
            "io.k8s.api.toys.v1.BoxSpec": {
                // Some definitions have no type.
                "properties": {
                    "$ref": {"type": "string"},
                    "size": {"$ref": "#/definitions/io.k8s.Quantity"},
                    "sizes": {"type": "object", "additionalProperties": {"$ref": "#/definitions/io.k8s.Quantity"}},
                    "port": {"$ref": "#/definitions/io.k8s.IntOrString", "x-kubernetes-patch-strategy": "merge"},
                    "made": {"$ref": "#/definitions/io.k8s.Time"},
                    "any": {"$ref": "#/definitions/io.k8s.JSON"},
                    "raw": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                    "count": {"type": "integer", "format": "int32", "minimum": 0},
                    "share": {"type": "number", "format": "double"},
                    "open": {"type": "boolean"},
                    "key": {"type": "string", "format": "byte", "enum": ["a"]},
                    "inner": {
                        "type": "array",
                        "items": {"$ref": "#/definitions/io.k8s.api.toys.v1.BoxSpec"},
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["size", "port"],
                        "x-kubernetes-patch-merge-key": "size",
                        "x-kubernetes-patch-strategy": "merge",
                    },
                },
            },
            "io.k8s.Quantity": {"type": "string"},
            "io.k8s.IntOrString": {"type": "string", "format": "int-or-string"},
            "io.k8s.Time": {"type": "string", "format": "date-time"},
            "io.k8s.JSON": {"description": "Prose."},
            "io.k8s.Unreached": {"not": {"type": "string"}},
        },
    })
}

/// The same as an OpenAPI 3.0 document.
fn openapi() -> Value {
    let text = swagger()["definitions"].to_string().replace("#/definitions/", "#/components/schemas/");
    let mut schemas: Value = serde_json::from_str(&text).expect("made from JSON");
    let wrapped = |name: &str| json!({"allOf": [{"$ref": format!("#/components/schemas/{name}")}], "default": {}});
    schemas["io.k8s.api.toys.v1.Box"]["properties"]["spec"] = wrapped("io.k8s.api.toys.v1.BoxSpec");
    schemas["io.k8s.api.toys.v1.BoxSpec"]["properties"]["made"] = wrapped("io.k8s.Time");
    schemas["io.k8s.api.toys.v1.BoxSpec"]["properties"]["inner"]["items"] = wrapped("io.k8s.api.toys.v1.BoxSpec");
    schemas["io.k8s.api.toys.v1.BoxSpec"]["properties"]["open"]["nullable"] = json!(true);
    schemas["io.k8s.Quantity"] = json!({"oneOf": [{"type": "string"}, {"type": "number"}]});
    schemas["io.k8s.IntOrString"] =
        json!({"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]});
    let mut paths = swagger()["paths"].clone();
    let kept = paths.as_object_mut().expect("an object");
    kept.retain(|path, _| path.starts_with("/apis/toys/v1"));
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Anything", "version": "v1.40.2"},
        "paths": paths,
        "components": {"schemas": schemas},
    })
}

fn action(action: &str) -> Value {
    json!({
        "description": "Prose.",
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": {"group": "toys", "kind": "Box", "version": "v1"},
    })
}

fn input(name: &str, document: &Value) -> Input {
    Input { name: name.to_owned(), text: document.to_string() }
}

fn structural(document: &Value) -> String {
    import(&[input("tiny.json", document)], None).expect("a sound document").document
}

#[test]
fn both_formats_have_the_same_result() {
    let document = structural(&swagger());
    assert_eq!(document, structural(&openapi()));
    // Again, to check that the result does not depend on the order of a hash map.
    assert_eq!(document, structural(&swagger()));
}

#[test]
fn structural_documents_are_valid_and_sorted() {
    let document = structural(&swagger());
    let api: OpenAPI = serde_json::from_str(&document).expect("OpenAPI 3.0");
    assert_eq!(api.info.version, "v1.40");
    assert!(!document.contains("Prose"), "{document}");
    check_structure(&document);
    let names: Vec<&String> = api.components.as_ref().expect("components").schemas.keys().collect();
    assert!(names.is_sorted(), "{names:?}");
    let gone = ["BoxList", "Unreached", "required", "enum", "minimum", "nullable", "patch-strategy"];
    assert_eq!(gone.map(|word| document.contains(word)), [false; 7], "{document}");
}

#[test]
fn structural_documents_are_parsed() {
    let release = Release::parse(&structural(&openapi())).expect("a structural document");
    let text = |text: &str| text.to_owned();
    assert_eq!(release.version, "v1.40");
    assert_eq!(
        release.resources,
        [Resource {
            group: text("toys"),
            version: text("v1"),
            kind: text("Box"),
            plural: text("boxes"),
            namespaced: true,
            // A patch of the status subresource does not count.
            verbs: ["create", "get", "list", "update", "watch"].map(text).to_vec(),
            schema: text("io.k8s.api.toys.v1.Box"),
        }]
    );
    let reference = |name: &str| Schema::Ref(text(name));
    let object = |properties: Vec<(&str, Schema)>, additional: Option<Schema>, preserve_unknown| Schema::Object {
        properties: properties.into_iter().map(|(name, schema)| (text(name), schema)).collect(),
        additional: additional.map(Box::new),
        preserve_unknown,
    };
    let spec = vec![
        ("$ref", Schema::String(None)),
        ("size", reference("io.k8s.Quantity")),
        ("sizes", object(vec![], Some(reference("io.k8s.Quantity")), false)),
        ("port", reference("io.k8s.IntOrString")),
        ("made", reference("io.k8s.Time")),
        ("any", reference("io.k8s.JSON")),
        ("raw", object(vec![], None, true)),
        ("count", Schema::Integer(Some(text("int32")))),
        ("share", Schema::Number),
        ("open", Schema::Boolean),
        ("key", Schema::String(Some(text("byte")))),
        ("inner", Schema::Array(Box::new(reference("io.k8s.api.toys.v1.BoxSpec")))),
    ];
    let boxed = vec![("spec", reference("io.k8s.api.toys.v1.BoxSpec")), ("description", Schema::String(None))];
    let expected = [
        ("io.k8s.api.toys.v1.Box", object(boxed, None, false)),
        ("io.k8s.api.toys.v1.BoxSpec", object(spec, None, false)),
        ("io.k8s.Quantity", Schema::String(None)),
        ("io.k8s.IntOrString", Schema::IntOrString),
        ("io.k8s.Time", Schema::String(Some(text("date-time")))),
        ("io.k8s.JSON", Schema::Any),
    ];
    assert_eq!(release.schemas, expected.map(|(name, schema)| (text(name), schema)).into());
}

#[test]
fn equivalent_schemas_are_unified() {
    let int_or_string = json!({"x-kubernetes-int-or-string": true});
    let cases = [
        (json!({"anyOf": [{"type": "integer"}, {"type": "string"}]}), int_or_string.clone()),
        (json!({"type": "string", "format": "int-or-string"}), int_or_string.clone()),
        (json!({"anyOf": [{"type": "string"}], "x-kubernetes-int-or-string": true}), int_or_string),
        (json!({"allOf": [{"type": "boolean"}]}), json!({"type": "boolean"})),
        (json!({"type": "string", "uniqueItems": true, "maxLength": 3}), json!({"type": "string"})),
        (json!({"type": "integer", "format": "int64", "minimum": 0.5}), json!({"type": "integer", "format": "int64"})),
        (json!({"type": "array", "default": []}), json!({"type": "array"})),
        (json!({"type": "object", "additionalProperties": false}), json!({"type": "object"})),
        (json!({"additionalProperties": true}), json!({"type": "object", "additionalProperties": true})),
        (json!({"title": "Prose", "example": 1}), json!({})),
    ];
    for (written, expected) in cases {
        let mut document = swagger();
        document["definitions"]["io.k8s.JSON"] = written.clone();
        let document: Value = serde_json::from_str(&structural(&document)).expect("JSON");
        assert_eq!(document["components"]["schemas"]["io.k8s.JSON"], expected, "{written}");
    }
}

#[test]
fn errors_have_locations() {
    let with = |change: &dyn Fn(&mut Value)| {
        let mut document = swagger();
        change(&mut document);
        document
    };
    let of_definition = |schema: Value| with(&|d| d["definitions"]["io.k8s.JSON"] = schema.clone());
    let mut deep = json!({"type": 3});
    for _ in 0..40 {
        deep = json!({"type": "array", "items": deep});
    }
    let cases = [
        (json!({"kind": "APIVersions"}), "tiny.json: neither a Swagger 2.0 nor an OpenAPI 3.0 document"),
        (json!({"openapi": "3.1.0"}), "tiny.json: neither a Swagger 2.0 nor an OpenAPI 3.0 document"),
        (json!([1]), "tiny.json: neither a Swagger 2.0 nor an OpenAPI 3.0 document"),
        (with(&|d| d["paths"] = json!([])), "tiny.json: /paths: not an object"),
        (with(&|d| d["paths"] = json!({})), "tiny.json: no built-in kind that can be listed"),
        (
            with(&|d| d["info"]["version"] = json!("unversioned")),
            "tiny.json: info.version (\"unversioned\") does not contain a release; specify it (v1.NN)",
        ),
        (
            with(&|d| d["definitions"]["io.k8s.Time"] = json!({"$ref": "#/definitions/io.k8s.Clock"})),
            "tiny.json: io.k8s.Time refers to io.k8s.Clock, which is not defined",
        ),
        (
            with(&|d| drop(d["definitions"].as_object_mut().expect("an object").remove("io.k8s.Quantity"))),
            "tiny.json: io.k8s.api.toys.v1.BoxSpec.sizes.{} refers to io.k8s.Quantity, which is not defined",
        ),
        (
            with(&|d| drop(d["definitions"].as_object_mut().expect("an object").remove("io.k8s.api.toys.v1.Box"))),
            "tiny.json: /apis/toys/v1/boxes lists Box of toys/v1, but no definition has that kind",
        ),
        (
            with(&|d| {
                d["definitions"]["io.k8s.api.toys.v1.Crate"] = d["definitions"]["io.k8s.api.toys.v1.Box"].clone()
            }),
            "tiny.json: /apis/toys/v1/boxes lists Box, which both io.k8s.api.toys.v1.Box and io.k8s.api.toys.v1.Crate define",
        ),
        (
            with(&|d| d["paths"]["/apis/toys/v1/boxes"]["get"] = json!({"x-kubernetes-action": "list"})),
            "tiny.json: /apis/toys/v1/boxes: the list operation has no x-kubernetes-group-version-kind",
        ),
        (of_definition(json!({"type": 3})), "tiny.json: io.k8s.JSON: invalid type: integer `3`, expected a string"),
        (of_definition(json!({"type": "null"})), "tiny.json: io.k8s.JSON: the type null is not supported"),
        (
            of_definition(json!({"$ref": "other.json#/X"})),
            "tiny.json: io.k8s.JSON: the reference other.json#/X is not supported",
        ),
        (of_definition(json!({"not": {}})), "tiny.json: io.k8s.JSON: a negated schema is not supported"),
        (
            of_definition(json!({"type": "array", "items": {"allOf": [{}, {}]}})),
            "tiny.json: io.k8s.JSON.[]: allOf with several schemas is not supported",
        ),
        (
            of_definition(json!({"oneOf": [{"type": "boolean"}, {"type": "string"}]})),
            "tiny.json: io.k8s.JSON: a choice of boolean, string is not supported",
        ),
        (of_definition(deep), "tiny.json: io.k8s.JSON: nested too deeply"),
    ];
    for (document, expected) in cases {
        let error = import(&[input("tiny.json", &document)], None).expect_err(expected);
        assert_eq!(error.to_string(), expected);
    }
    let cut = Input { name: "cut.json".to_owned(), text: "{\"swagger\": ".to_owned() };
    let error = import(&[cut], None).expect_err("half a document");
    assert!(matches!(error, SpecError::NotJson { .. }), "{error}");
    assert!(matches!(import(&[], None), Err(SpecError::NoKinds { .. })));
}

#[test]
fn releases_are_from_the_document_or_the_caller() {
    for (version, asked, expected) in [
        ("v1.40.2", None, Ok("v1.40")),
        ("v1.40.2+k3s1", Some("v1.40"), Ok("v1.40")),
        ("unversioned", Some("v1.41"), Ok("v1.41")),
        ("v1.40.2", Some("v1.41"), Err("tiny.json is of release v1.40, not v1.41")),
        ("unversioned", Some("1.41"), Err("\"1.41\" is not a release (v1.NN)")),
    ] {
        let mut document = swagger();
        document["info"]["version"] = json!(version);
        let outcome = import(&[input("tiny.json", &document)], asked);
        let outcome = outcome.map(|imported| imported.release).map_err(|error| error.to_string());
        assert_eq!(outcome, expected.map(str::to_owned).map_err(str::to_owned), "{version} {asked:?}");
    }
    for (text, expected) in [
        ("v1.35.swagger.json", Some("v1.35")),
        ("release-1.31", Some("v1.31")),
        ("1.35+", Some("v1.35")),
        ("v1.", None),
        ("v2.1.35", None),
        ("v11.3", None),
        ("", None),
    ] {
        assert_eq!(find_release(text).as_deref(), expected, "{text}");
    }
}

/// A document of a group that is not built in.
fn foreign() -> Value {
    let text = openapi().to_string();
    let text = text.replace("io.k8s.api.toys.v1.", "com.example.toys.v1.").replace("v1.40.2", "v0.7.1");
    let text = text.replace("/apis/toys/", "/apis/toys.example.com/");
    serde_json::from_str(&text.replace("\"group\":\"toys\"", "\"group\":\"toys.example.com\"")).expect("JSON")
}

#[test]
fn only_built_in_kinds_are_imported() {
    let mut other = foreign();
    // Schemas that only they use are not validated.
    other["components"]["schemas"]["io.k8s.Quantity"] = json!({"not": {}});
    let documents = [input("toys", &openapi()), input("other", &other)];
    let imported = import(&documents, None).expect("sound documents");
    assert_eq!(imported.document, structural(&openapi()));
    let skipped = BTreeMap::from([("toys.example.com/v1".to_owned(), BTreeSet::from(["Box".to_owned()]))]);
    assert_eq!(imported.skipped, skipped);
    let error = import(&documents[1..], None).expect_err("none built in");
    assert_eq!(error.to_string(), "other: no built-in kind that can be listed");
}

#[test]
fn documents_are_merged_in_any_order() {
    let text = openapi().to_string().replace("toys", "games");
    let games = Input { name: "games".to_owned(), text };
    let toys = input("toys", &openapi());
    let merged = import(&[games.clone(), toys.clone()], None).expect("sound documents");
    assert_eq!(merged, import(&[toys.clone(), games], None).expect("sound documents"));
    assert_eq!(Release::parse(&merged.document).expect("a structural document").resources.len(), 2);

    let mut changed = openapi();
    changed["components"]["schemas"]["io.k8s.Time"] = json!({"type": "integer"});
    let changed = Input { text: changed.to_string().replace("toys", "games"), name: "changed".to_owned() };
    let error = import(&[toys, changed], None).expect_err("two clocks");
    assert_eq!(error.to_string(), "io.k8s.Time differs between toys and changed");
}

#[test]
fn malformed_structural_documents_are_errors() {
    let with = |change: &dyn Fn(&mut Value)| {
        let mut document: Value = serde_json::from_str(&structural(&swagger())).expect("JSON");
        change(&mut document);
        document.to_string()
    };
    let path = "/apis/toys/v1/boxes";
    let cases = [
        ("[]".to_owned(), "structural document: neither a Swagger 2.0 nor an OpenAPI 3.0 document"),
        (with(&|d| d["info"]["version"] = json!("v1.40.2")), "\"v1.40.2\" is not a release (v1.NN)"),
        (
            with(&|d| d["paths"][path]["x-kubesql-verbs"] = json!("list")),
            "structural document of v1.40: /apis/toys/v1/boxes: its x-kubesql-verbs is missing or invalid",
        ),
        (
            with(&|d| d["paths"][path]["x-kubernetes-group-version-kind"]["kind"] = json!("Crate")),
            "structural document of v1.40: /apis/toys/v1/boxes lists Crate of toys/v1, but no definition has that kind",
        ),
        (
            with(&|d| drop(d["components"]["schemas"].as_object_mut().expect("an object").remove("io.k8s.Time"))),
            "structural document of v1.40: io.k8s.api.toys.v1.BoxSpec.made refers to io.k8s.Time, which is not defined",
        ),
    ];
    for (document, expected) in cases {
        assert_eq!(Release::parse(&document).expect_err(expected).to_string(), expected);
    }
}

/// All committed releases are valid OpenAPI 3.0 documents without descriptions.
#[test]
fn committed_releases_are_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/kubernetes");
    let mut releases = 0;
    for entry in std::fs::read_dir(&folder).expect("schemas/kubernetes") {
        let file = entry.expect("a file").path();
        let text = std::fs::read_to_string(&file).expect("a readable file");
        let release = Release::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert_eq!(file.file_stem().and_then(|stem| stem.to_str()), Some(release.version.as_str()));
        assert!(release.resources.len() > 60, "{}", file.display());
        serde_json::from_str::<OpenAPI>(&text).expect("OpenAPI 3.0");
        check_structure(&text);
        releases += 1;
    }
    assert!(releases >= 5, "{releases} releases in {}", folder.display());
}

/// Panics if a document has anything but structure.
fn check_structure(document: &str) {
    let document: Value = serde_json::from_str(document).expect("JSON");
    let keys = |value: &Value| value.as_object().map(Map::keys).into_iter().flatten().cloned().collect::<Vec<_>>();
    assert_eq!(
        BTreeSet::from_iter(keys(&document)),
        ["components", "info", "openapi", "paths"].map(String::from).into()
    );
    for item in document["paths"].as_object().expect("paths").values() {
        for key in keys(item) {
            assert!(key.starts_with("x-kube"), "{key}");
        }
    }
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    let mut open: Vec<&Value> = schemas.values().collect();
    while let Some(schema) = open.pop() {
        for (key, value) in schema.as_object().expect("a schema") {
            match key.as_str() {
                "properties" => open.extend(value.as_object().expect("properties").values()),
                "items" | "additionalProperties" => open.extend(value.is_object().then_some(value)),
                "type" | "format" | "$ref" => assert!(value.is_string(), "{schema}"),
                key => assert!(key.starts_with("x-kubernetes-"), "{key} in {schema}"),
            }
        }
    }
}
