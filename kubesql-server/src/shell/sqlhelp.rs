//! `\h`: short help on SQL, and on what is special about clusters.

/// Help texts by subject.
pub(super) const SUBJECTS: &[(&str, &str)] = &[
    (
        "select",
        "SELECT columns FROM tables WHERE ... GROUP BY ... HAVING ... ORDER BY ... LIMIT n\n\
         with joins, subqueries, WITH, UNION, windows: as in PostgreSQL. Nothing is ever changed.\n\
         \x20 select namespace, phase, count(*) from pods group by 1, 2 order by 3 desc;\n\
         \x20 select p.name, c.image from pods p join containers c on c.uid = p.uid where c.restartcount > 3;",
    ),
    (
        "tables",
        "A table for each kind, called by its plural, and one for each list inside objects:\n\
         \x20 \\dt              those that are asked for most       \\dt *container*   by a pattern\n\
         \x20 select * from deployments; select * from service_ports; select * from apps.deployments;",
    ),
    (
        "columns",
        "A column is the field's path in lower case without a leading metadata, spec or status:\n\
         nodename, creationtimestamp, \"status.replicas\". A dot needs double quotes.  \\d pods shows all.\n\
         object is the whole object as JSON text; it is there when it is named.",
    ),
    (
        "labels",
        "Labels, annotations and the keys of other maps are columns, and so are conditions:\n\
         \x20 select name, \"labels.app\", labels['app.kubernetes.io/name'] from pods where \"ready.status\" = 'False';\n\
         \x20 select name from pods where selector_matches(labels, 'app=web,tier!=cache');\n\
         One that no object has is NULL.",
    ),
    (
        "resources",
        "cpu is a number of cores, any other resource a whole number in base units (bytes):\n\
         \x20 select pod, \"requests.cpu\", \"limits.memory\" / 1048576 as mib from containers;\n\
         \x20 select quantity('1.5Gi');",
    ),
    (
        "times",
        "Times are in UTC:\n\
         \x20 select name, age(creationtimestamp) from pods where creationtimestamp > now() - interval '1 hour';\n\
         \x20 select date_trunc('day', creationtimestamp), count(*) from pods group by 1;",
    ),
    (
        "clusters",
        "Every table has the column cluster. \\l tells how clusters are, \\c prod-* follows others.\n\
         A statement fails while a cluster that it needs cannot answer; with SET kubesql.partial = on the others do.\n\
         \x20 select cluster, count(*) from nodes group by cluster;\n\
         \x20 select * from system.watches; select * from system.queries;",
    ),
    (
        "explain",
        "EXPLAIN [ANALYZE] statement: how it would be answered, or was.\n\
         \x20 explain select name from pods where namespace = 'default';",
    ),
    (
        "show",
        "SHOW TABLES [FROM schema] [LIKE 'pod%'], SHOW SCHEMAS, SHOW COLUMNS FROM table, SHOW FUNCTIONS [LIKE ...],\n\
         SHOW ALL (the settings), DESCRIBE table.",
    ),
    (
        "set",
        "SET setting = value, RESET setting, SHOW setting, USE schema; SHOW ALL lists the settings.\n\
         \x20 set kubesql.partial = on; set search_path = apps;",
    ),
    (
        "json",
        "object and what has no fixed form are JSON text:\n\
         \x20 select name, object->'spec'->>'hostname' from pods;   select json_get_str(object, 'kind') from pods;",
    ),
];

/// The help for a subject; an unknown subject gives the list of subjects.
pub(super) fn help(subject: &str) -> Result<String, String> {
    let subjects = || SUBJECTS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let subject = subject.split_whitespace().next().unwrap_or_default().to_lowercase();
    if subject.is_empty() {
        return Ok(format!("\\h SUBJECT, of: {}", subjects()));
    }
    let found = SUBJECTS.iter().find(|(name, _)| name.starts_with(&subject) || subject.starts_with(name));
    found.map(|(_, text)| (*text).to_owned()).ok_or_else(subjects)
}
