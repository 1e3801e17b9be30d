//! Binds references to keys of maps, conditions and `object` in DataFusion's planner.
//!
//! The pass `rewrite::names` lists the candidates of each reference; [`KeyPlanner`] picks the first that exists. The
//! keys of a table are hidden columns (`hidden`). A map that a subquery selects has no hidden columns: its keys are
//! calls of [`MapKey`](crate::sql::functions::map_key::MapKey), which `key_columns` replaces by columns.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Column, DFSchema, TableReference, internal_err};
use datafusion::error::Result;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr, RawFieldAccessExpr};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, GetFieldAccess, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    TypeSignature, Volatility, lit,
};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use crate::schema::MapValue;
use crate::sql::functions::element_at;
use crate::sql::functions::json;
use crate::sql::functions::map_key::{map_and_key, map_key};
use crate::sql::rewrite::hidden::{hidden, is_hidden, without_marks};
use crate::sql::rewrite::markers::{CANDIDATE, CANDIDATES, MERGED, READINGS, ROW};
use crate::sql::types::{is_key, map_value};

/// The functions of markers. No plan contains them.
pub(crate) fn markers() -> Vec<ScalarUDF> {
    [CANDIDATES, READINGS, MERGED, ROW].into_iter().map(|name| ScalarUDF::new_from_impl(Marker::new(name))).collect()
}

/// Binds references to keys, and subscripts of maps.
#[derive(Debug)]
pub(crate) struct KeyPlanner;

impl ExprPlanner for KeyPlanner {
    fn plan_field_access(
        &self,
        access: RawFieldAccessExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawFieldAccessExpr>> {
        let RawFieldAccessExpr { field_access, expr } = &access;
        let planned = match field_access {
            GetFieldAccess::ListIndex { key } => match &**key {
                Expr::ScalarFunction(call) if call.name() == CANDIDATES => {
                    Some(first_candidate(expr, &call.args, schema))
                }
                Expr::ScalarFunction(call) if call.name() == READINGS => {
                    let mut readings = std::iter::once(expr).chain(&call.args);
                    let existing = readings.find(|reading| find_candidate(reading, schema) != Found::Nowhere);
                    Some(existing.unwrap_or(expr).clone())
                }
                Expr::ScalarFunction(call) if call.name() == MERGED => Some(left_column(expr, schema)),
                Expr::ScalarFunction(call) if call.name() == ROW => Some(whole_row(expr, schema)?),
                _ => None,
            },
            GetFieldAccess::NamedStructField { name } => {
                let key = name.try_as_str().flatten().unwrap_or_default();
                match key.strip_prefix(CANDIDATE) {
                    Some(key) => Some(bind_key(expr, key, schema).unwrap_or_else(unbound_reference)),
                    // DataFusion reports the column of an unknown map.
                    None if find_candidate(expr, schema) == Found::Nowhere => Some(expr.clone()),
                    None => bind_key(expr, key, schema),
                }
            }
            GetFieldAccess::ListRange { .. } => None,
        };
        Ok(planned.map_or(PlannerResult::Original(access), PlannerResult::Planned))
    }

    fn plan_compound_identifier(
        &self,
        field: &Field,
        qualifier: Option<&TableReference>,
        nested_names: &[String],
    ) -> Result<PlannerResult<Vec<Expr>>> {
        let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
        let key = nested_names.join(".");
        Ok(PlannerResult::Planned(if matches!(field.data_type(), DataType::Map(..)) {
            map_key(column, &key)
        } else {
            Expr::Column(Column::new_unqualified(format!("{}.{key}", field.name())))
        }))
    }

    /// Plans `labels ->> 'app'` and `labels ? 'app'`: clients of PostgreSQL treat maps as `jsonb`.
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        if !matches!(expr.op, BinaryOperator::LongArrow | BinaryOperator::Question)
            || !matches!(expr.left.get_type(schema), Ok(DataType::Map(..)))
        {
            return Ok(PlannerResult::Original(expr));
        }
        let RawBinaryExpr { op, left, right } = expr;
        let is_text = map_field(&left, schema).is_some_and(|field| map_value(&field) == Some(MapValue::Text));
        let value = match &right {
            Expr::Literal(key, _)
                if is_text
                    && let Some(key) = key.try_as_str().flatten()
                    && let Some(value) = bind_key(&left, key, schema) =>
            {
                value
            }
            _ => element_at::function().call(vec![left, right]),
        };
        Ok(PlannerResult::Planned(if op == BinaryOperator::Question { value.is_not_null() } else { value }))
    }
}

/// The query that has the column of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// This query. The column may be ambiguous; the planner reports that.
    Here,
    /// An outer query.
    Outer,
    Nowhere,
}

fn find_candidate(expr: &Expr, schema: &DFSchema) -> Found {
    match expr {
        // Lookups that fail list all columns in their error, which took a tenth of the planning time.
        Expr::Column(column) if schema.is_column_from_schema(column) => Found::Here,
        Expr::Column(_) => Found::Nowhere,
        Expr::OuterReferenceColumn(..) => Found::Outer,
        Expr::ScalarFunction(call) if call.func.inner().is::<Marker>() => Found::Nowhere,
        other => map_and_key(other).map_or(Found::Here, |(map, _)| find_candidate(map, schema)),
    }
}

/// The first candidate of this query, else the first of an outer query, else the reference as it is written.
fn first_candidate(written: &Expr, others: &[Expr], schema: &DFSchema) -> Expr {
    let all = || std::iter::once(written).chain(others);
    let find = |place| all().find(|expr| find_candidate(expr, schema) == place);
    let found = find(Found::Here).or_else(|| find(Found::Outer)).unwrap_or(written);
    if let Expr::Column(column) = found {
        // In a subquery over several tables that can have the key, only one of them may expose it.
        let name = hidden(&column.name);
        if schema.has_column(&Column::new(column.relation.clone(), format!("{name}:1"))) {
            return Expr::Column(Column::new(column.relation.clone(), name));
        }
    }
    found.clone()
}

/// The first of several columns of this name.
fn left_column(written: &Expr, schema: &DFSchema) -> Expr {
    let Expr::Column(Column { relation: None, name, .. }) = written else { return written.clone() };
    let columns = schema.columns_with_unqualified_name(name);
    columns.into_iter().next().map_or_else(|| written.clone(), Expr::Column)
}

/// A column of this name, or the row of the relation of this name as JSON.
fn whole_row(written: &Expr, schema: &DFSchema) -> Result<Expr> {
    let Expr::Column(Column { relation: None, name, .. }) = written else { return Ok(written.clone()) };
    if find_candidate(written, schema) == Found::Here {
        return Ok(written.clone());
    }
    let of_relation = |(qualifier, field): (Option<&TableReference>, &FieldRef)| {
        let is_of = qualifier.is_some_and(|qualifier| qualifier.table() == name.as_str());
        (is_of && !is_hidden(field.name()))
            .then(|| [lit(field.name().clone()), Expr::Column(Column::new(qualifier.cloned(), field.name()))])
    };
    let columns: Vec<Expr> = schema.iter().filter_map(of_relation).flatten().collect();
    if columns.is_empty() { Ok(written.clone()) } else { json::call("json_row", columns) }
}

/// The value of a map's key: a column of the key, or a call. `None` if the expression is not a map.
fn bind_key(map: &Expr, key: &str, schema: &DFSchema) -> Option<Expr> {
    let field = map_field(map, schema)?;
    map_value(&field)?;
    if let Expr::Column(column) = map {
        let name = format!("{}.{key}", without_marks(&column.name));
        let selected = Column::new(column.relation.clone(), &name);
        let hidden_column = Column::new(column.relation.clone(), hidden(&name));
        if schema.qualified_field_from_column(&selected).is_ok_and(|(_, field)| is_key(field, &name)) {
            return Some(Expr::Column(selected));
        }
        if schema.has_column(&hidden_column) {
            return Some(Expr::Column(hidden_column));
        }
    }
    Some(map_key(map.clone(), key))
}

/// The field of a map column; `None` for other expressions.
fn map_field(expr: &Expr, schema: &DFSchema) -> Option<FieldRef> {
    let field = match expr {
        Expr::Column(column) => Arc::clone(schema.qualified_field_from_column(column).ok()?.1),
        Expr::OuterReferenceColumn(field, _) => Arc::clone(field),
        _ => return None,
    };
    matches!(field.data_type(), DataType::Map(..)).then_some(field)
}

/// A reference that no schema can bind.
fn unbound_reference() -> Expr {
    Marker::new(CANDIDATES).into_call()
}

/// A function that [`KeyPlanner`] replaces.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Marker {
    name: &'static str,
    signature: Signature,
}

impl Marker {
    fn new(name: &'static str) -> Self {
        let any = TypeSignature::OneOf(vec![TypeSignature::Nullary, TypeSignature::VariadicAny]);
        Self { name, signature: Signature::new(any, Volatility::Immutable) }
    }

    fn into_call(self) -> Expr {
        ScalarUDF::new_from_impl(self).call(Vec::new())
    }
}

impl ScalarUDFImpl for Marker {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        internal_err!("a reference was not bound")
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("a reference was not bound")
    }
}
