//! Other names of a table's columns: the paths of their fields.

use std::collections::HashMap;

use super::{Place, Table, Values};

/// A form of the path of a column, from its place and its path in the object; `None` if it has none.
type PathForm<'a> = dyn Fn(&Place, &str) -> Option<String> + 'a;

/// The columns of a table by the paths of their fields, in lower case.
fn columns_by_path(table: &Table) -> HashMap<String, usize> {
    let mut found = HashMap::new();
    let columns = table.columns.iter().enumerate().filter(|(_, column)| !column.path.is_empty());
    // The path within the row precedes the path from the object. The item's name is written where a key column has
    // the field's name (`subject.namespace`), so that lists of one kind of item have the same names.
    let forms: [&PathForm; 3] = [
        &|place, path| row_path(table, place, path),
        &|place, path| match place {
            Place::Printed(_) | Place::Kubectl(_) | Place::Index { .. } => None,
            _ => Some(path.replace("[]", "")),
        },
        &|place, path| {
            table.lists.last()?;
            Some(format!("{}.{}", table.def.item, row_path(table, place, path)?))
        },
    ];
    for form in forms {
        for (number, column) in columns.clone() {
            if let Some(path) = form(&column.place, &column.path) {
                found.entry(path.replace("\\.", ".").to_lowercase()).or_insert(number);
            }
        }
    }
    found
}

/// The path of a field from the row: from the object, the list's item, or the item's status.
fn row_path(table: &Table, place: &Place, path: &str) -> Option<String> {
    let in_item = || path.rsplit_once("[].").map(|(_, path)| path);
    match place {
        Place::Object(_) if table.lists.is_empty() => Some(path.to_owned()),
        Place::Item { depth, .. } if depth + 1 == table.lists.len() => in_item().map(str::to_owned),
        Place::Status(_) => in_item().map(|path| format!("status.{path}")),
        _ => None,
    }
}

impl Table {
    /// Finds a column by its name, or by the path of its field.
    #[must_use]
    pub fn find_column(&self, name: &str) -> Option<usize> {
        let by_name = self.columns.iter().position(|column| column.name == name);
        by_name.or_else(|| self.paths.get_or_init(|| columns_by_path(self)).get(&name.to_lowercase()).copied())
    }

    /// Splits a name into the map column that it begins with and the key: `labels.app`, `metadata.labels.app`.
    #[must_use]
    pub fn split_key<'a>(&self, name: &'a str) -> Option<(usize, &'a str)> {
        let mut dots = name.match_indices('.').map(|(dot, _)| dot).filter(|dot| dot + 1 < name.len()).rev();
        dots.find_map(|dot| {
            let number = self.find_column(&name[..dot])?;
            matches!(self.columns[number].values, Values::Map(_)).then_some((number, &name[dot + 1..]))
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::generated::KINDS;
    use crate::schema::Table;

    fn table(name: &str) -> Table {
        let tables = KINDS.iter().flat_map(|kind| kind.tables.iter().map(move |def| (kind, def)));
        let (kind, def) = tables.into_iter().find(|(_, def)| def.name == name).unwrap();
        Table::new(kind, def)
    }

    #[test]
    fn paths_of_fields_are_names() {
        for (of, name, expect) in [
            ("pods", "status.phase", Some("phase")),
            ("pods", "spec.nodename", Some("nodename")),
            ("pods", "spec.nodeName", Some("nodename")),
            ("pods", "metadata.name", Some("name")),
            ("pods", "metadata.labels", Some("labels")),
            ("pods", "spec.containers", None),
            ("containers", "resources.limits", Some("limits")),
            ("containers", "spec.containers.resources.limits", Some("limits")),
            ("containers", "status.resources.limits", Some("status.resources.limits")),
            ("containers", "status.containerStatuses.resources.limits", Some("status.resources.limits")),
            ("containers", "container.image", Some("image")),
            ("containers", "metadata.name", Some("pod")),
            ("resourceclaimtemplates", "metadata.name", Some("name")),
            ("resourceclaimtemplates", "spec.metadata.name", Some("spec.metadata.name")),
            ("rolebinding_subjects", "subject.namespace", Some("subject.namespace")),
            ("clusterrolebinding_subjects", "subject.namespace", Some("namespace")),
        ] {
            let table = table(of);
            let found = table.find_column(name).map(|number| table.columns[number].name.as_str());
            assert_eq!(found, expect, "{of}.{name}");
        }
        let containers = table("containers");
        let (number, key) = containers.split_key("resources.limits.memory").unwrap();
        assert_eq!((containers.columns[number].name.as_str(), key), ("limits", "memory"));
    }

    /// The path of a field finds its own column in every table. Only key columns have a name that is such a path.
    #[test]
    fn every_path_finds_its_column() {
        for (kind, def) in KINDS.iter().flat_map(|kind| kind.tables.iter().map(move |def| (kind, def))) {
            let table = Table::new(kind, def);
            for (number, column) in table.columns.iter().enumerate() {
                let Some(path) = super::row_path(&table, &column.place, &column.path) else { continue };
                let found = &table.columns[table.find_column(&path).unwrap()];
                let is_key = ["namespace", "uid", "index"].contains(&found.name.as_str());
                let is_twin = found.path.eq_ignore_ascii_case(&column.path);
                assert!(is_twin || is_key, "{} {path} finds {} instead of {number}", def.name, found.name);
            }
        }
    }
}
