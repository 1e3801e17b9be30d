//! Filters that a scan can push down to the source.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, Like, Operator};

use super::dynamic_column::{DynamicColumn, DynamicValue, OutputColumn};
use crate::schema::{Column, Place, Scalar, Shape, Table, Values};
use crate::store::Selection;

/// The column and the texts of a filter that selects exactly the rows whose column has one of these texts.
///
/// Such filters are `column = 'text'`, `column in ('text', ...)`, and a disjunction of them over one column. DataFusion
/// evaluates all other filters.
pub(crate) fn matched_texts(filter: &Expr) -> Option<(&str, BTreeSet<String>)> {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
            let (name, value) = match column_name(left) {
                Some(name) => (name, text_literal(right)?),
                None => (column_name(right)?, text_literal(left)?),
            };
            Some((name, BTreeSet::from([value])))
        }
        Expr::InList(InList { expr, list, negated: false }) => {
            Some((column_name(expr)?, list.iter().map(text_literal).collect::<Option<_>>()?))
        }
        // DataFusion rewrites short lists to disjunctions.
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            let ((name, mut some), (other, more)) = (matched_texts(left)?, matched_texts(right)?);
            some.extend(more);
            (name == other).then_some((name, some))
        }
        _ => None,
    }
}

/// The objects that a filter may select. `None` if the source cannot select by this filter.
pub(crate) fn selection_for_filter<'a>(
    table: &Table,
    output: impl Fn(&str) -> Option<&'a OutputColumn>,
    filter: &Expr,
) -> Option<Selection> {
    let (name, texts) = match filter {
        Expr::IsNotNull(expr) => (column_name(expr)?, BTreeSet::new()),
        other => matched_texts(other).filter(|(_, texts)| !texts.is_empty())?,
    };
    match output(name)? {
        OutputColumn::Fixed(number) => {
            let Column { place: Place::Object(fields), values: Values::Scalar(Scalar::Text), .. } =
                &table.columns[*number]
            else {
                return None;
            };
            Selection::for_field(table.kind, &json_path(table, fields)?, &texts)
        }
        OutputColumn::Dynamic(DynamicColumn {
            place: Place::Object(fields), value: DynamicValue::Key(_, key), ..
        }) => (json_path(table, fields)? == "metadata.labels").then(|| Selection::for_label(key, &texts))?,
        OutputColumn::Dynamic(_) => None,
    }
}

/// The JSON path of a field of the object.
fn json_path(table: &Table, fields: &[u16]) -> Option<String> {
    let mut names = Vec::new();
    let mut def = Some(table.kind.root);
    for number in fields {
        let field = def?.fields.get(usize::from(*number))?;
        names.push(field.json);
        def = if let Shape::Object(inner) = field.shape { Some(inner) } else { None };
    }
    Some(names.join("."))
}

fn column_name(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Column(column) => Some(&column.name),
        _ => None,
    }
}

/// The text of a literal, unless it is NULL or of another type.
fn text_literal(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Literal(value, _) => value.try_as_str().flatten().map(str::to_owned),
        _ => None,
    }
}

/// The columns that filters compare with a single text, and that text.
pub(crate) fn equalities(filters: &[Expr]) -> BTreeMap<String, String> {
    let single = |filter: &Expr| {
        if let Expr::Like(like) = filter {
            return like_equality(like);
        }
        let (name, texts) = matched_texts(filter)?;
        let [text] = <[String; 1]>::try_from(Vec::from_iter(texts)).ok()?;
        Some((name.to_owned(), text))
    };
    filters.iter().filter_map(single).collect()
}

/// The column and the text of a LIKE whose pattern matches a single text. Drivers send such patterns: they escape the
/// wildcards of a name.
fn like_equality(like: &Like) -> Option<(String, String)> {
    if like.negated || like.case_insensitive {
        return None;
    }
    let escape = like.escape_char.unwrap_or('\\');
    let (mut exact, pattern) = (String::new(), text_literal(&like.pattern)?);
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        match c {
            c if c == escape => exact.push(rest.next()?),
            '%' | '_' => return None,
            c => exact.push(c),
        }
    }
    Some((column_name(&like.expr)?.to_owned(), exact))
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{col, lit};
    use datafusion::scalar::ScalarValue;

    use super::*;

    #[test]
    fn like_without_wildcards_is_an_equality() {
        let like =
            |pattern: &str| Expr::Like(Like::new(false, Box::new(col("a")), Box::new(lit(pattern)), Some('\\'), false));
        for (pattern, expect) in [
            ("pods", Some("pods")),
            ("pod\\_t", Some("pod_t")),
            ("a\\\\b", Some("a\\b")),
            ("pod_t", None),
            ("pod%", None),
            ("odd\\", None),
        ] {
            let found = equalities(&[like(pattern)]);
            assert_eq!(found.get("a").map(String::as_str), expect, "{pattern}");
        }
        let negated = Like::new(true, Box::new(col("a")), Box::new(lit("x")), None, false);
        assert!(equalities(&[Expr::Like(negated)]).is_empty());
    }

    #[test]
    fn matches_only_equalities_of_one_column() {
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
            (col("a").eq(lit("x")).or(col("a").eq(lit("y"))), Some(vec!["x", "y"])),
            (col("a").eq(lit("x")).or(col("b").eq(lit("y"))), None),
            (col("a").eq(lit("x")).or(col("a").gt(lit("y"))), None),
            (col("a").eq(lit("x")).is_true(), None),
        ] {
            let found = matched_texts(&filter).map(|(_, texts)| texts.into_iter().collect::<Vec<_>>());
            assert_eq!(found, expect.map(|texts| texts.into_iter().map(str::to_owned).collect()), "{filter}");
        }
    }
}
