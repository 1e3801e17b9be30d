//! Names as PostgreSQL reads them: folded to lower case unless they are quoted.

use datafusion::sql::sqlparser::ast::{Ident, ObjectName, ObjectNamePart};

use crate::sql::CATALOG;

/// Returns the name as the catalog stores it: in lower case unless quoted.
pub(crate) fn normal(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

/// Returns the parts of a qualified name.
pub(crate) fn words(name: &ObjectName) -> Vec<String> {
    name.0
        .iter()
        .map(|part| match part {
            ObjectNamePart::Identifier(ident) => normal(ident),
            part @ ObjectNamePart::Function(_) => part.to_string(),
        })
        .collect()
}

/// Splits a name into an optional schema and a table. A foreign catalog is kept as part of the schema's name.
pub(crate) fn schema_and_table(name: &ObjectName) -> (Option<String>, String) {
    let mut parts = words(name);
    let table = parts.pop().unwrap_or_default();
    if parts.len() == 2 && parts[0] == CATALOG {
        parts.remove(0);
    }
    ((!parts.is_empty()).then(|| parts.join(".")), table)
}
