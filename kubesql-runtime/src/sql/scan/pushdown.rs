//! What filters say about which rows there can be, where that is certain.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, Like, Operator};

use super::dynamic_column::{DynamicColumn, DynamicValue, OutputColumn};
use crate::schema::{Column, Place, Scalar, Shape, Table, Values};
use crate::store::Selection;

/// A filter that holds for exactly the rows whose column has one of these texts.
///
/// Only `column = 'text'`, `column in ('text', ...)`, and several of them of one column with OR between them are such
/// filters; whatever else there is, however like them it looks, is left to DataFusion.
pub(crate) fn texts(filter: &Expr) -> Option<(&str, BTreeSet<String>)> {
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
        // What DataFusion makes of short lists.
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            let ((name, mut some), (other, more)) = (texts(left)?, texts(right)?);
            some.extend(more);
            (name == other).then_some((name, some))
        }
        _ => None,
    }
}

/// What a filter of a table's columns tells of the objects that are needed; `None` where it tells nothing that a
/// source can be asked for.
pub(crate) fn selection<'a>(
    table: &Table,
    output: impl Fn(&str) -> Option<&'a OutputColumn>,
    filter: &Expr,
) -> Option<Selection> {
    let (name, texts) = match filter {
        Expr::IsNotNull(expr) => (column(expr)?, BTreeSet::new()),
        other => texts(other).filter(|(_, texts)| !texts.is_empty())?,
    };
    match output(name)? {
        OutputColumn::Fixed(number) => {
            let Column { place: Place::Object(fields), values: Values::Scalar(Scalar::Text), .. } =
                &table.columns[*number]
            else {
                return None;
            };
            Selection::for_field(table.kind, &path(table, fields)?, &texts)
        }
        OutputColumn::Dynamic(DynamicColumn {
            place: Place::Object(fields), pick: DynamicValue::Key(_, key), ..
        }) => (path(table, fields)? == "metadata.labels").then(|| Selection::for_label(key, &texts))?,
        OutputColumn::Dynamic(_) => None,
    }
}

/// The JSON path of a field of the object.
fn path(table: &Table, fields: &[u16]) -> Option<String> {
    let mut names = Vec::new();
    let mut of = Some(table.kind.root);
    for number in fields {
        let field = of?.fields.get(usize::from(*number))?;
        names.push(field.json);
        of = if let Shape::Object(inner) = field.shape { Some(inner) } else { None };
    }
    Some(names.join("."))
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
pub(crate) fn equalities(filters: &[Expr]) -> BTreeMap<String, String> {
    let single = |filter: &Expr| {
        if let Expr::Like(like) = filter {
            return exactly(like);
        }
        let (name, texts) = texts(filter)?;
        let [text] = <[String; 1]>::try_from(Vec::from_iter(texts)).ok()?;
        Some((name.to_owned(), text))
    };
    filters.iter().filter_map(single).collect()
}

/// What a LIKE whose pattern stands for one text only says: that of drivers, which escape what a name has of wildcards.
fn exactly(like: &Like) -> Option<(String, String)> {
    if like.negated || like.case_insensitive {
        return None;
    }
    let escape = like.escape_char.unwrap_or('\\');
    let (mut exact, pattern) = (String::new(), text(&like.pattern)?);
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        match c {
            c if c == escape => exact.push(rest.next()?),
            '%' | '_' => return None,
            c => exact.push(c),
        }
    }
    Some((column(&like.expr)?.to_owned(), exact))
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{col, lit};
    use datafusion::scalar::ScalarValue;

    use super::*;

    #[test]
    fn patterns_of_one_text_are_equalities() {
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
            (col("a").eq(lit("x")).or(col("a").eq(lit("y"))), Some(vec!["x", "y"])),
            (col("a").eq(lit("x")).or(col("b").eq(lit("y"))), None),
            (col("a").eq(lit("x")).or(col("a").gt(lit("y"))), None),
            (col("a").eq(lit("x")).is_true(), None),
        ] {
            let found = texts(&filter).map(|(_, texts)| texts.into_iter().collect::<Vec<_>>());
            assert_eq!(found, expect.map(|texts| texts.into_iter().map(str::to_owned).collect()), "{filter}");
        }
    }
}
