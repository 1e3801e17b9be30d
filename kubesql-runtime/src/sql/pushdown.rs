//! What filters say about which rows there can be, where that is certain.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

/// A filter that holds for exactly the rows whose column has one of these texts.
///
/// Only `column = 'text'` and `column in ('text', ...)` are such filters; whatever else there is, however like them
/// it looks, is left to DataFusion.
pub(super) fn texts(filter: &Expr) -> Option<(&str, BTreeSet<String>)> {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
            let (name, value) = match column(left) {
                Some(name) => (name, text(right)?),
                None => (column(right)?, text(left)?),
            };
            Some((name, BTreeSet::from([value])))
        }
        Expr::InList(InList { expr, list, negated: false }) => {
            Some((column(expr)?, list.iter().map(text).collect::<Option<_>>()?))
        }
        _ => None,
    }
}

fn column(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Column(column) => Some(&column.name),
        _ => None,
    }
}

/// The text of a literal that is one and is not NULL.
fn text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Literal(value, _) => value.try_as_str().flatten().map(str::to_owned),
        _ => None,
    }
}

/// The columns that have to have one text each.
pub(super) fn equalities(filters: &[Expr]) -> BTreeMap<String, String> {
    let single = |filter| {
        let (name, texts) = texts(filter)?;
        let [text] = <[String; 1]>::try_from(Vec::from_iter(texts)).ok()?;
        Some((name.to_owned(), text))
    };
    filters.iter().filter_map(single).collect()
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{col, lit};
    use datafusion::scalar::ScalarValue;

    use super::*;

    #[test]
    fn only_certain_filters_are_understood() {
        let null = || Expr::Literal(ScalarValue::Utf8View(None), None);
        for (filter, expect) in [
            (col("a").eq(lit("x")), Some(vec!["x"])),
            (lit("x").eq(col("a")), Some(vec!["x"])),
            (col("a").in_list(vec![lit("x"), lit("y")], false), Some(vec!["x", "y"])),
            (col("a").in_list(vec![lit("x"), lit("y")], true), None),
            (col("a").in_list(vec![lit("x"), null()], false), None),
            (col("a").in_list(vec![lit("x"), col("b")], false), None),
            (col("a").not_eq(lit("x")), None),
            (col("a").eq(null()), None),
            (col("a").eq(lit(1)), None),
            (col("a").eq(col("b")), None),
            (col("a").gt(lit("x")), None),
            (col("a").like(lit("x")), None),
            (col("a").eq(lit("x")).or(col("a").eq(lit("y"))), None),
            (col("a").eq(lit("x")).is_true(), None),
        ] {
            let found = texts(&filter).map(|(_, texts)| texts.into_iter().collect::<Vec<_>>());
            assert_eq!(found, expect.map(|texts| texts.into_iter().map(str::to_owned).collect()), "{filter}");
        }
    }
}
