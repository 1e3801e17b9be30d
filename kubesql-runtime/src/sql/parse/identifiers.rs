//! Names as PostgreSQL reads them: folded to lower case unless they are quoted.

use datafusion::sql::sqlparser::ast::{Ident, ObjectName, ObjectNamePart};

use crate::sql::CATALOG;

/// As the catalog has it: lower case unless quoted.
pub(crate) fn normal(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

/// The words of a table's name.
pub(crate) fn words(name: &ObjectName) -> Vec<String> {
    name.0
        .iter()
        .map(|part| match part {
            ObjectNamePart::Identifier(ident) => normal(ident),
            part @ ObjectNamePart::Function(_) => part.to_string(),
        })
        .collect()
}

/// Schema, where one is named, and table of a name. A catalog that is not ours counts as part of the schema's name.
pub(crate) fn schema_and_table(name: &ObjectName) -> (Option<String>, String) {
    let mut words = words(name);
    let table = words.pop().unwrap_or_default();
    if words.len() == 2 && words[0] == CATALOG {
        words.remove(0);
    }
    ((!words.is_empty()).then(|| words.join(".")), table)
}
