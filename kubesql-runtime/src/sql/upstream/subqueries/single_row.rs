//! The value of a scalar subquery, or the error of one with several rows.

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

use crate::sql::error::invalid;

/// The function `single_row(count, value)`. It is not registered.
pub(super) fn function() -> ScalarUDF {
    // It is volatile so that no rule moves it to rows for which PostgreSQL would not run the subquery.
    let signature = Signature::new(TypeSignature::Any(2), Volatility::Volatile);
    ScalarUDF::new_from_impl(SingleRow { signature })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct SingleRow {
    signature: Signature,
}

impl ScalarUDFImpl for SingleRow {
    fn name(&self) -> &'static str {
        "single_row"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(arguments[1].clone())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        if arrays[0].as_primitive::<Int64Type>().iter().flatten().any(|count| count > 1) {
            return invalid("21000", "more than one row returned by a subquery used as an expression");
        }
        Ok(ColumnarValue::Array(std::sync::Arc::clone(&arrays[1])))
    }
}
