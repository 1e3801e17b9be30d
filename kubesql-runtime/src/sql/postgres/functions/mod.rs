//! Functions that PostgreSQL's clients call: of objects by their numbers, of the session, of rights, of text.

mod objects;
mod plain;
mod session;

use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::error::Result;
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};
use datafusion::scalar::ScalarValue;

use super::{Facts, tables};
use crate::sql::house::House;
use crate::sql::types::CONTENT;

/// Gives the functions that are the same for all sessions.
pub(super) fn register(state: &mut SessionState, house: &Arc<House>) -> Result<()> {
    for function in plain::functions().into_iter().chain(objects::functions(house)) {
        state.register_udf(Arc::new(ScalarUDF::new_from_impl(function)))?;
    }
    if let Some(keywords) = tables::keywords() {
        state.register_udtf("pg_get_keywords", keywords);
    }
    Ok(())
}

/// Gives those that depend on the session.
pub(super) fn register_facts(state: &mut SessionState, house: &Arc<House>, facts: &Arc<Facts>) -> Result<()> {
    for function in session::functions(house, facts) {
        state.register_udf(Arc::new(ScalarUDF::new_from_impl(function)))?;
    }
    Ok(())
}

pub(super) use objects::{REGCLASS_NAME, REGNAMESPACE, REGNAMESPACE_NAME, REGTYPE, REGTYPE_NAME};
pub(super) use plain::text_lists;
pub(super) use session::REGCLASS;

/// Whether a function depends on the session.
pub(super) fn of_session(name: &str) -> bool {
    session::NAMES.contains(&name)
}

/// What a function computes: its arguments, and how many rows there are.
type Run = Arc<dyn Fn(&[ArrayRef], usize) -> Result<ArrayRef> + Send + Sync>;

/// The type of what it computes, by the types of its arguments.
type Returns = Arc<dyn Fn(&[DataType]) -> DataType + Send + Sync>;

/// A function of any arguments. Two of one name are the same.
struct Function {
    name: &'static str,
    aliases: Vec<String>,
    signature: Signature,
    returns: Returns,
    run: Run,
    /// Whether what it gives is JSON.
    is_json: bool,
}

impl Function {
    fn new(
        name: &'static str,
        returns: DataType,
        run: impl Fn(&[ArrayRef], usize) -> Result<ArrayRef> + Send + Sync + 'static,
    ) -> Self {
        Self::typed(name, move |_| returns.clone(), run)
    }

    fn typed(
        name: &'static str,
        returns: impl Fn(&[DataType]) -> DataType + Send + Sync + 'static,
        run: impl Fn(&[ArrayRef], usize) -> Result<ArrayRef> + Send + Sync + 'static,
    ) -> Self {
        let any = TypeSignature::OneOf(vec![TypeSignature::Nullary, TypeSignature::VariadicAny]);
        let signature = Signature::new(any, Volatility::Stable);
        Self { name, aliases: Vec::new(), signature, returns: Arc::new(returns), run: Arc::new(run), is_json: false }
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

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok((self.returns)(arguments))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let types: Vec<DataType> = args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        let field = Field::new(self.name, (self.returns)(&types), true);
        let content = self.is_json.then(|| (CONTENT.to_owned(), "json".to_owned()));
        Ok(Arc::new(field.with_metadata(content.into_iter().collect())))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let arrays = args.args.into_iter().map(|arg| arg.into_array(rows)).collect::<Result<Vec<_>>>()?;
        let result = (self.run)(&arrays, rows)?;
        if constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?));
        }
        Ok(ColumnarValue::Array(result))
    }
}

/// The values as texts.
fn texts(array: &ArrayRef) -> Result<Vec<Option<String>>> {
    let texts = cast_with_options(array, &DataType::Utf8, &CastOptions::default())?;
    let texts = texts.as_string::<i32>();
    Ok(texts.iter().map(|text| text.map(str::to_owned)).collect())
}

/// The values as numbers; what is none is NULL.
fn numbers(array: &ArrayRef) -> Result<Vec<Option<i64>>> {
    let numbers = cast_with_options(array, &DataType::Int64, &CastOptions::default())?;
    let numbers = numbers.as_primitive::<Int64Type>();
    Ok((0..numbers.len()).map(|row| numbers.is_valid(row).then(|| numbers.value(row))).collect())
}

/// What there is for each distinct number, looked up once.
fn each<T: Clone>(keys: &[Option<i64>], look_up: impl Fn(i32) -> Option<T>) -> Vec<Option<T>> {
    let mut known: BTreeMap<i64, Option<T>> = BTreeMap::new();
    let one = |key: &Option<i64>| {
        let key = (*key)?;
        known.entry(key).or_insert_with(|| look_up(i32::try_from(key).ok()?)).clone()
    };
    keys.iter().map(one).collect()
}
