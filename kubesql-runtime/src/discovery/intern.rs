//! Interns static definitions. Equal texts and types are stored once and never freed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::LazyLock;

use kubesql_codegen::model::{self, Model};
use kubesql_codegen::names::slashed;
use kubesql_codegen::spec::OBJECT_META;
use parking_lot::Mutex;

use crate::schema::{FieldDef, KindDef, MapValue, PrintedDef, Scalar, Shape, TableDef, TypeDef, printed};

/// Everything interned so far.
static INTERNER: LazyLock<Mutex<Interner>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Interner {
    texts: HashSet<&'static str>,
    /// By their fields.
    types: HashMap<Vec<FieldKey>, &'static TypeDef>,
}

/// A field: its name, its shape, and the number of the field with its values of other shapes.
type FieldKey = (&'static str, ShapeKey, Option<u16>);

/// A shape, with nested types by their address.
#[derive(PartialEq, Eq, Hash)]
enum ShapeKey {
    Scalar(Scalar),
    Scalars(Scalar),
    Map(MapValue),
    Object(usize),
    List(usize),
}

impl Interner {
    fn text(&mut self, text: &str) -> &'static str {
        if let Some(known) = self.texts.get(text) {
            return known;
        }
        let stored: &'static str = Box::leak(text.into());
        self.texts.insert(stored);
        stored
    }

    fn texts(&mut self, texts: &[String]) -> &'static [&'static str] {
        let texts: Vec<&'static str> = texts.iter().map(|text| self.text(text)).collect();
        Box::leak(texts.into())
    }

    fn type_of(
        &mut self,
        model: &Model,
        name: &str,
        done: &mut BTreeMap<String, &'static TypeDef>,
    ) -> &'static TypeDef {
        if let Some(def) = done.get(name) {
            return def;
        }
        let mut fields = Vec::new();
        let known = model.types.get(name);
        for (json, shape) in known.into_iter().flatten() {
            let other = known.and_then(|fields| {
                fields.values().position(|other| matches!(other, model::Shape::Other(of) if of == json))
            });
            let shape = match shape {
                model::Shape::Scalar(of) => Shape::Scalar(scalar(*of)),
                model::Shape::Scalars(of) => Shape::Scalars(scalar(*of)),
                model::Shape::Map(of) => Shape::Map(map_value(*of)),
                model::Shape::Object(of) => Shape::Object(self.type_of(model, of, done)),
                model::Shape::List(of) => Shape::List(self.type_of(model, of, done)),
                model::Shape::Other(_) => Shape::Scalar(Scalar::Json),
            };
            let other = other.and_then(|number| u16::try_from(number).ok());
            fields.push(FieldDef { json: self.text(json), shape, other });
        }
        let key = fields.iter().map(|field| (field.json, shape_key(field.shape), field.other)).collect();
        let def = match self.types.get(&key) {
            Some(known) => *known,
            None => {
                let name = self.text(name);
                let def: &'static TypeDef = Box::leak(Box::new(TypeDef { name, fields: Box::leak(fields.into()) }));
                self.types.insert(key, def);
                def
            }
        };
        done.insert(name.to_owned(), def);
        def
    }
}

fn shape_key(shape: Shape) -> ShapeKey {
    let at = |def: &'static TypeDef| std::ptr::from_ref(def).addr();
    match shape {
        Shape::Scalar(of) => ShapeKey::Scalar(of),
        Shape::Scalars(of) => ShapeKey::Scalars(of),
        Shape::Map(of) => ShapeKey::Map(of),
        Shape::Object(of) => ShapeKey::Object(at(of)),
        Shape::List(of) => ShapeKey::List(at(of)),
    }
}

/// The definition of a kind; `meta` is the compiled type of object metadata.
pub(super) fn kind(model: &Model, kind: &model::Kind, meta: &'static TypeDef) -> KindDef {
    let interner = &mut *INTERNER.lock();
    let mut done = BTreeMap::from([(OBJECT_META.to_owned(), meta)]);
    let tables: Vec<TableDef> = kind.tables.iter().map(|table| self::table(interner, table)).collect();
    let custom: Vec<PrintedDef> = kind
        .custom
        .iter()
        .flatten()
        .map(|of| printed(interner.text(&of.name), interner.text(&of.path), scalar(of.scalar)))
        .collect();
    KindDef {
        group: interner.text(&kind.group),
        version: interner.text(kind.versions.first().map_or("", String::as_str)),
        versions: interner.texts(&kind.versions),
        kind: interner.text(&kind.kind),
        plural: interner.text(&kind.plural),
        singular: interner.text(&kind.singular),
        namespaced: kind.namespaced,
        root: interner.type_of(model, &kind.root, &mut done),
        custom: Some(Box::leak(custom.into())),
        tables: Box::leak(tables.into()),
    }
}

fn table(interner: &mut Interner, table: &model::Table) -> TableDef {
    let names: Vec<(&'static str, &'static str)> =
        table.exceptions.iter().map(|(path, name)| (interner.text(path), interner.text(name))).collect();
    TableDef {
        name: interner.text(&table.name),
        path: interner.text(&slashed(&table.path)),
        statuses: table.statuses.as_ref().map(|path| interner.text(&slashed(path))),
        item: interner.text(&table.item),
        key: table.key.as_ref().map(|key| interner.text(key)),
        listed: table.listed,
        names: Box::leak(names.into()),
    }
}

/// Whether two definitions are equal, apart from addresses.
pub(super) fn equal(one: &KindDef, other: &KindDef) -> bool {
    let table = |def: &'static TableDef| (def.name, def.path, def.statuses, def.item, def.key, def.listed, def.names);
    (one.group, one.plural, one.kind, one.namespaced) == (other.group, other.plural, other.kind, other.namespaced)
        && one.versions == other.versions
        && std::ptr::eq(one.root, other.root)
        && one.custom == other.custom
        && one.tables.iter().map(table).eq(other.tables.iter().map(table))
}

fn scalar(of: model::Scalar) -> Scalar {
    match of {
        model::Scalar::Text => Scalar::Text,
        model::Scalar::Bool => Scalar::Bool,
        model::Scalar::Int32 => Scalar::Int32,
        model::Scalar::Int64 => Scalar::Int64,
        model::Scalar::Float => Scalar::Float,
        model::Scalar::Time => Scalar::Time,
        model::Scalar::IntOrString => Scalar::IntOrString,
        model::Scalar::Quantity => Scalar::Quantity,
        model::Scalar::Json => Scalar::Json,
    }
}

fn map_value(of: model::MapValue) -> MapValue {
    match of {
        model::MapValue::Text => MapValue::Text,
        model::MapValue::Quantity => MapValue::Quantity,
        model::MapValue::Json => MapValue::Json,
    }
}
