//! Functions of PostgreSQL that clients call: for objects, sessions, privileges and text.

mod general;
mod objects;
mod session;

use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Debug};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema};
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::datasource::empty::EmptyTable;
use datafusion::error::Result;
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility,
};
use datafusion::scalar::ScalarValue;

use super::SessionInfo;
use super::casts::TYPE;
use crate::postgres::objects::Database;

pub(super) use general::text_lists;

/// Registers all functions and returns the functions of types by name.
pub(super) fn register(state: &mut SessionState, database: &Database) -> Result<HashMap<String, Arc<ScalarUDF>>> {
    let mut type_functions = HashMap::new();
    for function in
        general::functions().into_iter().chain(objects::functions(database)).chain(session::functions(database))
    {
        let of_type = function.of_type;
        let function = Arc::new(ScalarUDF::new_from_impl(function));
        if of_type != OfType::None {
            type_functions.insert(function.name().to_owned(), Arc::clone(&function));
        }
        state.register_udf(function)?;
    }
    state.register_udtf("pg_options_to_table", Arc::new(OptionsToTable));
    Ok(type_functions)
}

/// `pg_options_to_table(options)`: no object has options.
#[derive(Debug)]
struct OptionsToTable;

impl TableFunctionImpl for OptionsToTable {
    fn call_with_args(&self, _: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let columns = ["option_name", "option_value"].map(|name| Field::new(name, DataType::Utf8, true));
        Ok(Arc::new(EmptyTable::new(Arc::new(Schema::new(columns.to_vec())))))
    }
}

/// The implementation of a function, with the arguments, the number of rows, and the session.
type Run = Arc<dyn Fn(&[ArrayRef], usize, &SessionInfo) -> Result<ArrayRef> + Send + Sync>;

/// The relation of a function to a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OfType {
    /// The function does not belong to a type.
    None,
    /// The input function of a type whose values are identifiers of 32 bits. It returns identifiers unchanged.
    Identifier,
    /// The input or output function of another type.
    Other,
}

/// A function with any arguments. Functions with the same name are equal.
struct Function {
    name: &'static str,
    signature: Signature,
    returns: DataType,
    run: Run,
    of_type: OfType,
}

impl Function {
    fn new(
        name: &'static str,
        returns: DataType,
        run: impl Fn(&[ArrayRef], usize) -> Result<ArrayRef> + Send + Sync + 'static,
    ) -> Self {
        Self::with_session(name, returns, move |args, rows, _| run(args, rows))
    }

    /// A function whose result depends on the session.
    fn with_session(
        name: &'static str,
        returns: DataType,
        run: impl Fn(&[ArrayRef], usize, &SessionInfo) -> Result<ArrayRef> + Send + Sync + 'static,
    ) -> Self {
        let any = TypeSignature::OneOf(vec![TypeSignature::Nullary, TypeSignature::VariadicAny]);
        let signature = Signature::new(any, Volatility::Stable);
        Self { name, signature, returns, run: Arc::new(run), of_type: OfType::None }
    }

    fn of_type(self, of_type: OfType) -> Self {
        Self { of_type, ..self }
    }
}

impl Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
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

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.returns.clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let (metadata, nullable) = match (self.of_type, args.arg_fields) {
            // `simplify` replaces the call by its argument, which must have the same nullability.
            (OfType::Identifier, [argument, ..]) if argument.data_type() == &self.returns => {
                (Some((TYPE, self.name)), argument.is_nullable())
            }
            (OfType::Identifier, _) => (Some((TYPE, self.name)), true),
            (OfType::None | OfType::Other, _) => (None, true),
        };
        let metadata = metadata.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
        let field = Field::new(self.name, self.returns.clone(), nullable);
        Ok(Arc::new(field.with_metadata(metadata.collect())))
    }

    fn simplify(&self, mut args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        if self.of_type == OfType::Identifier && args.len() == 1 && info.get_data_type(&args[0])? == self.returns {
            return Ok(ExprSimplifyResult::Simplified(args.remove(0)));
        }
        Ok(ExprSimplifyResult::Original(args))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let arrays = args.args.into_iter().map(|arg| arg.into_array(rows)).collect::<Result<Vec<_>>>()?;
        let result = (self.run)(&arrays, rows, SessionInfo::from_config(&args.config_options))?;
        if constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?));
        }
        Ok(ColumnarValue::Array(result))
    }
}

/// Casts the values to text.
fn texts(array: &ArrayRef) -> Result<Vec<Option<String>>> {
    let texts = cast_with_options(array, &DataType::Utf8, &CastOptions::default())?;
    let texts = texts.as_string::<i32>();
    Ok(texts.iter().map(|text| text.map(str::to_owned)).collect())
}

/// Casts the values to integers; NULL if a value is not an integer.
fn numbers(array: &ArrayRef) -> Result<Vec<Option<i64>>> {
    let numbers = cast_with_options(array, &DataType::Int64, &CastOptions::default())?;
    let numbers = numbers.as_primitive::<Int64Type>();
    Ok((0..numbers.len()).map(|row| numbers.is_valid(row).then(|| numbers.value(row))).collect())
}

/// Looks up each distinct identifier once.
fn look_up_each<T: Clone>(keys: &[Option<i64>], look_up: impl Fn(i32) -> Option<T>) -> Vec<Option<T>> {
    let mut known: BTreeMap<i64, Option<T>> = BTreeMap::new();
    let look_up_key = |key: &Option<i64>| {
        let key = (*key)?;
        known.entry(key).or_insert_with(|| look_up(i32::try_from(key).ok()?)).clone()
    };
    keys.iter().map(look_up_key).collect()
}
