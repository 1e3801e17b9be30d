//! Overflow of `+`, `-` and `*`, and division by zero.
//!
//! In DataFusion 55.2.0 the operators of integers and decimals wrap around on overflow:
//! <https://github.com/apache/datafusion/issues/17539>. `BinaryExpr::with_fail_on_overflow` of physical expressions is
//! no alternative, because constants are folded before the physical plan exists.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Datum, Float64Array, Scalar};
use arrow::compute::kernels::numeric;
use arrow::datatypes::{DataType, Field, FieldRef};
use arrow::error::ArrowError;
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::type_coercion::binary::BinaryTypeCoercer;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::scalar::ScalarValue;

use crate::sql::error::{ErrorKind, SqlError};
use crate::sql::types::data_type_name;

/// Replaces operations on integers and decimals by checked ones. Runs after type coercion.
#[derive(Debug)]
pub(crate) struct CheckedArithmetic;

impl AnalyzerRule for CheckedArithmetic {
    fn name(&self) -> &'static str {
        "checked_arithmetic"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(checked_plan).map(|plan| plan.data)
    }
}

fn checked_plan(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let schema = merge_schema(&plan.inputs());
    let names = NamePreserver::new(&plan);
    plan.map_expressions(|expr| {
        let name = names.save(&expr);
        let expr = expr.transform_up(|expr| Ok(checked_expr(expr, &schema)))?;
        Ok(expr.update_data(|expr| name.restore(expr)))
    })
}

fn checked_expr(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let is_exact =
        |expr: &Expr| expr.get_type(schema).is_ok_and(|data_type| data_type.is_integer() || data_type.is_decimal());
    let is_float = |expr: &Expr| expr.get_type(schema).is_ok_and(|data_type| data_type.is_floating());
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right })
            if matches!(op, Operator::Plus | Operator::Minus | Operator::Multiply)
                && is_exact(&left)
                && is_exact(&right) =>
        {
            Transformed::yes(ScalarUDF::new_from_impl(Checked::new(Some(op))).call(vec![*left, *right]))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right })
            if matches!(op, Operator::Divide | Operator::Modulo) && is_float(&left) && is_float(&right) =>
        {
            Transformed::yes(ScalarUDF::new_from_impl(Checked::new(Some(op))).call(vec![*left, *right]))
        }
        Expr::Negative(operand) if is_exact(&operand) => {
            Transformed::yes(ScalarUDF::new_from_impl(Checked::new(None)).call(vec![*operand]))
        }
        other => Transformed::no(other),
    }
}

/// A checked operation; `None` is the negation.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    op: Option<Operator>,
    signature: Signature,
}

impl Checked {
    fn new(op: Option<Operator>) -> Self {
        let arguments = if op.is_some() { 2 } else { 1 };
        Self { op, signature: Signature::any(arguments, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &'static str {
        match self.op {
            Some(Operator::Plus) => "checked_add",
            Some(Operator::Minus) => "checked_subtract",
            Some(Operator::Divide) => "checked_divide",
            Some(Operator::Modulo) => "checked_modulo",
            Some(_) => "checked_multiply",
            None => "checked_negate",
        }
    }

    /// Returns the text of the operation, which names a column without an alias.
    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let mut name = String::new();
        match (self.op, args) {
            (Some(op), [left, right]) => write!(name, "{} {op} {}", left.schema_name(), right.schema_name())?,
            (_, args) => args.iter().try_for_each(|operand| write!(name, "(- {})", operand.schema_name()))?,
        }
        Ok(name)
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match (self.op, arguments) {
            (Some(op), [left, right]) => BinaryTypeCoercer::new(left, &op, right).get_result_type(),
            (_, [operand, ..]) => Ok(operand.clone()),
            (_, []) => Ok(DataType::Null),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let types: Vec<DataType> = args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        let nullable = args.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Arc::new(Field::new(self.name(), self.return_type(&types)?, nullable)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let result = match (self.op, args.args.as_slice()) {
            (Some(op), [left, right]) => {
                let apply = match op {
                    Operator::Plus => numeric::add,
                    Operator::Minus => numeric::sub,
                    Operator::Divide | Operator::Modulo => divide_floats(op),
                    _ => numeric::mul,
                };
                apply(&*to_datum(left)?, &*to_datum(right)?)
            }
            (_, args) => numeric::neg(&args[0].to_array(if constant { 1 } else { row_count(args) })?),
        };
        let result = result.map_err(|error| out_of_range(error, args.return_field.data_type()))?;
        if constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?));
        }
        Ok(ColumnarValue::Array(result))
    }
}

/// Divides floating-point numbers. Arrow returns infinity for a division by zero, and PostgreSQL an error.
fn divide_floats(op: Operator) -> fn(&dyn Datum, &dyn Datum) -> Result<ArrayRef, ArrowError> {
    fn check(left: &dyn Datum, right: &dyn Datum) -> Result<(), ArrowError> {
        let zero = Scalar::new(new_zero(right.get().0.data_type())?);
        let is_zero = arrow::compute::kernels::cmp::eq(right, &zero)?;
        // A NULL divided by zero is NULL.
        let (dividends, is_scalar) = left.get();
        let fails = if is_scalar {
            dividends.is_valid(0) && is_zero.true_count() > 0
        } else {
            (0..dividends.len()).any(|row| {
                let at = if is_zero.len() == 1 { 0 } else { row };
                dividends.is_valid(row) && is_zero.is_valid(at) && is_zero.value(at)
            })
        };
        if fails { Err(ArrowError::DivideByZero) } else { Ok(()) }
    }
    fn new_zero(data_type: &DataType) -> Result<ArrayRef, ArrowError> {
        arrow::compute::cast(&Float64Array::from(vec![0.0]), data_type)
    }
    if op == Operator::Divide {
        |left, right| check(left, right).and_then(|()| numeric::div(left, right))
    } else {
        |left, right| check(left, right).and_then(|()| numeric::rem(left, right))
    }
}

fn row_count(args: &[ColumnarValue]) -> usize {
    args.iter()
        .find_map(|arg| if let ColumnarValue::Array(array) = arg { Some(array.len()) } else { None })
        .unwrap_or(1)
}

fn to_datum(value: &ColumnarValue) -> Result<Box<dyn Datum>> {
    Ok(match value {
        ColumnarValue::Array(array) => Box::new(Arc::clone(array)),
        ColumnarValue::Scalar(scalar) => Box::new(Scalar::new(scalar.to_array()?)),
    })
}

fn out_of_range(error: ArrowError, data_type: &DataType) -> DataFusionError {
    match error {
        ArrowError::ArithmeticOverflow(_) => {
            let message = format!("{} out of range", data_type_name(data_type));
            SqlError::new(ErrorKind::Invalid, message).code("22003").into()
        }
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::upstream::plain_datafusion;

    #[tokio::test]
    async fn upstream_wraps_around() {
        let sum = plain_datafusion("select 9223372036854775807 + 1").await;
        assert_eq!(sum, "-9223372036854775808", "fixed upstream: remove this file");
    }
}
