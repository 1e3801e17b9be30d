//! A type with a field of every shape, as a definition and as the code that would be generated for it.
#![allow(unreachable_pub, missing_docs, reason = "also used by the fuzz targets")]

use crate::flatten::column::*;
use crate::flatten::group::ColumnGroup;
use crate::flatten::parse::{Malformed, Parser};
use crate::flatten::read_either;
use crate::schema::{FieldDef, MapValue, Scalar, Shape, TypeDef};

const fn field(json: &'static str, shape: Shape) -> FieldDef {
    FieldDef { json, shape, other: None }
}

const ITEM: TypeDef = TypeDef {
    name: "Item",
    fields: &[
        field("labels", Shape::Map(MapValue::Text)),
        field("name", Shape::Scalar(Scalar::Text)),
        field("numbers", Shape::Scalars(Scalar::Int64)),
        field("ports", Shape::List(&PORT)),
    ],
};

const PORT: TypeDef = TypeDef {
    name: "Port",
    fields: &[field("port", Shape::Scalar(Scalar::IntOrString)), field("size", Shape::Scalar(Scalar::Int32))],
};

pub static SAMPLE: TypeDef = TypeDef {
    name: "Sample",
    fields: &[
        field("bool", Shape::Scalar(Scalar::Bool)),
        field("bools", Shape::Scalars(Scalar::Bool)),
        field("float", Shape::Scalar(Scalar::Float)),
        field("floats", Shape::Scalars(Scalar::Float)),
        field("int32", Shape::Scalar(Scalar::Int32)),
        field("int64", Shape::Scalar(Scalar::Int64)),
        field("intOrString", Shape::Scalar(Scalar::IntOrString)),
        field("item", Shape::Object(&ITEM)),
        field("items", Shape::List(&ITEM)),
        field("json", Shape::Scalar(Scalar::Json)),
        field("jsonMap", Shape::Map(MapValue::Json)),
        field("jsons", Shape::Scalars(Scalar::Json)),
        field("map", Shape::Map(MapValue::Text)),
        field("quantities", Shape::Map(MapValue::Quantity)),
        field("quantity", Shape::Scalar(Scalar::Quantity)),
        field("text", Shape::Scalar(Scalar::Text)),
        field("texts", Shape::Scalars(Scalar::Text)),
        field("time", Shape::Scalar(Scalar::Time)),
        field("times", Shape::Scalars(Scalar::Time)),
    ],
};

/// Writes the same code as the generator.
macro_rules! generated {
    ($name:ident { $($json:literal $field:ident: $column:ty,)* }) => {
        #[derive(Default)]
        pub struct $name { $($field: $column,)* }

        impl GroupBuilder for $name {
            fn flatten(&mut self, p: &mut Parser<'_>, row: usize) -> Result<(), Malformed> {
                let Some(mut fields) = p.object()? else { return Ok(()) };
                while let Some(key) = p.key(&mut fields)? {
                    match key {
                        $($json => self.$field.read(p, row)?,)*
                        _ => p.skip()?,
                    }
                }
                Ok(())
            }

            fn finish(&mut self, rows: usize) -> ColumnGroup {
                ColumnGroup { rows, columns: vec![$(self.$field.finish(rows),)*] }
            }
        }
    };
}

/// Fields of which other versions have other shapes.
pub static EITHER: TypeDef = TypeDef {
    name: "Either",
    fields: &[
        field("list", Shape::List(&PORT)).other(1),
        field("list_json", Shape::Scalar(Scalar::Json)),
        field("map", Shape::Map(MapValue::Text)).other(3),
        field("map_json", Shape::Scalar(Scalar::Json)),
        field("object", Shape::Object(&PORT)).other(5),
        field("object_json", Shape::Scalar(Scalar::Json)),
        field("text", Shape::Scalar(Scalar::Text)).other(7),
        field("text_json", Shape::Scalar(Scalar::Json)),
        field("texts", Shape::Scalars(Scalar::Text)).other(9),
        field("texts_json", Shape::Scalar(Scalar::Json)),
    ],
};

/// What the generator writes for [`EITHER`].
#[derive(Default)]
pub struct Either {
    list: ListColumn<Port>,
    list_json: JsonColumn,
    map: MapColumn,
    map_json: JsonColumn,
    object: ObjectColumn<Port>,
    object_json: JsonColumn,
    text: TextColumn,
    text_json: JsonColumn,
    texts: ScalarsColumn<TextColumn>,
    texts_json: JsonColumn,
}

impl GroupBuilder for Either {
    fn flatten(&mut self, p: &mut Parser<'_>, row: usize) -> Result<(), Malformed> {
        let shape = |number: usize| EITHER.fields[number].shape;
        let Some(mut fields) = p.object()? else { return Ok(()) };
        while let Some(key) = p.key(&mut fields)? {
            match key {
                "list" => read_either(&mut self.list, &mut self.list_json, shape(0), p, row)?,
                "map" => read_either(&mut self.map, &mut self.map_json, shape(2), p, row)?,
                "object" => read_either(&mut self.object, &mut self.object_json, shape(4), p, row)?,
                "text" => read_either(&mut self.text, &mut self.text_json, shape(6), p, row)?,
                "texts" => read_either(&mut self.texts, &mut self.texts_json, shape(8), p, row)?,
                _ => p.skip()?,
            }
        }
        Ok(())
    }

    fn finish(&mut self, rows: usize) -> ColumnGroup {
        let columns = vec![
            self.list.finish(rows),
            self.list_json.finish(rows),
            self.map.finish(rows),
            self.map_json.finish(rows),
            self.object.finish(rows),
            self.object_json.finish(rows),
            self.text.finish(rows),
            self.text_json.finish(rows),
            self.texts.finish(rows),
            self.texts_json.finish(rows),
        ];
        ColumnGroup { rows, columns }
    }
}

generated!(Port { "port" port: IntOrStringColumn, "size" size: Int32Column, });
generated!(Item {
    "labels" labels: MapColumn,
    "name" name: TextColumn,
    "numbers" numbers: ScalarsColumn<Int64Column>,
    "ports" ports: ListColumn<Port>,
});
generated!(Sample {
    "bool" bool: BoolColumn,
    "bools" bools: ScalarsColumn<BoolColumn>,
    "float" float: FloatColumn,
    "floats" floats: ScalarsColumn<FloatColumn>,
    "int32" int32: Int32Column,
    "int64" int64: Int64Column,
    "intOrString" int_or_string: IntOrStringColumn,
    "item" item: ObjectColumn<Item>,
    "items" items: ListColumn<Item>,
    "json" json: JsonColumn,
    "jsonMap" json_map: JsonMapColumn,
    "jsons" jsons: ScalarsColumn<JsonColumn>,
    "map" map: MapColumn,
    "quantities" quantities: QuantityMapColumn,
    "quantity" quantity: QuantityColumn,
    "text" text: TextColumn,
    "texts" texts: ScalarsColumn<TextColumn>,
    "time" time: TimeColumn,
    "times" times: ScalarsColumn<TimeColumn>,
});

/// A recursive type.
pub static RECURSIVE: TypeDef = TypeDef {
    name: "Recursive",
    fields: &[field("more", Shape::Object(&RECURSIVE)), field("x", Shape::Scalar(Scalar::Int64))],
};
