//! Views: tables that are defined by a query. A statement that names one gets the query in its place.
//!
//! A table of that name takes precedence, and so does a common table expression.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::LazyLock;

use datafusion::sql::sqlparser::ast::{Ident, ObjectName, Query, Statement, TableAlias, TableFactor};

use crate::schema::{Scalar, Values};
use crate::sql::DEFAULT_SCHEMA;
use crate::sql::error::SqlError;
use crate::sql::parse::identifiers::schema_and_table;
use crate::sql::parse::statement::{Parsed, parse};
use crate::sql::parse::walk::{AstPass, walk};

/// The suffix of a table in a view whose kind a cluster need not serve.
pub(crate) const OPTIONAL: char = '?';

const TEXT: Values = Values::Scalar(Scalar::Text);
const INTEGER: Values = Values::Scalar(Scalar::Int64);
const NUMBER: Values = Values::Scalar(Scalar::Float);

/// A view.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) name: &'static str,
    /// The columns that the query has.
    pub(crate) columns: &'static [(&'static str, Values)],
    /// The query.
    pub(crate) sql: String,
}

/// All views, sorted by name.
pub(crate) static VIEWS: LazyLock<Vec<View>> = LazyLock::new(|| {
    vec![
        View {
            name: "node_allocation",
            columns: &[
                ("cluster", TEXT),
                ("node", TEXT),
                ("cpu_allocatable", NUMBER),
                ("cpu_requests", NUMBER),
                ("cpu_limits", NUMBER),
                ("cpu_usage", NUMBER),
                ("memory_allocatable", INTEGER),
                ("memory_requests", INTEGER),
                ("memory_limits", INTEGER),
                ("memory_usage", INTEGER),
                ("pods_allocatable", INTEGER),
                ("pods", INTEGER),
            ],
            sql: include_str!("views/node_allocation.sql").trim().to_owned(),
        },
        View {
            name: "pod_resources",
            columns: &[
                ("cluster", TEXT),
                ("namespace", TEXT),
                ("pod", TEXT),
                ("uid", TEXT),
                ("node", TEXT),
                ("phase", TEXT),
                ("cpu_requests", NUMBER),
                ("cpu_limits", NUMBER),
                ("memory_requests", INTEGER),
                ("memory_limits", INTEGER),
            ],
            sql: include_str!("views/pod_resources.sql").trim().to_owned(),
        },
        View {
            name: "workload_containers",
            columns: &[
                ("cluster", TEXT),
                ("namespace", TEXT),
                ("kind", TEXT),
                ("workload", TEXT),
                ("uid", TEXT),
                ("owner_kind", TEXT),
                ("owner", TEXT),
                ("type", TEXT),
                ("container", TEXT),
                ("image", TEXT),
                ("cpu_requests", NUMBER),
                ("cpu_limits", NUMBER),
                ("memory_requests", INTEGER),
                ("memory_limits", INTEGER),
            ],
            sql: workload_containers(),
        },
        View {
            name: "workload_status",
            columns: &[
                ("cluster", TEXT),
                ("namespace", TEXT),
                ("kind", TEXT),
                ("name", TEXT),
                ("uid", TEXT),
                ("desired", INTEGER),
                ("ready", INTEGER),
                ("updated", INTEGER),
                ("available", INTEGER),
                ("age", Values::Interval),
            ],
            sql: include_str!("views/workload_status.sql").trim().to_owned(),
        },
    ]
});

/// The kinds that have a pod template.
const KINDS: [&str; 8] =
    ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob", "PodTemplate"];

/// The containers of the pod templates of all kinds.
fn workload_containers() -> String {
    let mut sql = String::from("with containers as (\n");
    let types = [
        ("containers", "'container'"),
        ("initcontainers", "case when restartpolicy = 'Always' then 'sidecar' else 'init' end"),
        ("ephemeralcontainers", "'ephemeral'"),
    ];
    let tables = KINDS.iter().flat_map(|kind| types.iter().map(move |(list, of)| (kind, list, of)));
    for (at, (kind, list, of)) in tables.enumerate() {
        let (singular, union) = (kind.to_lowercase(), if at == 0 { "" } else { "    union all\n" });
        // Writing to a text does not fail.
        _ = write!(
            sql,
            "{union}    select cluster, namespace, '{kind}' as kind, {singular} as workload, uid, {of} as type, \
             name as container, image,\n        requests, limits\n    from kubesql.{singular}_{list}\n"
        );
    }
    sql.push_str(
        "), owners as (
    select cluster, uid, kind, name from kubesql.replicaset_ownerreferences where controller
    union all
    select cluster, uid, kind, name from kubesql.job_ownerreferences where controller
)
select c.cluster as cluster, c.namespace as namespace, c.kind as kind, c.workload as workload, c.uid as uid,
    o.kind as owner_kind, o.name as owner, c.type as type, c.container as container, c.image as image,
    coalesce(c.requests['cpu'], c.limits['cpu'], 0.0) as cpu_requests, coalesce(c.limits['cpu'], 0.0) as cpu_limits,
    coalesce(c.requests['memory'], c.limits['memory'], 0) as memory_requests,
    coalesce(c.limits['memory'], 0) as memory_limits
from containers c
left join owners o on o.cluster = c.cluster and o.uid = c.uid",
    );
    sql
}

/// Finds a view by its name.
pub(crate) fn find(name: &str) -> Option<&'static View> {
    VIEWS.iter().find(|view| view.name == name)
}

/// Replaces the views in a statement by their queries. `is_table` tells whether a table has the name.
pub(crate) fn expand(statement: &mut Statement, is_table: &dyn Fn(&str) -> bool) -> Result<(), SqlError> {
    let mut defined = CommonTables::default();
    walk(statement, &mut defined)?;
    walk(statement, &mut Expand { is_table, defined: defined.0 })
}

/// The names of common table expressions of the statement itself.
#[derive(Default)]
struct CommonTables(BTreeSet<String>);

impl AstPass for CommonTables {
    fn pre_query(&mut self, query: &mut Query) -> Result<(), SqlError> {
        let tables = query.with.iter().flat_map(|with| &with.cte_tables);
        self.0.extend(tables.map(|table| crate::sql::parse::identifiers::normal(&table.alias.name)));
        Ok(())
    }
}

struct Expand<'a> {
    is_table: &'a dyn Fn(&str) -> bool,
    defined: BTreeSet<String>,
}

impl Expand<'_> {
    fn view(&self, name: &ObjectName) -> Option<&'static View> {
        let (schema, table) = schema_and_table(name);
        let is_here = match schema.as_deref() {
            None => !self.defined.contains(&table),
            Some(schema) => schema == DEFAULT_SCHEMA,
        };
        find(&table).filter(|view| is_here && !(self.is_table)(view.name))
    }
}

impl AstPass for Expand<'_> {
    fn pre_table_factor(&mut self, factor: &mut TableFactor) -> Result<(), SqlError> {
        let TableFactor::Table { name, alias, args: None, sample: None, .. } = factor else { return Ok(()) };
        let Some(view) = self.view(name) else { return Ok(()) };
        let Parsed::Query(query, _) = parse(&view.sql)? else { return Ok(()) };
        let datafusion::sql::parser::Statement::Statement(query) = *query else { return Ok(()) };
        let Statement::Query(subquery) = *query else { return Ok(()) };
        let named =
            || TableAlias { explicit: true, name: Ident::with_quote('"', view.name), columns: Vec::new(), at: None };
        let alias = Some(alias.take().unwrap_or_else(named));
        *factor = TableFactor::Derived { lateral: false, subquery, alias, sample: None };
        Ok(())
    }
}
