//! `\h`: short help on SQL, and on what is special about clusters.

/// Help texts by subject.
pub(super) const SUBJECTS: &[(&str, &str)] = &[
    (
        "select",
        "SELECT columns FROM tables WHERE ... GROUP BY ... HAVING ... ORDER BY ... LIMIT n\n\
         with joins, subqueries, WITH, UNION and window functions, as in PostgreSQL. Statements are read-only.\n\
         \x20 select namespace, phase, count(*) from pods group by 1, 2 order by 3 desc;\n\
         \x20 select p.name, c.image from pods p join containers c on c.uid = p.uid where c.restartcount > 3;",
    ),
    (
        "tables",
        "Each kind is a table, named by its plural, and so is each list inside objects:\n\
         \x20 \\dt              common tables       \\dt *container*   tables that match a pattern\n\
         \x20 select * from deployments; select * from service_ports; select * from apps.deployments;",
    ),
    (
        "columns",
        "A column is named by the field's path in lower case, without a leading metadata, spec or status:\n\
         nodename, creationtimestamp, status.replicas. The whole path works as well: spec.nodeName.\n\
         Quote names with capitals, \"/\" or \"-\".  \\d pods lists all columns.\n\
         What kubectl get prints (status, ready, restarts, age, node) is there too; * does not include it.\n\
         The column object is the whole object as JSON text; * does not include it.",
    ),
    (
        "labels",
        "Labels, annotations, keys of other maps and conditions are columns:\n\
         \x20 select name, labels.app, labels['app.kubernetes.io/name'] from pods where ready.status = 'False';\n\
         \x20 select name from pods where selector_matches(labels, 'app=web,tier!=cache');\n\
         A key that no object has is NULL.",
    ),
    (
        "resources",
        "cpu is a number of cores; other resources are integers in base units (bytes):\n\
         \x20 select pod, requests.cpu, limits.memory / 1048576 as mib from containers;\n\
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
        "Every table has the column cluster. \\l shows the state of clusters, \\c prod-* connects to others.\n\
         A statement fails if a cluster is unavailable; SET kubesql.partial = on skips such clusters.\n\
         \x20 select cluster, count(*) from nodes group by cluster;\n\
         \x20 select * from system.watches; select * from system.queries;",
    ),
    (
        "explain",
        "EXPLAIN shows the plan of a statement; EXPLAIN ANALYZE runs it and shows what each step took.\n\
         \x20 explain select name from pods where namespace = 'default';",
    ),
    (
        "show",
        "SHOW TABLES [FROM schema] [LIKE 'pod%'], SHOW SCHEMAS, SHOW COLUMNS FROM table, SHOW FUNCTIONS [LIKE ...],\n\
         SHOW ALL (all settings), DESCRIBE table.",
    ),
    (
        "set",
        "SET setting = value, RESET setting, SHOW setting, USE schema; SHOW ALL lists the settings.\n\
         \x20 set kubesql.partial = on; set search_path = apps;",
    ),
    (
        "json",
        "The column object, maps, and fields without a fixed structure are jsonb, as in PostgreSQL:\n\
         \x20 select name, object->'spec'->>'hostname' from pods;\n\
         \x20 select p.name, l.key, l.value from pods p, jsonb_each_text(p.labels) l;",
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
