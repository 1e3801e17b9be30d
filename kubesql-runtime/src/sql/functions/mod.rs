//! SQL functions that DataFusion does not have: functions for Kubernetes and functions of Presto and PostgreSQL.

mod age;
mod calendar;
mod date;
mod date_diff;
pub(crate) mod element_at;
pub(crate) mod float_total;
mod format;
mod interval;
pub(crate) mod json;
pub(crate) mod map_key;
pub(crate) mod numeric;
mod presto;
mod presto_syntax;
mod quantity;
mod selector;
mod selector_matches;
mod similar;
mod timezone;

pub(crate) use interval::length as interval_length;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::functions_aggregate::first_last::first_value_udaf;
use datafusion::functions_aggregate::variance::var_samp_udaf;
use datafusion::logical_expr::{
    ColumnarValue, DocSection, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

use super::error::{ErrorKind, SqlError, invalid};
use super::types::data_type_name;

/// Registers the functions with a session or its state.
pub(crate) fn register(registry: &mut dyn FunctionRegistry) -> Result<()> {
    json::register(registry)?;
    for function in all() {
        registry.register_udf(Arc::new(function))?;
    }
    let any = Arc::unwrap_or_clone(first_value_udaf()).with_aliases(["arbitrary"]);
    registry.register_udaf(Arc::new(any))?;
    let variance = Arc::unwrap_or_clone(var_samp_udaf()).with_aliases(["variance"]);
    registry.register_udaf(Arc::new(variance))?;
    for aggregate in presto_syntax::aggregates() {
        registry.register_udaf(Arc::new(aggregate))?;
    }
    registry.register_function_rewrite(Arc::new(presto::Contains))?;
    registry.register_function_rewrite(Arc::new(age::SinceNow))?;
    registry.register_expr_planner(Arc::new(interval::IntervalLiterals))?;
    Ok(())
}

/// Returns all functions of this module.
pub(crate) fn all() -> Vec<ScalarUDF> {
    let mut functions = vec![
        age::function(),
        date::function(),
        date_diff::function(),
        element_at::function(),
        interval::function(),
        quantity::function(),
        selector_matches::function(),
        similar::function(),
        timezone::function(),
    ];
    functions.extend(json::all());
    functions.extend(presto::functions());
    functions.extend(presto_syntax::functions());
    functions.extend(calendar::functions());
    functions.extend(format::functions());
    functions.extend(numeric::functions());
    functions
}

/// The implementation of a function: returns one value for each row of the arguments.
type Run = fn(&[ArrayRef]) -> Result<ArrayRef>;

/// A scalar function. Functions with the same name are equal.
#[derive(Debug)]
struct Function {
    name: &'static str,
    signature: Signature,
    /// Returns the type of the result, or a description of the expected arguments.
    returns: fn(&[DataType]) -> Result<DataType, &'static str>,
    run: Run,
    documentation: Documentation,
}

/// The documentation of a function.
struct Doc {
    section: &'static str,
    description: &'static str,
    syntax: &'static str,
    example: &'static str,
    arguments: &'static [(&'static str, &'static str)],
}

impl Doc {
    fn build(self) -> Documentation {
        let section = DocSection { include: true, label: self.section, description: None };
        let mut builder = Documentation::builder(section, self.description, self.syntax)
            .with_sql_example(format!("```sql\n{}\n```", self.example));
        for (name, description) in self.arguments {
            builder = builder.with_argument(*name, *description);
        }
        builder.build()
    }
}

/// Whether a type is text.
fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 | DataType::Null)
}

/// Returns the error of a function that was called with an invalid value.
fn invalid_value<T>(message: impl Into<String>) -> Result<T> {
    invalid("22023", message)
}

impl Function {
    fn udf(self) -> ScalarUDF {
        ScalarUDF::new_from_impl(self)
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        (self.returns)(arguments).map_err(|expected| {
            let types: Vec<String> = arguments.iter().map(data_type_name).collect();
            let message = format!("function {}({}) does not exist", self.name, types.join(", "));
            let error = SqlError::new(ErrorKind::Invalid, message).code("42883");
            error.hint(format!("{} expects {expected}", self.name)).into()
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let arrays = args.args.into_iter().map(|arg| arg.into_array(rows)).collect::<Result<Vec<_>>>()?;
        let result = (self.run)(&arrays)?;
        if constant && result.len() == 1 {
            return Ok(ColumnarValue::Scalar(datafusion::scalar::ScalarValue::try_from_array(&result, 0)?));
        }
        Ok(ColumnarValue::Array(result))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::util::display::{ArrayFormatter, FormatOptions};
    use datafusion::prelude::{SessionConfig, SessionContext};

    /// Returns the only value of a query as text, or the error.
    pub(crate) async fn value(sql: &str) -> String {
        let config = SessionConfig::new()
            .set_str("datafusion.sql_parser.dialect", "PostgreSQL")
            .set_str("datafusion.execution.time_zone", "UTC");
        let mut context = SessionContext::new_with_config(config);
        register(&mut context).expect("functions register");
        let batches = match context.sql(sql).await {
            Ok(frame) => frame.collect().await,
            Err(error) => return format!("error: {}", error.strip_backtrace()),
        };
        let batches = match batches {
            Ok(batches) => batches,
            Err(error) => return format!("error: {}", error.strip_backtrace()),
        };
        let batch = batches.iter().find(|batch| batch.num_rows() > 0).expect("a row");
        let options = FormatOptions::default().with_null("NULL");
        let formatter = ArrayFormatter::try_new(batch.column(0), &options).expect("a formatter");
        formatter.value(0).to_string()
    }

    #[tokio::test]
    async fn functions_return_documented_values() {
        for (sql, expect) in [
            ("select date('2020-05-12')", "2020-05-12"),
            ("select date(timestamp '2020-05-12T10:00:00')", "2020-05-12"),
            (
                "select arrow_cast('2020-05-12T00:00:01Z', 'Timestamp(Microsecond, Some(\"UTC\"))') > date('2020-05-12')",
                "true",
            ),
            (
                "select arrow_cast('2020-05-11T23:59:59Z', 'Timestamp(Microsecond, Some(\"UTC\"))') > date('2020-05-12')",
                "false",
            ),
            ("select quantity('100m')", "0.1"),
            ("select quantity('1Gi')", "1073741824.0"),
            ("select quantity('much')", "NULL"),
            ("select quantity(null)", "NULL"),
            ("select year(date '2020-05-12')", "2020"),
            ("select month(timestamp '2020-05-12T10:00:00')", "5"),
            ("select day_of_week(date '2020-05-17')", "7"),
            ("select date_diff('day', timestamp '2020-05-12T10:00:00', timestamp '2020-05-14T09:00:00')", "1"),
            ("select date_diff('hour', timestamp '2020-05-12T10:00:00', timestamp '2020-05-12T08:30:00')", "-1"),
            ("select date_diff('fortnight', now(), now())", "error: "),
            ("select element_at(map(['a', 'b'], ['x', 'y']), 'b')", "y"),
            ("select element_at(map(['a', 'b'], ['x', 'y']), 'c')", "NULL"),
            ("select element_at(make_array(1, 2, 3), -1)", "3"),
            ("select json_extract_scalar('{\"a\":{\"b\":[1,\"x\"]}}', '$.a.b[1]')", "x"),
            ("select json_extract_scalar('{\"a\":{\"b\":[1,\"x\"]}}', '$.a.b[0]')", "1"),
            ("select json_extract_scalar('{\"a.b\":true}', '$[\"a.b\"]')", "true"),
            ("select json_extract_scalar('{\"a\":{}}', '$.a')", "NULL"),
            ("select json_extract_scalar('not json', '$.a')", "NULL"),
            ("select selector_matches(map(['app'], ['web']), 'app=web')", "true"),
            ("select selector_matches(map(['app'], ['web']), 'app in (db, web),!tier')", "true"),
            ("select selector_matches(null, 'app!=web')", "true"),
            ("select selector_matches(map(['app'], ['web']), 'app in (')", "error: "),
            ("select '{\"a\":1}'->>'a'", "1"),
            ("select arbitrary(x) from (values (1)) as t(x)", "1"),
        ] {
            let found = value(sql).await;
            if expect == "error: " {
                assert!(found.starts_with(expect), "{sql}: {found}");
            } else {
                assert_eq!(found, expect, "{sql}");
            }
        }
    }

    #[test]
    fn all_functions_are_documented() {
        let json: Vec<String> = json::all().iter().map(|function| function.name().to_owned()).collect();
        for function in all() {
            let Some(documentation) = function.documentation() else {
                // Operators, and functions for `json` that are documented for `jsonb`.
                assert!(json.iter().any(|name| name == function.name()), "{}", function.name());
                continue;
            };
            assert!(documentation.syntax_example.starts_with(function.name()), "{}", function.name());
            assert!(!documentation.description.is_empty(), "{}", function.name());
        }
    }
}
