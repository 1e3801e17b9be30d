//! `map_key(map, key)`: the value of a key of a map.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, StringViewArray, UInt32Array};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::internal_err;
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility, lit,
};
use datafusion::physical_expr::expressions::{Column as PhysicalColumn, Literal};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::scalar::ScalarValue;

use crate::schema::MapValue;
use crate::sql::types::{self, key_values, map_value};
use crate::value::quantity::parse;

/// Returns a call of [`MapKey`].
pub(crate) fn map_key(map: Expr, key: &str) -> Expr {
    static FUNCTION: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(ScalarUDF::new_from_impl(MapKey::new())));
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(&FUNCTION), vec![map, lit(key)]))
}

/// Returns the map and the key of a call of [`MapKey`].
pub(crate) fn map_and_key(expr: &Expr) -> Option<(&Expr, &str)> {
    let Expr::ScalarFunction(call) = expr else { return None };
    match call.args.as_slice() {
        [map, Expr::Literal(key, _)] if call.func.inner().is::<MapKey>() => Some((map, key.try_as_str()??)),
        _ => None,
    }
}

/// Returns the position of the map and the key of a physical call of [`MapKey`] over a column.
pub(crate) fn physical_column_and_key(expr: &Arc<dyn PhysicalExpr>) -> Option<(usize, &str)> {
    let call = expr.downcast_ref::<ScalarFunctionExpr>().filter(|call| call.fun().inner().is::<MapKey>())?;
    let [map, key] = call.args() else { return None };
    let map = map.downcast_ref::<PhysicalColumn>()?;
    let key = key.downcast_ref::<Literal>()?.value().try_as_str()??;
    Some((map.index(), key))
}

/// `map_key(map, key)`: the value of a key, with the type of the column for that key.
///
/// The first argument is a map from text to text; the metadata of its field gives the type of the values. The second is
/// a text constant.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct MapKey {
    signature: Signature,
}

impl MapKey {
    fn new() -> Self {
        Self { signature: Signature::new(TypeSignature::Any(2), Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for MapKey {
    fn name(&self) -> &'static str {
        "map_key"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Returns the name of the column for the key.
    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        Ok(match args {
            [map, Expr::Literal(key, _)] => {
                let map = match map {
                    Expr::Column(column) | Expr::OuterReferenceColumn(_, column) => column.flat_name(),
                    other => other.schema_name().to_string(),
                };
                format!("{map}.{}", key.try_as_str().flatten().unwrap_or_default())
            }
            _ => self.name().to_owned(),
        })
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        internal_err!("the type of map_key depends on its key")
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let key = args.scalar_arguments.get(1).copied().flatten().and_then(ScalarValue::try_as_str).flatten();
        let map = args.arg_fields.first().and_then(|field| map_value(field)).unwrap_or(MapValue::Text);
        Ok(Arc::new(types::field(self.name(), key_values(map, key.unwrap_or_default()))))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [map, ColumnarValue::Scalar(key)] = args.args.as_slice() else {
            return internal_err!("the key of map_key must be a constant");
        };
        let key = key.try_as_str().flatten().unwrap_or_default();
        let values = values_under(&map.to_array(args.number_rows)?, key)?;
        Ok(ColumnarValue::Array(match args.return_type() {
            DataType::Float64 => {
                let cores = values.iter().map(|text| Some(parse(text?)?.cores()));
                Arc::new(cores.collect::<Float64Array>())
            }
            DataType::Int64 => {
                let units = values.iter().map(|text| Some(parse(text?)?.base_units()));
                Arc::new(units.collect::<Int64Array>())
            }
            _ => Arc::new(values),
        }))
    }
}

/// Returns the value of a key for each map.
fn values_under(maps: &ArrayRef, key: &str) -> Result<StringViewArray> {
    // The optimizer evaluates conditions on a column of NULLs to determine whether they reject NULL.
    if maps.data_type().is_null() {
        return Ok(StringViewArray::new_null(maps.len()));
    }
    let Some(maps) = maps.as_map_opt() else { return internal_err!("map_key of {}", maps.data_type()) };
    let keys = cast(maps.keys(), &DataType::Utf8View)?;
    let keys = keys.as_string_view();
    let found = (0..maps.len()).map(|row| {
        let (from, to) = (maps.value_offsets()[row], maps.value_offsets()[row + 1]);
        let mut entries = usize::try_from(from).ok()?..usize::try_from(to).ok()?;
        if maps.is_null(row) { None } else { entries.find(|&at| keys.value(at) == key)?.try_into().ok() }
    });
    let values = take(maps.values(), &found.collect::<UInt32Array>(), None)?;
    Ok(cast(&values, &DataType::Utf8View)?.as_string_view().clone())
}
