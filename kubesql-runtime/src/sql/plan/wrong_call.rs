//! Finds function calls with arguments of wrong types.
//!
//! DataFusion's error for them is only a text. If a statement cannot be planned, it is planned again with probes in
//! place of the functions. A probe checks its arguments by the same rules, and records the first call that fails.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::internal_err;
use datafusion::error::Result;
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::type_coercion::functions::{UDFCoercionExt, fields_with_udf};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use datafusion::sql::parser::Statement;

use crate::sql::error::{ErrorKind, SqlError};
use crate::sql::types::data_type_name;

/// Maximum number of signatures in a hint.
const CANDIDATES: usize = 12;

/// The error for the first call in a statement whose arguments have wrong types.
pub(crate) async fn find_wrong_call(state: &SessionState, statement: Statement) -> Option<SqlError> {
    let mut state = state.clone();
    let found = Arc::new(OnceLock::new());
    for function in state.scalar_functions().values().cloned().collect::<Vec<_>>() {
        state.register_udf(Arc::new(ScalarUDF::new_from_impl(Probe::new(function, &found)))).ok()?;
    }
    for function in state.aggregate_functions().values().cloned().collect::<Vec<_>>() {
        state.register_udaf(Arc::new(AggregateUDF::new_from_impl(Probe::new(function, &found)))).ok()?;
    }
    // The plan is not needed: the probes do not run.
    drop(state.statement_to_plan(statement).await);
    found.get().cloned()
}

/// A function that only checks the types of its arguments.
#[derive(Debug)]
struct Probe<F> {
    function: Arc<F>,
    signature: Signature,
    found: Arc<OnceLock<SqlError>>,
}

impl<F: UDFCoercionExt> Probe<F> {
    fn new(function: Arc<F>, found: &Arc<OnceLock<SqlError>>) -> Self {
        Self { function, signature: Signature::user_defined(Volatility::Volatile), found: Arc::clone(found) }
    }

    fn coerce(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let fields: Vec<FieldRef> =
            types.iter().map(|data_type| Arc::new(Field::new("argument", data_type.clone(), true))).collect();
        let coerced = fields_with_udf(&fields, self.function.as_ref());
        if coerced.is_err() {
            self.found.get_or_init(|| wrong_call_error(self.function.as_ref(), types));
        }
        Ok(coerced?.iter().map(|field| field.data_type().clone()).collect())
    }
}

fn wrong_call_error(function: &impl UDFCoercionExt, types: &[DataType]) -> SqlError {
    let call = |types: &[DataType]| {
        let types: Vec<String> = types.iter().map(data_type_name).collect();
        format!("{}({})", function.name(), types.join(", "))
    };
    let error = SqlError::new(ErrorKind::Invalid, format!("function {} does not exist", call(types))).code("42883");
    let mut candidates: Vec<String> = Vec::new();
    for types in function.signature().type_signature.get_example_types() {
        let candidate = call(&types);
        if candidates.len() < CANDIDATES && !candidates.contains(&candidate) {
            candidates.push(candidate);
        }
    }
    if candidates.is_empty() { error } else { error.hint(format!("candidates are {}", candidates.join(", "))) }
}

impl<F: UDFCoercionExt> PartialEq for Probe<F> {
    fn eq(&self, other: &Self) -> bool {
        self.function.name() == other.function.name()
    }
}

impl<F: UDFCoercionExt> Eq for Probe<F> {}

impl<F: UDFCoercionExt> Hash for Probe<F> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.name().hash(state);
    }
}

impl ScalarUDFImpl for Probe<ScalarUDF> {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn aliases(&self) -> &[String] {
        self.function.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.function.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.function.return_field_from_args(args)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.coerce(types)
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("a probe cannot be run")
    }
}

impl AggregateUDFImpl for Probe<AggregateUDF> {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn aliases(&self) -> &[String] {
        self.function.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.function.return_type(types)
    }

    fn return_field(&self, fields: &[FieldRef]) -> Result<FieldRef> {
        self.function.return_field(fields)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.coerce(types)
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        internal_err!("a probe cannot be run")
    }
}
