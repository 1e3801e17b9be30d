//! Casts to PostgreSQL's types, including those that look up names, such as `'pods'::regclass`.
//!
//! If Arrow does not have a type, the type planner returns a field whose metadata names the type. Before type checking,
//! casts to such a type are replaced by calls of its input function, and casts from it to text by calls of its output
//! function.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, IntervalUnit, TimeUnit};
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Cast, TryCast};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::planner::TypePlanner;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, ScalarUDF};
use datafusion::optimizer::AnalyzerRule;
use datafusion::sql::sqlparser::ast::{ArrayElemTypeDef, DataType as SqlType};

use crate::sql::functions::json::json_input;
use crate::sql::parse::identifiers::words;
use crate::sql::types::{JsonType, json_field, json_type};

/// Metadata key of fields: the name of a type that Arrow does not have.
pub(super) const TYPE: &str = "kubesql.type";

/// Returns the name of a type without its schema; `None` for types of standard SQL.
pub(super) fn type_name(data_type: &SqlType) -> Option<String> {
    match data_type {
        SqlType::Custom(name, _) => words(name).pop(),
        SqlType::Regclass => Some("regclass".to_owned()),
        SqlType::JSON => Some("json".to_owned()),
        SqlType::JSONB => Some("jsonb".to_owned()),
        SqlType::Bytea => Some("bytea".to_owned()),
        SqlType::Uuid => Some("uuid".to_owned()),
        _ => None,
    }
}

/// Plans the types of PostgreSQL.
#[derive(Debug)]
pub(crate) struct Types;

impl TypePlanner for Types {
    fn plan_type_field(&self, sql_type: &SqlType) -> Result<Option<FieldRef>> {
        let text = DataType::Utf8View;
        if let SqlType::Array(ArrayElemTypeDef::SquareBracket(item, None)) = sql_type
            && type_name(item).is_some_and(|item| item.starts_with("reg"))
        {
            return Ok(Some(Arc::new(Field::new_list("", Field::new_list_field(text, true), true))));
        }
        let Some(name) = type_name(sql_type) else { return Ok(None) };
        let (data_type, input) = match name.as_str() {
            "regclass" | "regtype" | "regnamespace" | "regrole" => (DataType::Int32, Some(name.as_str())),
            "regproc" | "regprocedure" | "regoper" | "regoperator" | "regconfig" | "regdictionary" | "regcollation" => {
                (DataType::Utf8, Some("regproc"))
            }
            "json" => return Ok(Some(Arc::new(json_field("", JsonType::Json)))),
            "jsonb" => return Ok(Some(Arc::new(json_field("", JsonType::Jsonb)))),
            "bytea" => (DataType::Binary, Some("bytea")),
            "text" | "name" | "varchar" | "bpchar" | "char" | "cstring" | "unknown" | "inet" | "cidr" | "uuid"
            | "xml" | "citext" | "sql_identifier" | "character_data" | "yes_or_no" | "pg_node_tree" | "aclitem"
            | "macaddr" | "oidvector" | "int2vector" => (text, None),
            "oid" | "xid" | "cid" | "int4" | "integer" | "cardinal_number" => (DataType::Int32, None),
            "int2" | "smallint" => (DataType::Int16, None),
            "int8" | "bigint" | "xid8" => (DataType::Int64, None),
            "bool" | "boolean" => (DataType::Boolean, None),
            "float4" | "real" => (DataType::Float32, None),
            "float8" => (DataType::Float64, None),
            "numeric" => (DataType::Decimal128(38, 10), None),
            "date" => (DataType::Date32, None),
            "interval" => (DataType::Interval(IntervalUnit::MonthDayNano), None),
            "timestamp" => (DataType::Timestamp(TimeUnit::Nanosecond, None), None),
            "timestamptz" | "time_stamp" => (DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())), None),
            _ => return Ok(None),
        };
        let metadata = input.map(|input| (TYPE.to_owned(), input.to_owned()));
        let field = Field::new("", data_type, true).with_metadata(metadata.into_iter().collect());
        Ok(Some(Arc::new(field)))
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8)
}

/// Whether Arrow writes values of a type as another text than PostgreSQL.
fn differs_in_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::List(item) => !item.data_type().is_nested(),
        DataType::Timestamp(..) | DataType::Interval(_) | DataType::Duration(_) => true,
        other => other.is_floating(),
    }
}

/// Replaces casts by calls of the input and output functions of types.
#[derive(Debug, Clone)]
pub(super) struct Casts {
    /// Functions by the name of the type.
    input: HashMap<&'static str, Arc<ScalarUDF>>,
    output: HashMap<&'static str, Arc<ScalarUDF>>,
}

impl Casts {
    /// `functions` are the functions of types. An input function has the name of its type, an output function the
    /// suffix `out`.
    pub(super) fn new(functions: &HashMap<String, Arc<ScalarUDF>>) -> Self {
        let input = |name: &'static str| Some((name, Arc::clone(functions.get(name)?)));
        let output = |name: &'static str| Some((name, Arc::clone(functions.get(&format!("{name}out"))?)));
        let types = ["regclass", "regtype", "regnamespace", "regrole", "regproc", "bytea", "textout"];
        Self {
            input: types.into_iter().filter_map(input).collect(),
            output: types.into_iter().filter_map(output).collect(),
        }
    }

    /// Returns the output function of the type of a field.
    fn output_function(&self, field: &Field) -> Option<&Arc<ScalarUDF>> {
        self.output.get(field.metadata().get(TYPE)?.as_str())
    }
}

impl FunctionRewrite for Casts {
    fn name(&self) -> &'static str {
        "postgres_casts"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        let (Expr::Cast(Cast { expr: inner, field }) | Expr::TryCast(TryCast { expr: inner, field })) = &expr else {
            return Ok(Transformed::no(expr));
        };
        if let Some(target) = json_type(field) {
            return Ok(Transformed::yes(json_input((**inner).clone(), target, schema)?));
        }
        let input = field.metadata().get(TYPE).and_then(|name| self.input.get(name.as_str()));
        if let Some(input) = input {
            return Ok(Transformed::yes(input.call(vec![(**inner).clone()])));
        }
        if is_text(field.data_type())
            && inner.get_type(schema).is_ok_and(|data_type| differs_in_text(&data_type))
            && let Some(function) = self.input.get("textout")
        {
            let text = function.call(vec![(**inner).clone()]);
            return Ok(Transformed::yes(Expr::Cast(Cast::new_from_field(Box::new(text), Arc::clone(field)))));
        }
        let Some(output) = inner.to_field(schema).ok().and_then(|(_, field)| self.output_function(&field)) else {
            return Ok(Transformed::no(expr));
        };
        if matches!(field.data_type(), DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8) {
            let text = output.call(vec![(**inner).clone()]);
            return Ok(Transformed::yes(Expr::Cast(Cast::new_from_field(Box::new(text), Arc::clone(field)))));
        }
        if field.metadata().is_empty() {
            // If the field had no name, the cast would keep the metadata of its operand, and thus the type.
            let number = Field::new("number", field.data_type().clone(), true);
            return Ok(Transformed::yes(Expr::Cast(Cast::new_from_field(inner.clone(), Arc::new(number)))));
        }
        Ok(Transformed::no(expr))
    }
}

/// Converts columns of the result whose type has an output function to text.
impl AnalyzerRule for Casts {
    fn name(&self) -> &'static str {
        "postgres_output"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let schema = Arc::clone(plan.schema());
        if !schema.fields().iter().any(|field| self.output_function(field).is_some()) {
            return Ok(plan);
        }
        let columns = schema.iter().map(|(relation, field)| {
            let column = Expr::from((relation, field));
            match self.output_function(field) {
                Some(output) => output.call(vec![column]).alias_qualified(relation.cloned(), field.name()),
                None => column,
            }
        });
        LogicalPlanBuilder::from(plan).project(columns)?.build()
    }
}
