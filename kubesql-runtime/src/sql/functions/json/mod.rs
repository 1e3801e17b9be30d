//! Functions and operators of JSON, as PostgreSQL defines them for `json` and `jsonb`.
//!
//! JSON is text, and the metadata of its field says so (`sql::types`). Results of type `jsonb` are written as
//! PostgreSQL writes them; results of type `json` keep the text of their argument. Maps of tables are `jsonb` in all
//! functions.

mod aggregate;
mod arguments;
mod build;
mod cast;
mod convert;
mod lookup;
mod modify;
mod number;
mod operators;
mod parts;
mod presto;
mod sets;
mod value;
mod writer;

use std::fmt::{self, Debug};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::internal_err;
use datafusion::error::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    TypeSignature, Volatility,
};
use datafusion::scalar::ScalarValue;

use super::Doc;
use crate::sql::error::{ErrorKind, SqlError};
use crate::sql::types::{self, JsonType};
use arguments::Arguments;
use cast::FromJson;

pub(crate) use cast::json_input;
pub(crate) use sets::set_columns;

/// Registers the functions, operators and casts.
pub(super) fn register(registry: &mut dyn FunctionRegistry) -> Result<()> {
    for function in accessors() {
        registry.register_udf(function)?;
    }
    registry.register_expr_planner(Arc::new(operators::JsonOperators))?;
    registry.register_expr_planner(Arc::new(aggregate::JsonAggregates))?;
    for aggregate in aggregate::functions() {
        registry.register_udaf(Arc::new(aggregate))?;
    }
    registry.register_function_rewrite(Arc::new(FromJson))?;
    Ok(())
}

/// The functions of `datafusion_functions_json` that return one type. `json_get` is a union there, which no protocol can
/// send.
fn accessors() -> Vec<Arc<ScalarUDF>> {
    use datafusion_functions_json::udfs::{
        json_as_text_udf, json_contains_udf, json_get_array_udf, json_get_bool_udf, json_get_float_udf,
        json_get_int_udf, json_get_json_udf, json_get_str_udf, json_length_udf,
    };
    vec![
        json_as_text_udf(),
        json_contains_udf(),
        json_get_array_udf(),
        json_get_bool_udf(),
        json_get_float_udf(),
        json_get_int_udf(),
        json_get_json_udf(),
        json_get_str_udf(),
        json_length_udf(),
    ]
}

/// All scalar functions.
pub(super) fn all() -> Vec<ScalarUDF> {
    let mut functions = lookup::functions();
    functions.extend(parts::functions());
    functions.extend(convert::functions());
    functions.extend(build::functions());
    functions.extend(modify::functions());
    functions.extend(sets::functions());
    functions.extend(cast::functions());
    functions.extend(presto::functions());
    functions.into_iter().map(ScalarUDF::new_from_impl).collect()
}

/// The type of a function's result.
#[derive(Debug, Clone)]
enum Returns {
    Json(JsonType),
    Text,
    Bool,
    Int,
    BigInt,
    Float,
    /// A list of rows, for functions that return sets.
    Rows(Vec<Field>),
}

impl Returns {
    fn field(&self, name: &str) -> Field {
        match self {
            Self::Json(json) => types::json_field(name, *json),
            Self::Text => Field::new(name, DataType::Utf8View, true),
            Self::Bool => Field::new(name, DataType::Boolean, true),
            Self::Int => Field::new(name, DataType::Int32, true),
            Self::BigInt => Field::new(name, DataType::Int64, true),
            Self::Float => Field::new(name, DataType::Float64, true),
            Self::Rows(columns) => {
                let row = DataType::Struct(columns.clone().into());
                Field::new(name, DataType::List(Arc::new(Field::new_list_field(row, true))), true)
            }
        }
    }
}

/// The implementation of a function.
type Run = fn(&Arguments) -> Result<ArrayRef>;

/// A function of JSON. Functions with the same name are equal.
struct JsonFunction {
    name: &'static str,
    /// The operator that it implements, which names the columns of results.
    operator: Option<&'static str>,
    /// The minimum and maximum number of arguments.
    counts: (usize, usize),
    /// What the arguments are, for the error of a wrong call.
    expects: &'static str,
    returns: Returns,
    run: Run,
    aliases: Vec<String>,
    documentation: Option<Documentation>,
    signature: Signature,
}

impl JsonFunction {
    fn new(name: &'static str, counts: (usize, usize), returns: Returns, run: Run) -> Self {
        let any = TypeSignature::OneOf(vec![TypeSignature::Nullary, TypeSignature::VariadicAny]);
        let signature = Signature::new(any, Volatility::Immutable);
        let (operator, expects, documentation) = (None, "JSON", None);
        Self { name, operator, counts, expects, returns, run, aliases: Vec::new(), documentation, signature }
    }

    fn operator(self, operator: &'static str) -> Self {
        Self { operator: Some(operator), ..self }
    }

    fn expects(self, expects: &'static str) -> Self {
        Self { expects, ..self }
    }

    fn document(self, doc: Doc) -> Self {
        Self { documentation: Some(doc.build()), ..self }
    }

    /// The type of JSON that it returns.
    fn json_type(&self) -> JsonType {
        match self.returns {
            Returns::Json(json) => json,
            _ if self.name.starts_with("json_") => JsonType::Json,
            _ => JsonType::Jsonb,
        }
    }
}

impl Debug for JsonFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for JsonFunction {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for JsonFunction {}

impl Hash for JsonFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for JsonFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let names: Vec<String> = args.iter().map(|arg| arg.schema_name().to_string()).collect();
        Ok(match self.operator {
            Some(operator) => names.join(&format!(" {operator} ")),
            None => format!("{}({})", self.name, names.join(",")),
        })
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        internal_err!("the type of {} is in its field", self.name)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let (fewest, most) = self.counts;
        if !(fewest..=most).contains(&args.arg_fields.len()) {
            return Err(self.wrong_call(args.arg_fields));
        }
        Ok(Arc::new(self.returns.field(self.name)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let arguments = Arguments::new(self, &args, if constant { 1 } else { args.number_rows })?;
        let result = (self.run)(&arguments)?;
        if constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?));
        }
        Ok(ColumnarValue::Array(result))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.documentation.as_ref()
    }
}

impl JsonFunction {
    fn wrong_call(&self, arguments: &[FieldRef]) -> datafusion::error::DataFusionError {
        let types: Vec<String> = arguments.iter().map(|field| types::type_name(field)).collect();
        let message = format!("function {}({}) does not exist", self.name, types.join(", "));
        let error = SqlError::new(ErrorKind::Invalid, message).code("42883");
        error.hint(format!("{} expects {}", self.name, self.expects)).into()
    }
}

/// The function of this name.
fn function(name: &str) -> Option<Arc<ScalarUDF>> {
    use std::collections::HashMap;
    use std::sync::LazyLock;
    static ALL: LazyLock<HashMap<String, Arc<ScalarUDF>>> =
        LazyLock::new(|| all().into_iter().map(|function| (function.name().to_owned(), Arc::new(function))).collect());
    ALL.get(name).cloned()
}

/// A call of one of the functions.
pub(crate) fn call(name: &str, arguments: Vec<Expr>) -> Result<Expr> {
    match function(name) {
        Some(function) => Ok(function.call(arguments)),
        None => internal_err!("function {name} is not known"),
    }
}
