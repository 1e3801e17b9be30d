//! The answers to `GetSqlInfo` and `GetXdbcTypeInfo`. Tests compare them with the outcome of statements.

use std::collections::HashMap;

use arrow_flight::error::FlightError;
use arrow_flight::sql::metadata::{
    SqlInfoData, SqlInfoDataBuilder, XdbcTypeInfo, XdbcTypeInfoData, XdbcTypeInfoDataBuilder,
};
use arrow_flight::sql::{
    Nullable, Searchable, SqlInfo, SqlNullOrdering, SqlSupportedTransaction, SqlSupportsConvert,
    SqlTransactionIsolationLevel, XdbcDataType, XdbcDatetimeSubcode,
};

/// Keywords that are not keywords of SQL-92.
pub(super) const KEYWORDS: &[&str] =
    &["DESCRIBE", "EXPLAIN", "ILIKE", "LATERAL", "LIMIT", "OFFSET", "OVER", "PARTITION", "RECURSIVE", "SHOW", "WINDOW"];

/// Numeric functions, by their names in the X/Open CLI.
pub(super) const NUMERIC: &[&str] = &[
    "ABS", "ACOS", "ASIN", "ATAN", "ATAN2", "CEIL", "COS", "COT", "DEGREES", "EXP", "FLOOR", "LOG", "LOG10", "PI",
    "POWER", "RADIANS", "RANDOM", "ROUND", "SIN", "SQRT", "TAN", "TRUNC",
];

/// String functions.
pub(super) const STRING: &[&str] = &[
    "ASCII",
    "BTRIM",
    "CHAR_LENGTH",
    "CHR",
    "CONCAT",
    "LEFT",
    "LENGTH",
    "LOWER",
    "LPAD",
    "LTRIM",
    "OCTET_LENGTH",
    "POSITION",
    "REPEAT",
    "REPLACE",
    "REVERSE",
    "RIGHT",
    "RPAD",
    "RTRIM",
    "SPLIT_PART",
    "STRPOS",
    "SUBSTR",
    "UPPER",
];

/// Date and time functions.
pub(super) const DATETIME: &[&str] =
    &["CURRENT_DATE", "CURRENT_TIME", "DATE_PART", "DATE_TRUNC", "NOW", "TO_TIMESTAMP"];

/// Boolean values that are false.
const FALSE: &[SqlInfo] = &[
    SqlInfo::FlightSqlServerSubstrait,
    SqlInfo::FlightSqlServerBulkIngestion,
    SqlInfo::FlightSqlServerIngestTransactionsSupported,
    SqlInfo::SqlDdlCatalog,
    SqlInfo::SqlDdlSchema,
    SqlInfo::SqlDdlTable,
    SqlInfo::SqlSupportsDifferentTableCorrelationNames,
    SqlInfo::SqlSupportsNonNullableColumns,
    SqlInfo::SqlSupportsIntegrityEnhancementFacility,
    SqlInfo::SqlSelectForUpdateSupported,
    SqlInfo::SqlStoredProceduresSupported,
    SqlInfo::SqlTransactionsSupported,
    SqlInfo::SqlDataDefinitionCausesTransactionCommit,
    SqlInfo::SqlDataDefinitionsInTransactionsIgnored,
    SqlInfo::SqlBatchUpdatesSupported,
    SqlInfo::SqlSavepointsSupported,
    SqlInfo::SqlNamedParametersSupported,
    SqlInfo::SqlLocatorsUpdateCopy,
    SqlInfo::SqlStoredFunctionsUsingCallSyntaxSupported,
];

/// Boolean values that are true.
const TRUE: &[SqlInfo] = &[
    SqlInfo::FlightSqlServerReadOnly,
    SqlInfo::FlightSqlServerSql,
    SqlInfo::FlightSqlServerCancel,
    SqlInfo::SqlAllTablesAreSelectable,
    SqlInfo::SqlSupportsColumnAliasing,
    SqlInfo::SqlSupportsLikeEscapeClause,
    SqlInfo::SqlNullPlusNullIsNull,
    SqlInfo::SqlSupportsTableCorrelationNames,
    SqlInfo::SqlSupportsExpressionsInOrderBy,
    SqlInfo::SqlSupportsOrderByUnrelated,
    SqlInfo::SqlCatalogAtStart,
    SqlInfo::SqlMaxRowSizeIncludesBlobs,
    SqlInfo::SqlCorrelatedSubqueriesSupported,
];

/// Limits that do not exist or are not known, for which the value is 0.
const UNLIMITED: &[SqlInfo] = &[
    SqlInfo::SqlMaxBinaryLiteralLength,
    SqlInfo::SqlMaxCharLiteralLength,
    SqlInfo::SqlMaxColumnNameLength,
    SqlInfo::SqlMaxColumnsInGroupBy,
    SqlInfo::SqlMaxColumnsInIndex,
    SqlInfo::SqlMaxColumnsInOrderBy,
    SqlInfo::SqlMaxColumnsInSelect,
    SqlInfo::SqlMaxColumnsInTable,
    SqlInfo::SqlMaxConnections,
    SqlInfo::SqlMaxCursorNameLength,
    SqlInfo::SqlMaxIndexLength,
    SqlInfo::SqlDbSchemaNameLength,
    SqlInfo::SqlMaxProcedureNameLength,
    SqlInfo::SqlMaxCatalogNameLength,
    SqlInfo::SqlMaxRowSize,
    SqlInfo::SqlMaxStatementLength,
    SqlInfo::SqlMaxStatements,
    SqlInfo::SqlMaxTableNameLength,
    SqlInfo::SqlMaxTablesInSelect,
    SqlInfo::SqlMaxUsernameLength,
];

/// Numbers and bit masks.
const NUMBERS: &[(SqlInfo, i32)] = &[
    (SqlInfo::FlightSqlServerTransaction, SqlSupportedTransaction::None as i32),
    (SqlInfo::FlightSqlServerStatementTimeout, 0),
    (SqlInfo::FlightSqlServerTransactionTimeout, 0),
    // Unquoted identifiers are folded to lower case, quoted ones are case-sensitive.
    (SqlInfo::SqlIdentifierCase, 3),
    (SqlInfo::SqlQuotedIdentifierCase, 0),
    (SqlInfo::SqlNullOrdering, SqlNullOrdering::SqlNullsSortedHigh as i32),
    // By columns that are not selected, and by columns beyond those.
    (SqlInfo::SqlSupportedGroupBy, 0b11),
    // Even the minimum grammar of ODBC includes CREATE TABLE.
    (SqlInfo::SqlSupportedGrammar, 0),
    (SqlInfo::SqlAnsi92SupportedLevel, 0b1),
    // Limited and full outer joins. Drivers read a bit mask, although the protocol specifies a number.
    (SqlInfo::SqlOuterJoinsSupportLevel, 0b110),
    (SqlInfo::SqlSchemasSupportedActions, 0),
    (SqlInfo::SqlCatalogsSupportedActions, 0),
    (SqlInfo::SqlSupportedPositionedCommands, 0),
    // In comparisons, EXISTS and IN.
    (SqlInfo::SqlSupportedSubqueries, 0b111),
    (SqlInfo::SqlSupportedUnions, 0b11),
    (SqlInfo::SqlDefaultTransactionIsolation, SqlTransactionIsolationLevel::SqlTransactionNone as i32),
    (SqlInfo::SqlSupportedTransactionsIsolationLevels, 0b1),
    // Forward-only and read-only.
    (SqlInfo::SqlSupportedResultSetTypes, 0b10),
    (SqlInfo::SqlSupportedConcurrenciesForResultSetUnspecified, 0),
    (SqlInfo::SqlSupportedConcurrenciesForResultSetForwardOnly, 0b10),
    (SqlInfo::SqlSupportedConcurrenciesForResultSetScrollSensitive, 0),
    (SqlInfo::SqlSupportedConcurrenciesForResultSetScrollInsensitive, 0),
];

const TEXTS: &[(SqlInfo, &str)] = &[
    (SqlInfo::FlightSqlServerName, "kubesql"),
    (SqlInfo::FlightSqlServerVersion, env!("CARGO_PKG_VERSION")),
    (SqlInfo::FlightSqlServerArrowVersion, arrow::ARROW_VERSION),
    (SqlInfo::SqlIdentifierQuoteChar, "\""),
    (SqlInfo::SqlSearchStringEscape, "\\"),
    (SqlInfo::SqlExtraNameCharacters, ""),
    (SqlInfo::SqlSchemaTerm, "schema"),
    (SqlInfo::SqlProcedureTerm, "procedure"),
    (SqlInfo::SqlCatalogTerm, "catalog"),
];

/// The supported casts: between text and all types, and between numeric types.
fn casts() -> HashMap<i32, Vec<i32>> {
    use SqlSupportsConvert as Type;
    let numbers = [Type::SqlConvertBigint, Type::SqlConvertInteger, Type::SqlConvertSmallint, Type::SqlConvertFloat];
    let others = [Type::SqlConvertBit, Type::SqlConvertDate, Type::SqlConvertTimestamp, Type::SqlConvertVarchar];
    let all: Vec<i32> = numbers.iter().chain(&others).map(|to| *to as i32).collect();
    let mut casts: HashMap<i32, Vec<i32>> =
        all.iter().map(|from| (*from, vec![*from, Type::SqlConvertVarchar as i32])).collect();
    for number in numbers {
        let to = numbers.iter().map(|to| *to as i32).chain([Type::SqlConvertVarchar as i32]);
        casts.insert(number as i32, to.collect());
    }
    casts.insert(Type::SqlConvertVarchar as i32, all);
    casts
}

/// All values of `GetSqlInfo`.
pub(super) fn all() -> Result<SqlInfoData, FlightError> {
    let mut info = SqlInfoDataBuilder::new();
    FALSE.iter().for_each(|name| info.append(*name, false));
    TRUE.iter().for_each(|name| info.append(*name, true));
    UNLIMITED.iter().for_each(|name| info.append(*name, 0_i64));
    NUMBERS.iter().for_each(|(name, number)| info.append(*name, *number));
    TEXTS.iter().for_each(|(name, text)| info.append(*name, *text));
    info.append(SqlInfo::SqlKeywords, KEYWORDS);
    info.append(SqlInfo::SqlNumericFunctions, NUMERIC);
    info.append(SqlInfo::SqlStringFunctions, STRING);
    info.append(SqlInfo::SqlSystemFunctions, &[] as &[&str]);
    info.append(SqlInfo::SqlDatetimeFunctions, DATETIME);
    info.append(SqlInfo::SqlSupportsConvert, casts());
    info.build()
}

/// The types of columns, for `GetXdbcTypeInfo`.
pub(super) fn types() -> Result<XdbcTypeInfoData, FlightError> {
    let mut types = XdbcTypeInfoDataBuilder::new();
    let text = |name: &str| XdbcTypeInfo {
        literal_prefix: Some("'".to_owned()),
        literal_suffix: Some("'".to_owned()),
        case_sensitive: true,
        column_size: Some(i32::MAX),
        ..type_info(name, XdbcDataType::XdbcVarchar)
    };
    let number = |name: &str, number: XdbcDataType, radix, digits| XdbcTypeInfo {
        unsigned_attribute: Some(false),
        num_prec_radix: Some(radix),
        column_size: Some(digits),
        minimum_scale: Some(0),
        maximum_scale: Some(0),
        auto_increment: Some(false),
        ..type_info(name, number)
    };
    types.append(number("bigint", XdbcDataType::XdbcBigint, 10, 19));
    types.append(XdbcTypeInfo { column_size: Some(1), ..type_info("boolean", XdbcDataType::XdbcBit) });
    types.append(XdbcTypeInfo { column_size: Some(10), ..time(text("date"), XdbcDataType::XdbcDate) });
    types.append(number("double precision", XdbcDataType::XdbcDouble, 2, 53));
    types.append(number("integer", XdbcDataType::XdbcInteger, 10, 10));
    types.append(text("json"));
    types.append(text("text"));
    types.append(XdbcTypeInfo {
        column_size: Some(32),
        maximum_scale: Some(6),
        datetime_subcode: Some(XdbcDatetimeSubcode::XdbcSubcodeTimestampWithTimezone),
        ..time(text("timestamp with time zone"), XdbcDataType::XdbcTimestamp)
    });
    types.build()
}

fn type_info(name: &str, data_type: XdbcDataType) -> XdbcTypeInfo {
    XdbcTypeInfo {
        type_name: name.to_owned(),
        local_type_name: Some(name.to_owned()),
        data_type,
        sql_data_type: data_type,
        nullable: Nullable::NullabilityNullable,
        searchable: Searchable::Full,
        ..XdbcTypeInfo::default()
    }
}

/// A date or time type, whose literals are quoted like text.
fn time(text: XdbcTypeInfo, data_type: XdbcDataType) -> XdbcTypeInfo {
    XdbcTypeInfo { data_type, sql_data_type: XdbcDataType::XdbcDatetime, case_sensitive: false, ..text }
}
