//! The arguments of JSON functions as values of Rust.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanBuilder, Int32Builder, Int64Array, StringViewArray, StringViewBuilder,
};
use arrow::compute::{CastOptions, cast, cast_with_options};
use arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use super::value::Json;
use super::{JsonFunction, writer};
use crate::sql::types::JsonType;

/// The arguments of a call.
pub(super) struct Arguments {
    pub(super) name: &'static str,
    pub(super) rows: usize,
    /// The type of JSON that the function returns.
    pub(super) json_type: JsonType,
    columns: Vec<Column>,
}

/// An argument. A constant has one value for all rows.
struct Column {
    array: ArrayRef,
    field: FieldRef,
    is_constant: bool,
}

impl Arguments {
    pub(super) fn new(function: &JsonFunction, args: &ScalarFunctionArgs, rows: usize) -> Result<Self> {
        let column = |(value, field): (&ColumnarValue, &FieldRef)| {
            let (array, is_constant) = match value {
                ColumnarValue::Array(array) => (Arc::clone(array), false),
                ColumnarValue::Scalar(scalar) => (scalar.to_array()?, true),
            };
            Ok(Column { array, field: Arc::clone(field), is_constant })
        };
        let columns = args.args.iter().zip(&args.arg_fields).map(column).collect::<Result<_>>()?;
        Ok(Self { name: function.name, rows, json_type: function.json_type(), columns })
    }

    pub(super) fn len(&self) -> usize {
        self.columns.len()
    }

    pub(super) fn data_type(&self, at: usize) -> &DataType {
        self.columns[at].array.data_type()
    }

    /// The argument with one value for each row, and its field.
    pub(super) fn column(&self, at: usize) -> Result<(ArrayRef, &FieldRef)> {
        let Column { array, field, is_constant } = &self.columns[at];
        let array = if *is_constant {
            arrow::compute::take(array, &arrow::array::UInt32Array::from(vec![0; self.rows]), None)?
        } else {
            Arc::clone(array)
        };
        Ok((array, field))
    }

    /// An argument of text.
    pub(super) fn texts(&self, at: usize) -> Result<Texts> {
        let Column { array, is_constant, .. } = &self.columns[at];
        Ok(Texts { array: cast(array, &DataType::Utf8View)?.as_string_view().clone(), is_constant: *is_constant })
    }

    /// An argument of JSON as text: JSON text as it is, and other values converted.
    pub(super) fn json_texts(&self, at: usize) -> Result<Texts> {
        let Column { array, field, is_constant } = &self.columns[at];
        let array = match array.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
                cast(array, &DataType::Utf8View)?.as_string_view().clone()
            }
            _ => writer::column_to_json(array, field)?,
        };
        Ok(Texts { array, is_constant: *is_constant })
    }

    /// An argument of JSON as values.
    pub(super) fn values(&self, at: usize) -> Result<Values> {
        let texts = self.json_texts(at)?;
        let constant = texts.is_constant.then(|| texts.get(0).map(Json::parse).transpose()).transpose()?;
        Ok(Values { texts, constant })
    }

    /// An argument of whole numbers.
    pub(super) fn integers(&self, at: usize) -> Result<Integers> {
        let Column { array, is_constant, .. } = &self.columns[at];
        let options = CastOptions { safe: false, ..CastOptions::default() };
        let array = cast_with_options(array, &DataType::Int64, &options)?;
        Ok(Integers { array: array.as_primitive::<Int64Type>().clone(), is_constant: *is_constant })
    }

    /// An argument of booleans; `default` if it is not given.
    pub(super) fn booleans(&self, at: usize, default: bool) -> Result<Vec<Option<bool>>> {
        if at >= self.len() {
            return Ok(vec![Some(default); self.rows]);
        }
        let (array, _) = self.column(at)?;
        let array = cast(&array, &DataType::Boolean)?;
        Ok(array.as_boolean().iter().collect())
    }

    /// An argument of text arrays: an array, or an array literal as text.
    pub(super) fn text_lists(&self, at: usize) -> Result<TextLists> {
        let Column { array, is_constant, .. } = &self.columns[at];
        let lists = match array.data_type() {
            DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => {
                let item = Arc::new(arrow::datatypes::Field::new_list_field(DataType::Utf8View, true));
                let array = cast(array, &DataType::List(item))?;
                let lists = array.as_list::<i32>().iter();
                let items = |list: ArrayRef| list.as_string_view().iter().map(|item| item.map(str::to_owned)).collect();
                lists.map(|list| list.map(items)).collect()
            }
            DataType::Null => vec![None; array.len()],
            _ => {
                let array = cast(array, &DataType::Utf8View)?;
                let parse = |text: &str| {
                    crate::sql::parse::arrays::items(text).ok_or_else(|| {
                        crate::sql::error::SqlError::new(
                            crate::sql::error::ErrorKind::Invalid,
                            format!("malformed array literal: \"{text}\""),
                        )
                        .code("22P02")
                    })
                };
                let lists = array.as_string_view().iter().map(|text| text.map(parse).transpose());
                lists.collect::<Result<_, _>>()?
            }
        };
        Ok(TextLists { lists, is_constant: *is_constant })
    }

    /// Computes a text for each row.
    pub(super) fn to_texts<T: AsRef<str>>(&self, each: impl Fn(usize) -> Result<Option<T>>) -> Result<ArrayRef> {
        let mut texts = StringViewBuilder::with_capacity(self.rows);
        for row in 0..self.rows {
            texts.append_option(each(row)?);
        }
        Ok(Arc::new(texts.finish()))
    }

    pub(super) fn to_booleans(&self, each: impl Fn(usize) -> Result<Option<bool>>) -> Result<ArrayRef> {
        let mut values = BooleanBuilder::with_capacity(self.rows);
        for row in 0..self.rows {
            values.append_option(each(row)?);
        }
        Ok(Arc::new(values.finish()))
    }

    pub(super) fn to_ints(&self, each: impl Fn(usize) -> Result<Option<i32>>) -> Result<ArrayRef> {
        let mut values = Int32Builder::with_capacity(self.rows);
        for row in 0..self.rows {
            values.append_option(each(row)?);
        }
        Ok(Arc::new(values.finish()))
    }
}

/// Texts; one for all rows if constant.
pub(super) struct Texts {
    array: StringViewArray,
    is_constant: bool,
}

impl Texts {
    pub(super) fn get(&self, row: usize) -> Option<&str> {
        let row = if self.is_constant { 0 } else { row };
        self.array.is_valid(row).then(|| self.array.value(row))
    }
}

/// JSON values. A constant is parsed once.
pub(super) struct Values {
    texts: Texts,
    constant: Option<Option<Json>>,
}

impl Values {
    pub(super) fn get(&self, row: usize) -> Result<Option<Cow<'_, Json>>> {
        match &self.constant {
            Some(value) => Ok(value.as_ref().map(Cow::Borrowed)),
            None => Ok(self.texts.get(row).map(Json::parse).transpose()?.map(Cow::Owned)),
        }
    }
}

pub(super) struct Integers {
    array: Int64Array,
    is_constant: bool,
}

impl Integers {
    pub(super) fn get(&self, row: usize) -> Option<i64> {
        let row = if self.is_constant { 0 } else { row };
        self.array.is_valid(row).then(|| self.array.value(row))
    }
}

pub(super) struct TextLists {
    lists: Vec<Option<Vec<Option<String>>>>,
    is_constant: bool,
}

impl TextLists {
    pub(super) fn get(&self, row: usize) -> Option<&[Option<String>]> {
        self.lists[if self.is_constant { 0 } else { row }].as_deref()
    }
}
