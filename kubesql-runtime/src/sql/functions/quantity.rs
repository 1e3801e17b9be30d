//! `quantity(text)`: the number of a Kubernetes quantity.

use std::sync::Arc;

use arrow::array::{AsArray, Float64Array};
use arrow::datatypes::DataType;
use datafusion::logical_expr::{ScalarUDF, Signature, Volatility};

use super::{Doc, Function};

pub(super) fn function() -> ScalarUDF {
    Function {
        name: "quantity",
        signature: Signature::exact(vec![DataType::Utf8View], Volatility::Immutable),
        returns: |_| Ok(DataType::Float64),
        run: |arguments| {
            let texts = arguments[0].as_string_view();
            let numbers = texts.iter().map(|text| crate::value::quantity::parse(text?).map(|found| found.to_f64()));
            Ok(Arc::new(numbers.collect::<Float64Array>()))
        },
        documentation: Doc {
            section: "Kubernetes Functions",
            description: "Returns the number of a Kubernetes quantity: `100m` is 0.1, `1Gi` is 1073741824. NULL if the text is not a quantity.",
            syntax: "quantity(text)",
            example: "select name, quantity(requests['memory']) / quantity('1Gi') from containers",
            arguments: &[("text", "a quantity as Kubernetes writes it")],
        }
        .build(),
    }
    .udf()
}
