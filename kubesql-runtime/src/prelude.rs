//! What generated code uses.

pub(crate) use crate::flatten::{
    BoolColumn, ColumnBuilder, ColumnGroup, FloatColumn, GroupBuilder, Int32Column, Int64Column, IntOrStringColumn,
    JsonColumn, JsonMapColumn, ListColumn, Malformed, MapColumn, ObjectColumn, Parser, QuantityColumn,
    QuantityMapColumn, ScalarsColumn, TextColumn, TimeColumn, read_either,
};
pub(crate) use crate::schema::Scalar::{Bool, Float, Int32, Int64, IntOrString, Json, Quantity, Text, Time};
pub(crate) use crate::schema::Shape::{List, Map, Object, Scalar, Scalars};
pub(crate) use crate::schema::{MapValue, TypeDef, field, printed};
