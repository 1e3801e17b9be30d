//! Casts of fractions to integers, and `round` of floating-point numbers.
//!
//! DataFusion 55.2.0 truncates in casts: <https://github.com/apache/datafusion/issues/11886>. PostgreSQL rounds: decimal
//! numbers half away from zero, and floating-point numbers half to even. The type of `round(x, 2)` changes in DataFusion
//! when constants are folded.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::functions::math::round;
use datafusion::logical_expr::expr::{Cast, TryCast};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{Expr, ExprSchemable};
use datafusion::scalar::ScalarValue;

use crate::sql::functions::numeric::{rint, round_decimal};

/// Rounds the operands of casts to integers.
#[derive(Debug)]
pub(crate) struct RoundingCasts;

impl FunctionRewrite for RoundingCasts {
    fn name(&self) -> &'static str {
        "rounding_casts"
    }

    fn rewrite(&self, mut expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        if let Expr::ScalarFunction(call) = &mut expr
            && call.name() == "round"
            && let [operand] = &mut call.args[..]
            && operand.get_type(schema).is_ok_and(|data_type| data_type.is_floating())
        {
            return Ok(Transformed::yes(rint().call(vec![std::mem::take(operand)])));
        }
        if let Expr::ScalarFunction(call) = &mut expr
            && call.name() == "round"
            && let [operand, Expr::Literal(ScalarValue::Int64(Some(digits)), _)] = &mut call.args[..]
            && operand.get_type(schema).is_ok_and(|data_type| matches!(data_type, DataType::Decimal128(..)))
        {
            let (operand, digits) = (std::mem::take(operand), (*digits).clamp(-38, 38));
            return Ok(Transformed::yes(round_decimal(i8::try_from(digits).unwrap_or_default()).call(vec![operand])));
        }
        let (Expr::Cast(Cast { expr: operand, field }) | Expr::TryCast(TryCast { expr: operand, field })) = &mut expr
        else {
            return Ok(Transformed::no(expr));
        };
        let is_fraction = |data_type: &DataType| data_type.is_floating() || data_type.is_decimal();
        if !field.data_type().is_integer() || !operand.get_type(schema).is_ok_and(|data_type| is_fraction(&data_type)) {
            return Ok(Transformed::no(expr));
        }
        let is_floating = operand.get_type(schema).is_ok_and(|data_type| data_type.is_floating());
        let inner = std::mem::take(&mut **operand);
        **operand = if is_floating { rint() } else { Arc::unwrap_or_clone(round()) }.call(vec![inner]);
        Ok(Transformed::yes(expr))
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::upstream::plain_datafusion;

    #[tokio::test]
    async fn upstream_truncates() {
        assert_eq!(plain_datafusion("select cast(2.5 as int)").await, "2", "fixed upstream: remove this file");
    }
}
