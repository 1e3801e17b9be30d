//! The order of tables in lists and completions: what people use most comes first.

/// The rank of the API group of a table: core, apps, batch, other built-in groups, custom resources.
pub(crate) fn rank(schema: &str) -> usize {
    const FIRST: [&str; 3] = ["core", "apps", "batch"];
    let is_builtin = !schema.contains('.') || schema.ends_with(".k8s.io");
    FIRST.iter().position(|group| *group == schema).unwrap_or(FIRST.len() + usize::from(!is_builtin))
}

/// The key to sort tables by: of each group, the tables of kinds precede those of lists.
pub(crate) fn key<'t>(schema: &'t str, name: &'t str, path: &str) -> impl Ord + use<'t> {
    (rank(schema), schema, !path.is_empty(), name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_precedes_custom_resources() {
        let mut tables = [
            ("argoproj.io", "applications", ""),
            ("networking.k8s.io", "ingresses", ""),
            ("policy", "poddisruptionbudgets", ""),
            ("core", "containers", "spec.containers"),
            ("batch", "jobs", ""),
            ("core", "services", ""),
            ("apps", "deployments", ""),
            ("core", "pods", ""),
        ];
        tables.sort_by(|a, b| key(a.0, a.1, a.2).cmp(&key(b.0, b.1, b.2)));
        let names = tables.map(|(_, name, _)| name);
        assert_eq!(
            names,
            [
                "pods",
                "services",
                "containers",
                "deployments",
                "jobs",
                "ingresses",
                "poddisruptionbudgets",
                "applications"
            ]
        );
    }
}
