//! Functions of Presto that `rewrite::presto` replaces by other syntax. They are registered only to be listed.

use arrow::datatypes::DataType;
use datafusion::common::internal_err;
use datafusion::error::Result;
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, ScalarUDF, Signature, TypeSignature, Volatility,
};

use super::{Doc, Function};
use crate::sql::error::{ErrorKind, SqlError};

/// The scalar functions that `rewrite::presto` replaces.
pub(super) fn functions() -> Vec<ScalarUDF> {
    let text = |syntax: &'static str, description: &'static str, example: &'static str| {
        Doc { section: "Presto Functions", description, syntax, example, arguments: &[] }.build()
    };
    let all: [(&'static str, Documentation); 8] = [
        (
            "if",
            text(
                "if(condition, value[, other])",
                "Returns the value if the condition is true, and the other one or NULL if not.",
                "select if(ready.status = 'True', 'yes', 'no') from nodes",
            ),
        ),
        (
            "try",
            text(
                "try(expression)",
                "Returns NULL where a cast of the expression fails, or where it divides by zero.",
                "select try(cast(labels['version'] as bigint)) from pods",
            ),
        ),
        (
            "split",
            text(
                "split(text, separator)",
                "Returns the parts of a text between separators, as a list.",
                "select split(image, ':') from containers",
            ),
        ),
        (
            "transform",
            text(
                "transform(list, x -> expression)",
                "Returns a list of the values of an expression for each item of a list.",
                "select transform(verbs, v -> upper(v)) from clusterrole_rules",
            ),
        ),
        (
            "filter",
            text(
                "filter(list, x -> condition)",
                "Returns the items of a list for which a condition is true.",
                "select filter(verbs, v -> v <> 'get') from clusterrole_rules",
            ),
        ),
        (
            "all_match",
            text(
                "all_match(list, x -> condition)",
                "Returns whether a condition is true for all items of a list.",
                "select all_match(verbs, v -> v in ('get', 'list')) from clusterrole_rules",
            ),
        ),
        (
            "none_match",
            text(
                "none_match(list, x -> condition)",
                "Returns whether a condition is true for no item of a list.",
                "select none_match(verbs, v -> v = 'delete') from clusterrole_rules",
            ),
        ),
        (
            "any_match",
            text(
                "any_match(list, x -> condition)",
                "Returns whether a condition is true for an item of a list.",
                "select any_match(verbs, v -> v = 'delete') from clusterrole_rules",
            ),
        ),
    ];
    let function = |(name, documentation)| {
        Function {
            name,
            signature: Signature::new(
                TypeSignature::OneOf(vec![TypeSignature::Nullary, TypeSignature::VariadicAny]),
                Volatility::Immutable,
            ),
            returns: |_| Err("other arguments"),
            run: |_| internal_err!("the function was not replaced"),
            documentation,
        }
        .udf()
    };
    all.map(function).into()
}

/// The aggregate functions that `rewrite::presto` replaces.
pub(super) fn aggregates() -> Vec<AggregateUDF> {
    let text = |syntax: &'static str, description: &'static str, example: &'static str| {
        Doc { section: "Presto Functions", description, syntax, example, arguments: &[] }.build()
    };
    let all: [(&'static str, Documentation); 7] = [
        (
            "count_if",
            text(
                "count_if(condition)",
                "Returns the number of rows for which a condition is true.",
                "select count_if(phase = 'Running') from pods",
            ),
        ),
        (
            "max_by",
            text(
                "max_by(value, key)",
                "Returns the value of the row with the greatest key.",
                "select max_by(name, creationtimestamp) from pods",
            ),
        ),
        (
            "min_by",
            text(
                "min_by(value, key)",
                "Returns the value of the row with the least key.",
                "select min_by(name, creationtimestamp) from pods",
            ),
        ),
        (
            "listagg",
            text(
                "listagg(text, separator) within group (order by key)",
                "Joins the texts of all rows.",
                "select listagg(name, ', ') within group (order by name) from nodes",
            ),
        ),
        (
            "approx_percentile",
            text(
                "approx_percentile(value, percentage)",
                "Returns an approximate percentile as `double precision`; 0.5 is the median.",
                "select approx_percentile(restartcount, 0.9) from containers",
            ),
        ),
        (
            "map_agg",
            text(
                "map_agg(key, value)",
                "Returns a map of the keys and values of all rows.",
                "select map_agg(name, phase) from pods",
            ),
        ),
        (
            "histogram",
            text(
                "histogram(value)",
                "Returns a map of the values of all rows and how often each occurs.",
                "select histogram(phase) from pods",
            ),
        ),
    ];
    let signature = || {
        Signature::new(
            TypeSignature::OneOf(vec![TypeSignature::Nullary, TypeSignature::VariadicAny]),
            Volatility::Immutable,
        )
    };
    all.map(|(name, documentation)| {
        AggregateUDF::new_from_impl(Replaced { name, signature: signature(), documentation })
    })
    .into()
}

/// An aggregate that `rewrite::presto` replaces.
#[derive(Debug)]
struct Replaced {
    name: &'static str,
    signature: Signature,
    documentation: Documentation,
}

impl PartialEq for Replaced {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Replaced {}

impl std::hash::Hash for Replaced {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl AggregateUDFImpl for Replaced {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        let message = format!("{} is not supported with these arguments", self.name);
        let error = SqlError::new(ErrorKind::Unsupported, message);
        Err(error.hint(format!("write {}", self.documentation.syntax_example)).into())
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        internal_err!("{} was not replaced", self.name)
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
