//! Decides for each part of a syntax tree whether it is supported.
//!
//! DataFusion passes over parts that it does not know, which gives wrong rows. The patterns here name every field, so a
//! new one of sqlparser does not compile until somebody decides.

use datafusion::sql::sqlparser::ast::{
    AccessExpr, CeilFloorKind, Cte, DateTimeField, Distinct, Expr, Fetch, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentClause, FunctionArgumentList, FunctionArguments, GroupByExpr, Interval, Join, JoinConstraint,
    JoinOperator, LimitClause, LockClause, NamedWindowDefinition, NamedWindowExpr, ObjectName, OrderBy, OrderByExpr,
    OrderByKind, Query, Select, SelectFlavor, SelectItem, SetExpr, SetOperator, SetQuantifier, Subscript, TableAlias,
    TableAliasColumnDef, TableFactor, TableFunctionArgs, TableWithJoins, TypedString, Value, ValueWithSpan, Values,
    WildcardAdditionalOptions, WindowFrame, WindowSpec, WindowType, With,
};

use super::identifiers::words;
use super::syntax::{first_word, read_only};
use crate::sql::error::{ErrorKind, SqlError};

type Checked = Result<(), SqlError>;

/// Collations that order text by its bytes, as kubesql does.
const COLLATIONS: [&str; 5] = ["default", "c", "posix", "ucs_basic", "c.utf8"];

fn unsupported(what: &str) -> SqlError {
    SqlError::new(ErrorKind::Unsupported, format!("{what} is not supported"))
        .hint("the SQL reference lists the supported statements")
}

/// Fails if a clause is present.
fn reject(is_present: bool, what: &str) -> Checked {
    if is_present { Err(unsupported(what)) } else { Ok(()) }
}

pub(super) fn query(query: &Query) -> Checked {
    let Query { with, body, order_by, limit_clause, fetch, locks, for_clause, settings, format_clause, pipe_operators } =
        query;
    if let Some(With { with_token: _, recursive: _, cte_tables }) = with {
        for Cte { alias, query: _, from, materialized: _, closing_paren_token: _ } in cte_tables {
            table_alias(alias)?;
            reject(from.is_some(), "FROM after a common table expression")?;
        }
    }
    set_expr(body)?;
    if let Some(order) = order_by {
        let OrderBy { kind, interpolate } = order;
        reject(interpolate.is_some(), "INTERPOLATE")?;
        match kind {
            OrderByKind::All(_) => return Err(unsupported("ORDER BY ALL")),
            OrderByKind::Expressions(exprs) => exprs.iter().try_for_each(order_by_expr)?,
        }
    }
    match limit_clause {
        None | Some(LimitClause::OffsetCommaLimit { offset: _, limit: _ }) => {}
        Some(LimitClause::LimitOffset { limit: _, offset: _, limit_by }) => reject(!limit_by.is_empty(), "LIMIT BY")?,
    }
    // `postgres::rewrite` makes a limit of it.
    if let Some(Fetch { with_ties: _, percent: _, quantity: _ }) = fetch {}
    if let Some(LockClause { lock_type, of: _, nonblock: _ }) = locks.first() {
        return Err(read_only(&format!("SELECT FOR {lock_type}")));
    }
    reject(for_clause.is_some(), "FOR XML, FOR JSON or FOR BROWSE")?;
    reject(settings.is_some(), "SETTINGS")?;
    reject(format_clause.is_some(), "FORMAT")?;
    reject(!pipe_operators.is_empty(), "the operator |>")
}

fn set_expr(body: &SetExpr) -> Checked {
    match body {
        // The walk visits both.
        SetExpr::Select(_) | SetExpr::Query(_) => Ok(()),
        SetExpr::SetOperation { left, op, set_quantifier, right } => {
            let is_by_name = match set_quantifier {
                SetQuantifier::All | SetQuantifier::Distinct | SetQuantifier::None => false,
                SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName => true,
            };
            reject(is_by_name, "BY NAME")?;
            reject(matches!(op, SetOperator::Minus), "MINUS")?;
            set_expr(left)?;
            set_expr(right)
        }
        SetExpr::Values(Values { explicit_row, value_keyword, rows: _ }) => {
            reject(*explicit_row, "VALUES ROW")?;
            reject(*value_keyword, "VALUE")
        }
        SetExpr::Insert(statement)
        | SetExpr::Update(statement)
        | SetExpr::Delete(statement)
        | SetExpr::Merge(statement) => Err(read_only(&first_word(statement))),
        // The parser passes over what follows the name. `upstream::table_command` replaces it before.
        SetExpr::Table(_) => Err(unsupported("TABLE here").hint("write SELECT * FROM")),
    }
}

pub(super) fn select(select: &Select) -> Checked {
    let Select {
        select_token: _,
        // Comments.
        optimizer_hints: _,
        distinct,
        select_modifiers,
        top,
        top_before_distinct: _,
        projection,
        exclude,
        into,
        from,
        lateral_views,
        prewhere,
        selection: _,
        connect_by,
        group_by,
        cluster_by,
        distribute_by,
        sort_by,
        having: _,
        named_window,
        qualify,
        window_before_qualify: _,
        value_table_mode,
        flavor,
    } = select;
    match distinct {
        None | Some(Distinct::All | Distinct::Distinct | Distinct::On(_)) => {}
    }
    reject(select_modifiers.is_some(), "a modifier of SELECT")?;
    reject(top.is_some(), "TOP")?;
    reject(exclude.is_some(), "EXCLUDE after the select list")?;
    projection.iter().try_for_each(select_item)?;
    if into.is_some() {
        return Err(read_only("SELECT INTO"));
    }
    for TableWithJoins { relation: _, joins } in from {
        joins.iter().try_for_each(join)?;
    }
    reject(!lateral_views.is_empty(), "LATERAL VIEW")?;
    reject(prewhere.is_some(), "PREWHERE")?;
    reject(!connect_by.is_empty(), "CONNECT BY")?;
    match group_by {
        GroupByExpr::All(modifiers) | GroupByExpr::Expressions(_, modifiers) => {
            reject(!modifiers.is_empty(), "WITH after GROUP BY")?;
        }
    }
    reject(!cluster_by.is_empty(), "CLUSTER BY")?;
    reject(!distribute_by.is_empty(), "DISTRIBUTE BY")?;
    reject(!sort_by.is_empty(), "SORT BY")?;
    for NamedWindowDefinition(_, definition) in named_window {
        match definition {
            NamedWindowExpr::NamedWindow(_) => return Err(unsupported("a window that is the name of another window")),
            NamedWindowExpr::WindowSpec(spec) => window_spec(spec)?,
        }
    }
    reject(qualify.is_some(), "QUALIFY")?;
    reject(value_table_mode.is_some(), "SELECT AS")?;
    match flavor {
        SelectFlavor::Standard => Ok(()),
        SelectFlavor::FromFirst | SelectFlavor::FromFirstNoSelect => Err(unsupported("FROM before SELECT")),
    }
}

fn select_item(item: &SelectItem) -> Checked {
    match item {
        SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { expr: _, alias: _ } => Ok(()),
        SelectItem::ExprWithAliases { expr: _, aliases: _ } => Err(unsupported("an expression with several aliases")),
        SelectItem::QualifiedWildcard(_, options) | SelectItem::Wildcard(options) => wildcard(options),
    }
}

fn wildcard(options: &WildcardAdditionalOptions) -> Checked {
    let WildcardAdditionalOptions {
        wildcard_token: _,
        opt_ilike,
        // DataFusion supports these three.
        opt_exclude: _,
        opt_except: _,
        opt_replace: _,
        opt_rename,
        opt_alias,
    } = options;
    reject(opt_ilike.is_some(), "ILIKE after *")?;
    reject(opt_rename.is_some(), "RENAME after *")?;
    reject(opt_alias.is_some(), "AS after *")
}

fn order_by_expr(order: &OrderByExpr) -> Checked {
    let OrderByExpr { expr: _, options: _, with_fill } = order;
    reject(with_fill.is_some(), "WITH FILL")
}

fn table_alias(alias: &TableAlias) -> Checked {
    let TableAlias { explicit: _, name: _, columns, at } = alias;
    for TableAliasColumnDef { name: _, data_type } in columns {
        reject(data_type.is_some(), "the type of a column in an alias")?;
    }
    reject(at.is_some(), "AT after an alias")
}

pub(super) fn table_factor(factor: &TableFactor) -> Checked {
    let alias = match factor {
        TableFactor::Table {
            name,
            alias,
            args,
            with_hints,
            version,
            with_ordinality,
            partitions,
            json_path,
            sample,
            index_hints,
        } => {
            if let Some(TableFunctionArgs { args, settings }) = args {
                args.iter().try_for_each(function_arg)?;
                reject(settings.is_some(), "SETTINGS")?;
            }
            reject(!with_hints.is_empty(), "WITH after a table")?;
            reject(version.is_some(), "the version of a table")?;
            reject(*with_ordinality && !is_set_function(name), "WITH ORDINALITY of this function")?;
            reject(!partitions.is_empty(), "PARTITION")?;
            reject(json_path.is_some(), "a path after a table")?;
            reject(sample.is_some(), "TABLESAMPLE")?;
            reject(!index_hints.is_empty(), "an index hint")?;
            alias
        }
        TableFactor::Derived { lateral: _, subquery: _, alias, sample } => {
            reject(sample.is_some(), "TABLESAMPLE")?;
            alias
        }
        TableFactor::Function { lateral: _, name, args, with_ordinality, alias } => {
            args.iter().try_for_each(function_arg)?;
            reject(*with_ordinality && !is_set_function(name), "WITH ORDINALITY of this function")?;
            alias
        }
        TableFactor::UNNEST { alias, array_exprs: _, with_offset, with_offset_alias, with_ordinality: _ } => {
            reject(*with_offset || with_offset_alias.is_some(), "WITH OFFSET")?;
            alias
        }
        TableFactor::NestedJoin { table_with_joins, alias } => {
            let TableWithJoins { relation: _, joins } = &**table_with_joins;
            joins.iter().try_for_each(join)?;
            alias
        }
        TableFactor::TableFunction { .. } => return Err(unsupported("TABLE(...)")),
        TableFactor::JsonTable { .. } => return Err(unsupported("JSON_TABLE")),
        TableFactor::OpenJsonTable { .. } => return Err(unsupported("OPENJSON")),
        TableFactor::Pivot { .. } => return Err(unsupported("PIVOT")),
        TableFactor::Unpivot { .. } => return Err(unsupported("UNPIVOT")),
        TableFactor::MatchRecognize { .. } => return Err(unsupported("MATCH_RECOGNIZE")),
        TableFactor::XmlTable { .. } => return Err(unsupported("XMLTABLE")),
        TableFactor::SemanticView { .. } => return Err(unsupported("SEMANTIC_VIEW")),
    };
    alias.as_ref().map_or(Ok(()), table_alias)
}

/// Whether `postgres::rewrite` makes an array of a function, whose items it can number.
fn is_set_function(name: &ObjectName) -> bool {
    words(name).last().is_some_and(|name| matches!(name.as_str(), "unnest" | "generate_series"))
}

fn join(join: &Join) -> Checked {
    use JoinOperator::{
        Anti, ArrayJoin, AsOf, CrossApply, CrossJoin, FullOuter, Inner, InnerArrayJoin, Join as Plain, Left, LeftAnti,
        LeftArrayJoin, LeftOuter, LeftSemi, OuterApply, Right, RightAnti, RightOuter, RightSemi, Semi, StraightJoin,
    };
    let Join { relation: _, global, join_operator } = join;
    reject(*global, "GLOBAL JOIN")?;
    match join_operator {
        Plain(constraint)
        | Inner(constraint)
        | Left(constraint)
        | LeftOuter(constraint)
        | Right(constraint)
        | RightOuter(constraint)
        | FullOuter(constraint)
        | LeftSemi(constraint)
        | RightSemi(constraint)
        | LeftAnti(constraint)
        | RightAnti(constraint) => match constraint {
            JoinConstraint::On(_) | JoinConstraint::Using(_) | JoinConstraint::Natural => Ok(()),
            JoinConstraint::None => Err(SqlError::new(ErrorKind::Syntax, "JOIN requires ON or USING")
                .hint("CROSS JOIN joins each row with each row")),
        },
        CrossJoin(JoinConstraint::None) => Ok(()),
        CrossJoin(_) => Err(SqlError::new(ErrorKind::Syntax, "CROSS JOIN has no condition")),
        Semi(_)
        | Anti(_)
        | CrossApply
        | OuterApply
        | AsOf { .. }
        | StraightJoin(_)
        | ArrayJoin
        | LeftArrayJoin
        | InnerArrayJoin => Err(unsupported("this kind of JOIN")),
    }
}

fn window_spec(spec: &WindowSpec) -> Checked {
    let WindowSpec { window_name, partition_by: _, order_by, window_frame } = spec;
    reject(window_name.is_some(), "a window that extends a named window")?;
    order_by.iter().try_for_each(order_by_expr)?;
    if let Some(WindowFrame { units: _, start_bound: _, end_bound: _ }) = window_frame {}
    Ok(())
}

fn function(function: &Function) -> Checked {
    let Function { name: _, uses_odbc_syntax: _, parameters, args, filter: _, null_treatment: _, over, within_group } =
        function;
    reject(!matches!(parameters, FunctionArguments::None), "a function with parameters")?;
    match args {
        FunctionArguments::None | FunctionArguments::Subquery(_) => {}
        FunctionArguments::List(FunctionArgumentList { duplicate_treatment: _, args, clauses }) => {
            args.iter().try_for_each(function_arg)?;
            for clause in clauses {
                match clause {
                    FunctionArgumentClause::IgnoreOrRespectNulls(_) => {}
                    FunctionArgumentClause::OrderBy(exprs) => exprs.iter().try_for_each(order_by_expr)?,
                    FunctionArgumentClause::Limit(_) => return Err(unsupported("LIMIT in a function")),
                    FunctionArgumentClause::OnOverflow(_) => return Err(unsupported("ON OVERFLOW")),
                    FunctionArgumentClause::Having(_) => return Err(unsupported("HAVING in a function")),
                    FunctionArgumentClause::Separator(_) => return Err(unsupported("SEPARATOR")),
                    FunctionArgumentClause::JsonNullClause(_) => return Err(unsupported("NULL ON NULL")),
                    FunctionArgumentClause::JsonReturningClause(_) => return Err(unsupported("RETURNING")),
                }
            }
        }
    }
    match over {
        None | Some(WindowType::NamedWindow(_)) => {}
        Some(WindowType::WindowSpec(spec)) => window_spec(spec)?,
    }
    within_group.iter().try_for_each(order_by_expr)
}

fn function_arg(arg: &FunctionArg) -> Checked {
    let arg = match arg {
        FunctionArg::Named { name: _, arg, operator: _ } | FunctionArg::Unnamed(arg) => arg,
        FunctionArg::ExprNamed { .. } => return Err(unsupported("an argument whose name is an expression")),
    };
    match arg {
        FunctionArgExpr::Expr(_) | FunctionArgExpr::QualifiedWildcard(_) | FunctionArgExpr::Wildcard => Ok(()),
        FunctionArgExpr::WildcardWithOptions(options) => wildcard(options),
    }
}

pub(super) fn expr(expr: &Expr) -> Checked {
    match expr {
        // All their fields are expressions, names or flags that DataFusion or `postgres::rewrite` evaluates.
        Expr::Identifier(_)
        | Expr::CompoundIdentifier(_)
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotUnknown(_)
        | Expr::IsDistinctFrom(_, _)
        | Expr::IsNotDistinctFrom(_, _)
        // DataFusion rejects ANY.
        | Expr::Like { negated: _, any: _, expr: _, pattern: _, escape_char: _ }
        | Expr::ILike { negated: _, any: _, expr: _, pattern: _, escape_char: _ }
        | Expr::InList { expr: _, list: _, negated: _ }
        | Expr::InSubquery { expr: _, subquery: _, negated: _ }
        | Expr::Between { expr: _, negated: _, low: _, high: _ }
        | Expr::BinaryOp { left: _, op: _, right: _ }
        | Expr::SimilarTo { negated: _, expr: _, pattern: _, escape_char: _ }
        | Expr::AnyOp { left: _, compare_op: _, right: _, is_some: _ }
        | Expr::AllOp { left: _, compare_op: _, right: _ }
        | Expr::UnaryOp { op: _, expr: _ }
        | Expr::AtTimeZone { timestamp: _, time_zone: _ }
        | Expr::Extract { field: _, syntax: _, expr: _ }
        | Expr::Position { expr: _, r#in: _ }
        | Expr::Substring { expr: _, substring_from: _, substring_for: _, special: _, shorthand: _ }
        | Expr::Trim { trim_where: _, trim_what: _, expr: _, trim_characters: _ }
        | Expr::Overlay { expr: _, overlay_what: _, overlay_from: _, overlay_for: _ }
        | Expr::Nested(_)
        | Expr::Case { case_token: _, end_token: _, operand: _, conditions: _, else_result: _ }
        | Expr::Exists { subquery: _, negated: _ }
        | Expr::Subquery(_)
        | Expr::GroupingSets(_)
        | Expr::Cube(_)
        | Expr::Rollup(_)
        | Expr::Tuple(_)
        | Expr::Array(_)
        // See `literal`.
        | Expr::Value(_)
        | Expr::TypedString(TypedString { data_type: _, value: _, uses_odbc_syntax: _ }) => Ok(()),
        Expr::CompoundFieldAccess { root: _, access_chain } => {
            access_chain.iter().try_for_each(|access| match access {
                AccessExpr::Dot(_) | AccessExpr::Subscript(Subscript::Index { index: _ }) => Ok(()),
                AccessExpr::Subscript(Subscript::Slice { lower_bound: _, upper_bound: _, stride }) => {
                    reject(stride.is_some(), "the stride of a subscript")
                }
            })
        }
        Expr::Cast { kind: _, expr: _, data_type: _, array, format } => {
            reject(*array, "a cast to ARRAY")?;
            reject(format.is_some(), "FORMAT of a cast")
        }
        Expr::Ceil { expr: _, field } => ceil_or_floor(field, "the second argument of ceil"),
        Expr::Floor { expr: _, field } => ceil_or_floor(field, "the second argument of floor"),
        Expr::Collate { expr: _, collation } => {
            let names = words(collation);
            let name = names.last().map(|name| name.to_lowercase()).unwrap_or_default();
            if COLLATIONS.contains(&name.as_str()) {
                return Ok(());
            }
            Err(unsupported(&format!("collation \"{name}\"")).hint("text is ordered by its bytes, as in collation \"C\""))
        }
        Expr::Function(call) => function(call),
        Expr::Interval(Interval {
            value: _,
            leading_field: _,
            leading_precision,
            last_field,
            fractional_seconds_precision,
        }) => {
            reject(leading_precision.is_some(), "the precision of an interval")?;
            reject(fractional_seconds_precision.is_some(), "the precision of an interval")?;
            reject(last_field.is_some(), "an interval of several fields")
        }
        Expr::JsonAccess { .. } => Err(unsupported("a path with a colon")),
        Expr::IsNormalized { .. } => Err(unsupported("IS NORMALIZED")),
        Expr::InUnnest { .. } => Err(unsupported("IN UNNEST").hint("use x = ANY(array)")),
        Expr::RLike { .. } => Err(unsupported("RLIKE").hint("use the operator ~")),
        Expr::Convert { .. } => Err(unsupported("CONVERT").hint("use CAST")),
        Expr::Prefixed { .. } => Err(unsupported("a literal with a character set")),
        Expr::Struct { .. } => Err(unsupported("STRUCT")),
        Expr::Named { .. } => Err(unsupported("a named field")),
        Expr::Dictionary(_) => Err(unsupported("a dictionary literal")),
        Expr::Map(_) => Err(unsupported("a map literal")),
        Expr::MatchAgainst { .. } => Err(unsupported("MATCH AGAINST")),
        Expr::Wildcard(_) | Expr::QualifiedWildcard(_, _) => Err(unsupported("* here")),
        Expr::OuterJoin(_) => Err(unsupported("(+)").hint("use LEFT JOIN")),
        Expr::Prior(_) => Err(unsupported("PRIOR")),
        Expr::Lambda(_) => Err(unsupported("a lambda function")),
        Expr::MemberOf(_) => Err(unsupported("MEMBER OF")),
    }
}

fn ceil_or_floor(field: &CeilFloorKind, what: &str) -> Checked {
    match field {
        CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) => Ok(()),
        CeilFloorKind::DateTimeField(_) | CeilFloorKind::Scale(_) => Err(unsupported(what)),
    }
}

pub(super) fn literal(value: &ValueWithSpan) -> Checked {
    match &value.value {
        Value::Number(_, is_long) => reject(*is_long, "the suffix L of a number"),
        Value::SingleQuotedString(_)
        | Value::DollarQuotedString(_)
        | Value::EscapedStringLiteral(_)
        | Value::Boolean(_)
        | Value::Null
        | Value::UnicodeStringLiteral(_)
        | Value::Placeholder(_) => Ok(()),
        Value::SingleQuotedByteStringLiteral(_) | Value::HexStringLiteral(_) => {
            Err(unsupported("a bit string").hint("use decode('1f', 'hex') for bytes"))
        }
        Value::NationalStringLiteral(_) => Err(unsupported("N'...'")),
        Value::TripleSingleQuotedString(_)
        | Value::TripleDoubleQuotedString(_)
        | Value::DoubleQuotedByteStringLiteral(_)
        | Value::TripleSingleQuotedByteStringLiteral(_)
        | Value::TripleDoubleQuotedByteStringLiteral(_)
        | Value::SingleQuotedRawStringLiteral(_)
        | Value::DoubleQuotedRawStringLiteral(_)
        | Value::TripleSingleQuotedRawStringLiteral(_)
        | Value::TripleDoubleQuotedRawStringLiteral(_)
        | Value::QuoteDelimitedStringLiteral(_)
        | Value::NationalQuoteDelimitedStringLiteral(_)
        | Value::DoubleQuotedString(_) => Err(unsupported("this kind of string literal")),
    }
}
