//! Answers of a server over PostgreSQL's protocol, and how two of them differ.

use tokio_postgres::types::Type;
use tokio_postgres::{Client, SimpleQueryMessage};

/// Types that differ on purpose: PostgreSQL's, kubesql's, and the reason, which is in docs/sql.md.
pub(super) const TYPES: &[(Type, Type, &str)] = &[
    (Type::INT4, Type::INT8, "Integer literals are `bigint`, not `integer`"),
    (Type::INT4_ARRAY, Type::INT8_ARRAY, "Integer literals are `bigint`, not `integer`"),
    (Type::NUMERIC, Type::INT8, "The sum of `bigint` is `bigint`"),
    (Type::NUMERIC, Type::FLOAT8, "Averages and statistics are `double precision`"),
    (Type::NUMERIC, Type::INT4, "`extract` returns `integer`"),
    (Type::FLOAT8, Type::INT4, "`extract` returns `integer`"),
    (Type::VARCHAR, Type::TEXT, "`varchar`, `char` and `name` are `text`"),
    (Type::BPCHAR, Type::TEXT, "`varchar`, `char` and `name` are `text`"),
    (Type::NAME, Type::TEXT, "`varchar`, `char` and `name` are `text`"),
    (Type::FLOAT8, Type::INT8, "`ceil`, `floor`, `round` and `sign` of whole numbers are whole numbers"),
    (Type::FLOAT8, Type::NUMERIC, "`ceil`, `floor`, `round` and `sign` of whole numbers are whole numbers"),
];

/// What a server answers.
#[derive(Debug)]
pub(super) enum Answer {
    Rows { types: Vec<Type>, names: Vec<String>, rows: Vec<Vec<Option<String>>> },
    Error { code: String, message: String },
}

impl Answer {
    pub(super) fn is_error(&self) -> bool {
        matches!(self, Self::Error { .. })
    }

    /// A short text for reports.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Error { code, message } => format!("{code} {message}"),
            Self::Rows { types, rows, .. } => {
                let types: Vec<&str> = types.iter().map(Type::name).collect();
                format!("{} rows of {types:?}, first {:?}", rows.len(), rows.iter().take(3).collect::<Vec<_>>())
            }
        }
    }
}

/// Runs a statement twice: prepared, for its types, and as a simple query, for its values as text.
pub(super) async fn ask(client: &Client, sql: &str) -> Answer {
    match try_ask(client, sql).await {
        Ok(answer) => answer,
        Err(error) => match error.as_db_error() {
            Some(error) => Answer::Error { code: error.code().code().to_owned(), message: error.message().to_owned() },
            None => panic!("{sql}: {error:?}"),
        },
    }
}

async fn try_ask(client: &Client, sql: &str) -> Result<Answer, tokio_postgres::Error> {
    let statement = client.prepare(sql).await?;
    let types: Vec<Type> = statement.columns().iter().map(|column| column.type_().clone()).collect();
    let names = statement.columns().iter().map(|column| column.name().to_owned()).collect();
    if statement.params().is_empty() {
        client.query(&statement, &[]).await?;
    }
    let mut rows = Vec::new();
    for message in client.simple_query(sql).await? {
        if let SimpleQueryMessage::Row(row) = message {
            rows.push((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect());
        }
    }
    Ok(Answer::Rows { types, names, rows })
}

/// How two answers differ, if they do. Errors must have the same SQLSTATE; their texts may differ.
pub(super) fn difference(sql: &str, theirs: &Answer, ours: &Answer) -> Option<String> {
    let (types, names, rows, our_types, our_names, our_rows) = match (theirs, ours) {
        (Answer::Rows { types, names, rows }, Answer::Rows { types: our_types, names: our_names, rows: our_rows }) => {
            (types, names, rows, our_types, our_names, our_rows)
        }
        (Answer::Error { code, .. }, Answer::Error { code: other, .. }) => {
            return (code != other).then(|| "SQLSTATE".to_owned());
        }
        _ => return Some("an error".to_owned()),
    };
    if types.len() != our_types.len() {
        return Some("number of columns".to_owned());
    }
    let is_known = |(theirs, ours): (&Type, &Type)| {
        theirs == ours || TYPES.iter().any(|(known, other, _)| (known, other) == (theirs, ours))
    };
    if !types.iter().zip(our_types).all(is_known) {
        return Some("types".to_owned());
    }
    // Names that the statement gives.
    let is_given = |name: &String| sql.contains(&format!(" as {name}"));
    if names.iter().zip(our_names).any(|(theirs, ours)| is_given(theirs) && theirs != ours) {
        return Some("names".to_owned());
    }
    if rows.len() != our_rows.len() {
        return Some("number of rows".to_owned());
    }
    let is_number: Vec<bool> = types
        .iter()
        .zip(our_types)
        .map(|(theirs, ours)| {
            let all = [Type::FLOAT4, Type::FLOAT8, Type::NUMERIC];
            all.contains(theirs) || all.contains(ours)
        })
        .collect();
    let (mut rows, mut our_rows): (Vec<_>, Vec<_>) = (rows.iter().collect(), our_rows.iter().collect());
    if !is_ordered(sql) {
        rows.sort();
        our_rows.sort();
    }
    let is_same = |(theirs, ours): (&&Vec<Option<String>>, &&Vec<Option<String>>)| {
        let mut values = theirs.iter().zip(ours.iter()).zip(&is_number);
        values.all(|((theirs, ours), is_number)| theirs == ours || (*is_number && is_close(theirs, ours)))
    };
    if rows.iter().zip(&our_rows).all(is_same) { None } else { Some("values".to_owned()) }
}

/// Whether the rows of a statement have an order: `ORDER BY` outside of parentheses.
fn is_ordered(sql: &str) -> bool {
    let mut depth = 0;
    sql.match_indices(['(', ')'])
        .chain(sql.match_indices("order by"))
        .collect::<std::collections::BTreeMap<_, _>>()
        .values()
        .any(|token| {
            match *token {
                "(" => depth += 1,
                ")" => depth -= 1,
                _ => return depth == 0,
            }
            false
        })
}

/// Whether two numbers are equal but for their last digits: the order of a sum, and the digits that numbers show, are
/// not defined.
fn is_close(theirs: &Option<String>, ours: &Option<String>) -> bool {
    let number = |text: &Option<String>| text.as_ref().and_then(|text| text.parse::<f64>().ok());
    let (Some(theirs), Some(ours)) = (number(theirs), number(ours)) else { return false };
    theirs == ours || (theirs - ours).abs() <= 1e-9 * theirs.abs().max(ours.abs())
}

#[test]
fn finds_the_order_of_a_statement() {
    for (sql, expected) in [
        ("select 1 order by 1", true),
        ("select row_number() over (order by x) from t", false),
        ("select row_number() over (order by x) from t order by lower(x)", true),
        ("select * from (select 1 order by 1) t", false),
    ] {
        assert_eq!(is_ordered(sql), expected, "{sql}");
    }
}
