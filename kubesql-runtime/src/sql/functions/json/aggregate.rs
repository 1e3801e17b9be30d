//! `jsonb_agg`, `json_agg`, `jsonb_object_agg`, `json_object_agg`.
//!
//! The planner replaces them by `array_agg` and a function that joins the items, so that `DISTINCT`, `ORDER BY` and
//! `FILTER` work as for `array_agg`.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field};
use datafusion::common::internal_err;
use datafusion::error::Result;
use datafusion::functions_aggregate::array_agg::array_agg_udaf;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawAggregateExpr};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Expr, ScalarUDF, Signature, Volatility};

use super::arguments::Arguments;
use super::value::write_string;
use super::writer::Writer;
use super::{JsonFunction, Returns, lookup};
use crate::sql::error::{ErrorKind, SqlError, invalid};
use crate::sql::types::JsonType;

const NAMES: [&str; 4] = ["json_agg", "jsonb_agg", "json_object_agg", "jsonb_object_agg"];

/// The aggregates, so that they are known. The planner replaces their calls.
pub(super) fn functions() -> Vec<AggregateUDF> {
    let aggregate = |name: &'static str| {
        let arguments = if name.contains("object") { 2 } else { 1 };
        AggregateUDF::new_from_impl(Replaced { name, signature: Signature::any(arguments, Volatility::Immutable) })
    };
    NAMES.into_iter().map(aggregate).collect()
}

/// Replaces calls of the aggregates.
#[derive(Debug)]
pub(super) struct JsonAggregates;

impl ExprPlanner for JsonAggregates {
    fn plan_aggregate(&self, expr: RawAggregateExpr) -> Result<PlannerResult<RawAggregateExpr>> {
        let Some(name) = NAMES.into_iter().find(|name| *name == expr.func.name()) else {
            return Ok(PlannerResult::Original(expr));
        };
        let is_object = name.contains("object");
        if expr.args.len() != if is_object { 2 } else { 1 } {
            return Ok(PlannerResult::Original(expr));
        }
        let RawAggregateExpr { args, distinct, filter, order_by, null_treatment, .. } = expr;
        let names: Vec<String> = args.iter().map(|arg| arg.schema_name().to_string()).collect();
        let item = match (is_object, name.starts_with("jsonb")) {
            (true, is_binary) => super::call(if is_binary { "jsonb_entry" } else { "json_entry" }, args)?,
            (false, true) => super::call("to_jsonb", args)?,
            (false, false) => super::call("to_json", args)?,
        };
        let items =
            AggregateFunction::new_udf(array_agg_udaf(), vec![item], distinct, filter, order_by, null_treatment);
        let joined = join(name).call(vec![Expr::AggregateFunction(items)]);
        Ok(PlannerResult::Planned(joined.alias(format!("{name}({})", names.join(",")))))
    }
}

/// The function that joins the items of an aggregate.
fn join(name: &str) -> Arc<ScalarUDF> {
    static JOINS: LazyLock<[Arc<ScalarUDF>; 4]> = LazyLock::new(|| {
        NAMES.map(|name| {
            let json = if name.starts_with("jsonb") { JsonType::Jsonb } else { JsonType::Json };
            Arc::new(ScalarUDF::new_from_impl(JsonFunction::new(name, (1, 1), Returns::Json(json), join_items)))
        })
    });
    let at = NAMES.iter().position(|known| *known == name).unwrap_or_default();
    Arc::clone(&JOINS[at])
}

fn join_items(arguments: &Arguments) -> Result<ArrayRef> {
    let (array, _) = arguments.column(0)?;
    let item = Arc::new(Field::new_list_field(DataType::Utf8View, true));
    let lists = cast(&array, &DataType::List(item))?;
    let lists = lists.as_list::<i32>();
    let (open, close) = match (arguments.name.contains("object"), arguments.json_type) {
        (false, _) => ("[", "]"),
        (true, JsonType::Jsonb) => ("{", "}"),
        (true, JsonType::Json) => ("{ ", " }"),
    };
    arguments.to_texts(|row| {
        if lists.is_null(row) {
            return Ok(None);
        }
        let mut text = open.to_owned();
        for (at, item) in lists.value(row).as_string_view().iter().enumerate() {
            text.push_str(if at > 0 { ", " } else { "" });
            text.push_str(item.unwrap_or("null"));
        }
        text.push_str(close);
        lookup::write_as(&text, arguments.json_type).map(Some)
    })
}

/// The functions that write an entry of an object, for `json_object_agg` and `jsonb_object_agg`.
pub(super) fn entry_functions() -> [JsonFunction; 2] {
    [("json_entry", JsonType::Json), ("jsonb_entry", JsonType::Jsonb)]
        .map(|(name, json)| JsonFunction::new(name, (2, 2), Returns::Json(json), entry))
}

fn entry(arguments: &Arguments) -> Result<ArrayRef> {
    let ((keys, key_field), (values, value_field)) = (arguments.column(0)?, arguments.column(1)?);
    let (keys, values) = (Writer::new(&keys, key_field)?, Writer::new(&values, value_field)?);
    arguments.to_texts(|row| {
        let Some(key) = keys.key(row)? else { return invalid("22023", "field name must not be null") };
        let mut text = String::new();
        write_string(&mut text, &key);
        text.push_str(" : ");
        values.write(row, &mut text)?;
        Ok(Some(text))
    })
}

/// An aggregate whose calls the planner replaces.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Replaced {
    name: &'static str,
    signature: Signature,
}

impl AggregateUDFImpl for Replaced {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        let error =
            SqlError::new(ErrorKind::Unsupported, format!("{} is not supported as a window function", self.name));
        Err(error.into())
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        internal_err!("{} was not replaced", self.name)
    }
}
