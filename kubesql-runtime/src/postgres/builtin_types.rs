//! The built-in types of PostgreSQL 17.

use std::sync::LazyLock;

/// A built-in type.
pub(super) struct Type {
    pub(super) oid: i32,
    pub(super) name: String,
    /// Its array type; 0 if there is none.
    pub(super) array: i32,
    /// The type of its elements; 0 if it has none.
    pub(super) element: i32,
    /// In bytes; -1 or -2 if variable.
    pub(super) length: i16,
    pub(super) kind: &'static str,
    pub(super) category: &'static str,
    pub(super) is_preferred: bool,
    /// The name of its input function, from which the names of its other functions are derived.
    pub(super) input: &'static str,
    pub(super) has_binary_format: bool,
    pub(super) alignment: &'static str,
    pub(super) storage: &'static str,
    pub(super) collation: i32,
    pub(super) subscript: &'static str,
}

/// All types, initialized on first use.
static TYPES: LazyLock<Vec<Type>> = LazyLock::new(|| {
    let lines = include_str!("types.txt").lines().filter(|line| !line.starts_with('#'));
    lines.flat_map(|line| read_type(line).map(|item| [array_type(&item), Some(item)])).flatten().flatten().collect()
});

/// Parses a line of `types.txt`.
fn read_type(line: &'static str) -> Option<Type> {
    let parts: Vec<&str> = line.split_ascii_whitespace().collect();
    let [oid, name, array, length, kind, category, input, send, alignment, storage, collation, element] = parts[..]
    else {
        return None;
    };
    let number = |text: &str| text.parse().unwrap_or(0);
    let element = number(element);
    Some(Type {
        oid: number(oid),
        name: name.to_owned(),
        array: number(array),
        element,
        length: length.parse().ok()?,
        kind,
        category: category.trim_end_matches('!'),
        is_preferred: category.ends_with('!'),
        input,
        has_binary_format: send != "-",
        alignment,
        storage,
        collation: number(collation),
        subscript: match name {
            "jsonb" => "jsonb_subscript_handler",
            "int2vector" | "oidvector" => "array_subscript_handler",
            _ if element != 0 => "raw_array_subscript_handler",
            _ => "-",
        },
    })
}

/// Returns the array type of a type.
fn array_type(element: &Type) -> Option<Type> {
    (element.array != 0).then(|| Type {
        oid: element.array,
        name: format!("_{}", element.name),
        array: 0,
        element: element.oid,
        length: -1,
        // Arrays of rows are pseudo-types, as rows are; `cstring[]` is a type.
        kind: if element.name == "record" { "p" } else { "b" },
        category: if element.name == "record" { "P" } else { "A" },
        is_preferred: false,
        input: "array_in",
        has_binary_format: true,
        alignment: if element.alignment == "d" { "d" } else { "i" },
        storage: "x",
        collation: element.collation,
        subscript: "array_subscript_handler",
    })
}

impl Type {
    /// Returns the name of one of its functions: `out`, `recv` or `send`.
    pub(super) fn function(&self, suffix: &str) -> String {
        self.input.strip_suffix("in").map_or_else(|| "-".to_owned(), |prefix| format!("{prefix}{suffix}"))
    }

    /// Returns the name of one of its functions for the binary format.
    pub(super) fn binary_function(&self, suffix: &str) -> String {
        if self.has_binary_format { self.function(suffix) } else { "-".to_owned() }
    }

    /// Returns the name of a function for its modifier, as in `varchar(3)`.
    pub(super) fn modifier_function(&self, suffix: &str) -> String {
        let name = self.name.trim_start_matches('_');
        match name {
            "bpchar" | "varchar" | "time" | "timestamp" | "timestamptz" | "interval" | "timetz" | "bit" | "varbit"
            | "numeric" => format!("{name}typmod{suffix}"),
            _ => "-".to_owned(),
        }
    }

    pub(super) fn analyze_function(&self) -> &'static str {
        match (self.category, self.kind) {
            _ if self.input == "array_in" => "array_typanalyze",
            (_, "r") => "range_typanalyze",
            (_, "m") => "multirange_typanalyze",
            _ if self.name == "tsvector" => "ts_typanalyze",
            _ => "-",
        }
    }
}

/// Returns all built-in types.
pub(super) fn all() -> &'static [Type] {
    &TYPES
}

/// Returns the name of a type by its identifier.
pub(super) fn name(oid: i32) -> Option<String> {
    TYPES.iter().find(|known| known.oid == oid).map(|known| known.name.clone())
}

/// Returns the identifier of a type by its name in `pg_type`.
pub(super) fn oid(name: &str) -> Option<i32> {
    TYPES.iter().find(|known| known.name == name).map(|known| known.oid)
}
