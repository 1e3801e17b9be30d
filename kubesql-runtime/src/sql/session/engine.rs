//! The engine: the tables over one source, and the state that all sessions share.

use std::sync::Arc;

use datafusion::execution::{FunctionRegistry, SessionState, SessionStateBuilder};
use datafusion::logical_expr::planner::ExprPlanner;
use datafusion::optimizer::{Analyzer, AnalyzerRule};
use datafusion::prelude::SessionConfig;

use super::{Session, show};
use crate::postgres;
use crate::schema::KindDef;
use crate::sql::SEARCH_PATH;
use crate::sql::catalog::context::{BuiltinTables, EngineContext};
use crate::sql::catalog::registry::schema_of;
use crate::sql::catalog::views::Views;
use crate::sql::error::{ErrorKind, SqlError};
use crate::sql::memory::{Memories, Memory};
use crate::sql::plan::keys::{self, KeyPlanner};
use crate::sql::plan::lateral::LateralUnnest;
use crate::sql::plan::set_functions::SetFunctions;
use crate::sql::rewrite::views::VIEWS;
use crate::sql::upstream::{self, CancellableJoins, FloatBeforeNumeric};
use crate::sql::{CATALOG, DEFAULT_SCHEMA};
use crate::sql::{ColumnInfo, TableInfo, functions};
use crate::store::{DiscoveryScope, Missing, Source};
use crate::system::SystemTables;

/// The tables over one source. It creates sessions.
#[derive(Debug)]
pub struct Engine {
    pub(crate) context: Arc<EngineContext>,
    /// The initial state of every statement: configuration and functions, without tables.
    pub(crate) state: SessionState,
    pub(crate) memories: Memories,
}

impl Engine {
    /// Creates an engine with the tables of these kinds over a source.
    ///
    /// # Errors
    /// If a function cannot be registered, which is a bug.
    pub fn new(kinds: &'static [&'static KindDef], source: Arc<dyn Source>) -> Result<Arc<Self>, SqlError> {
        Self::with_memory(kinds, source, &Memory::default())
    }

    /// Creates an engine whose statements have memory limits.
    ///
    /// # Errors
    /// As [`Self::new`], or if the folder for spilled data cannot be used.
    pub fn with_memory(
        kinds: &'static [&'static KindDef],
        source: Arc<dyn Source>,
        memory: &Memory,
    ) -> Result<Arc<Self>, SqlError> {
        let mut config = SessionConfig::new()
            .with_default_catalog_and_schema(CATALOG, SEARCH_PATH)
            // `SystemTables` provides `information_schema`: it omits unlisted tables, and does not read the columns of
            // all tables for each query.
            .with_information_schema(false)
            .with_create_default_catalog_and_schema(false)
            .set_str("datafusion.sql_parser.dialect", "PostgreSQL")
            .set_str("datafusion.execution.time_zone", "UTC")
            // `key_columns` pushes keys of maps down: DataFusion's rule makes some invalid plans.
            .set_bool("datafusion.optimizer.enable_leaf_expression_pushdown", false);
        // Text columns are views that share a segment's buffers.
        config.options_mut().sql_parser.map_string_types_to_utf8view = true;
        // Errors have positions.
        config.options_mut().sql_parser.collect_spans = true;
        // DataFusion 55.2.0 plans `x IS FALSE` with a physical expression that may be NULL, and the check would reject it.
        config.options_mut().execution.skip_physical_aggregate_schema_check = true;
        // Fractions are exact, as in PostgreSQL.
        config.options_mut().sql_parser.parse_float_as_decimal = true;
        // They precede DataFusion's planners, which accept any subscript and any operands.
        let planners: Vec<Arc<dyn ExprPlanner>> = vec![Arc::new(KeyPlanner), Arc::new(postgres::Operators)];
        let mut analyzer_rules: Vec<Arc<dyn AnalyzerRule + Send + Sync>> =
            vec![Arc::new(postgres::EmptyParts), Arc::new(LateralUnnest), Arc::new(FloatBeforeNumeric)];
        analyzer_rules.extend(Analyzer::new().rules);
        let mut state = SessionStateBuilder::new()
            .with_config(config)
            .with_expr_planners(planners)
            .with_default_features()
            .with_type_planner(Arc::new(postgres::Types))
            .with_relation_planners(vec![Arc::new(SetFunctions)])
            .with_analyzer_rules(analyzer_rules)
            .with_physical_optimizer_rule(Arc::new(CancellableJoins))
            .build();
        let registered = functions::register(&mut state).and_then(|()| upstream::register(&mut state));
        registered.map_err(|error| SqlError::new(ErrorKind::Internal, error.to_string()))?;
        let catalog = postgres::Catalog::default();
        let builtin: Vec<Arc<dyn BuiltinTables>> =
            vec![Arc::new(catalog.clone()), Arc::new(SystemTables), Arc::new(Views)];
        let context = Arc::new(EngineContext::new(kinds, source, builtin, &state));
        let registered = postgres::register(&mut state, &catalog.database(&context));
        registered.map_err(|error| SqlError::new(ErrorKind::Internal, error.to_string()))?;
        for marker in keys::markers() {
            let registered = state.register_udf(Arc::new(marker));
            registered.map_err(|error| SqlError::new(ErrorKind::Internal, error.to_string()))?;
        }
        Ok(Arc::new(Self { context, state, memories: Memories::new(memory)? }))
    }

    /// Creates a session.
    #[must_use]
    pub fn session(self: &Arc<Self>) -> Session {
        Session::new(Arc::clone(self))
    }

    /// The source of the objects.
    #[must_use]
    pub fn source(&self) -> &Arc<dyn Source> {
        &self.context.source
    }

    /// Discovers the tables of all custom resources, for [`Engine::tables`]. Returns the clusters that could not be
    /// queried.
    pub async fn discover(&self) -> Vec<Missing> {
        self.context.source.discover(&DiscoveryScope::All).await
    }

    /// All tables, including those that `SHOW TABLES` does not list.
    #[must_use]
    pub fn tables(&self) -> Vec<TableInfo> {
        let mut tables: Vec<TableInfo> = self
            .context
            .registry()
            .tables_with_kinds()
            .map(|(kind, def)| TableInfo {
                schema: schema_of(kind).to_owned(),
                name: def.name.to_owned(),
                kind: kind.kind.to_owned(),
                path: def.path.replace('/', "."),
                listed: def.listed,
            })
            .collect();
        tables.extend(VIEWS.iter().map(|view| TableInfo {
            schema: DEFAULT_SCHEMA.to_owned(),
            name: view.name.to_owned(),
            kind: "View".to_owned(),
            path: String::new(),
            listed: true,
        }));
        tables.sort_by(|a, b| (&a.name, &a.schema).cmp(&(&b.name, &b.schema)));
        tables
    }

    /// The columns of a table (`pods`, `apps.deployments`), in the order of `select *`; with `data`, followed by the
    /// keys that the data has.
    ///
    /// # Errors
    /// If the table does not exist, or if the source cannot be read.
    pub async fn describe(&self, table: &str, data: bool) -> Result<Vec<ColumnInfo>, SqlError> {
        let table = table.to_lowercase().replace('"', "");
        let table = table.strip_prefix("kubesql.").unwrap_or(&table);
        // The name of a schema may have dots; that of a table has none.
        let (schema, name) = table.rsplit_once('.').unwrap_or((DEFAULT_SCHEMA, table));
        self.context.discover(DEFAULT_SCHEMA, &[(Some(schema.to_owned()), name.to_owned())]).await;
        let mut columns = self.context.describe(schema, name, data).await?;
        columns.extend(show::definition(schema, name));
        Ok(columns)
    }
}
