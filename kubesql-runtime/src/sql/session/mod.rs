//! Sessions: they plan and run the statements of a client.

pub(crate) mod engine;
mod notices;
pub(crate) mod prepared;
mod settings;
mod show;
mod timeout;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::datatypes::DataType;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::execution::context::SQLOptions;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SendableRecordBatchStream, SessionState, TaskContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::resolve::resolve_table_references;
use futures::stream::{self, StreamExt};
use parking_lot::Mutex;

use super::catalog::registry::Registry;
use super::catalog::statement_catalog::{Catalogs, CommonKeys, NamedTables, StatementCatalog};
use super::error::{ErrorKind, SqlError};
use super::parse::statement::{Parsed, parse};
use super::plan::failure;
use super::plan::function_clauses::check_function_clauses;
use super::plan::key_columns::provide_keys;
use super::plan::unnamed::unnamed_columns;
use super::rewrite::hidden::{without_hidden, without_hidden_keys, without_marks};
use super::rewrite::names::{self, ColumnNames};
use super::rewrite::views::{self, OPTIONAL};
use super::rewrite::{presto, set_functions};
use super::scan::snapshot::{StatementSnapshot, Warnings};
use super::upstream::{CancelOnDrop, ambiguous_columns};
use super::{Answer, Principal, SelectList};
use crate::postgres::{self, SessionInfo};
use crate::sql::{CATALOG, DEFAULT_SCHEMA};
use crate::store::{Missing, Warning};
use engine::Engine;
use notices::Emptiness;
use prepared::{CachedPlan, PlanDependencies, Prepared};
use settings::Settings;

/// Maximum number of dynamic columns that `*` includes.
const MAX_STAR_KEYS: usize = 200;

/// The number of record batches to prefetch.
const PREFETCHED_BATCHES: usize = 1;

/// The session of a client.
#[derive(Debug)]
pub struct Session {
    engine: Arc<Engine>,
    settings: Mutex<Settings>,
    warnings: Warnings,
    principal: Principal,
    /// The user of the protocol, and the process ID of the connection.
    client: Mutex<(String, i32)>,
}

impl Session {
    pub(crate) fn new(engine: Arc<Engine>) -> Self {
        let client = Mutex::new((CATALOG.to_owned(), 0));
        Self {
            engine,
            settings: Mutex::default(),
            warnings: Warnings::default(),
            principal: Principal::default(),
            client,
        }
    }

    /// Sets the client of the session.
    #[must_use]
    pub fn with_principal(mut self, principal: Principal) -> Self {
        self.principal = principal;
        self
    }

    /// The client of the session.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The name that the client gives itself: `SHOW application_name`.
    #[must_use]
    pub fn application_name(&self) -> String {
        self.settings.lock().application_name().to_owned()
    }

    /// The time limit of statements that the client has set: `SET statement_timeout`.
    #[must_use]
    pub fn statement_timeout(&self) -> Option<Duration> {
        self.settings.lock().statement_timeout()
    }

    /// Runs one statement.
    ///
    /// # Errors
    /// Any kind of [`super::ErrorKind`] before the first row. The stream may fail later.
    pub async fn execute(&self, sql: &str) -> Result<Answer, SqlError> {
        let running = self.engine.context.queries.begin(sql, &self.application_name(), &self.principal);
        running.record(self.answer(sql, &[]).await.map_err(|error| self.locate(error, sql)))
    }

    /// Sets the user and the process ID of the connection: `current_user`, `pg_backend_pid()`.
    pub fn introduce(&self, user: &str, process: i32) {
        let mut client = self.client.lock();
        if client.0 != user || client.1 != process {
            *client = (user.to_owned(), process);
        }
    }

    fn session_info(&self) -> SessionInfo {
        let (user, process) = self.client.lock().clone();
        let user = self.principal.user.clone().unwrap_or(user);
        let settings = self.settings.lock();
        let all = settings.all().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        SessionInfo { user, process, schema: settings.schema().to_owned(), settings: all }
    }

    /// Sets the name that the client gives itself: `SET application_name`.
    pub fn set_application_name(&self, name: &str) {
        self.settings.lock().set_application_name(name);
    }

    /// Plans a statement, to run it later with values for its parameters (`$1`). Their types are declared, or inferred
    /// from the statement.
    ///
    /// # Errors
    /// As [`Self::execute`].
    pub async fn prepare(&self, sql: &str, declared: &[Option<DataType>]) -> Result<Prepared, SqlError> {
        self.plan_prepared(sql, declared).await.map_err(|error| self.locate(error, sql))
    }

    /// Adds the position of an error in the statement.
    fn locate(&self, error: SqlError, sql: &str) -> SqlError {
        failure::locate(error, sql, &self.engine.state)
    }

    async fn plan_prepared(&self, sql: &str, declared: &[Option<DataType>]) -> Result<Prepared, SqlError> {
        let sql = sql.to_owned();
        match parse(&sql)? {
            Parsed::Query(statement, explains) => {
                let planned = self.plan(*statement, explains, declared).await?;
                let parameters = prepared::parameters(&planned.plan, declared)?;
                let Planned { state, plan, names, select_list, tables, dependencies, .. } = planned;
                let schema = prepared::schema(&state, plan.clone(), &parameters, &names.outputs);
                let schema = Some(schema.map_err(|error| failure::explain(&error, Some(&tables)))?);
                let cached =
                    dependencies.map(|dependencies| Arc::new(CachedPlan { plan, names, tables, dependencies }));
                Ok(Prepared { sql, parameters, schema, select_list, cached })
            }
            // Statements that change the session have no rows.
            Parsed::Set(_) | Parsed::ResetAll(_) | Parsed::Nothing(_) => Ok(Prepared {
                sql,
                parameters: Vec::new(),
                schema: None,
                select_list: SelectList::default(),
                cached: None,
            }),
            other => {
                let schema =
                    Some(show::answer(&self.engine.context, &self.settings, &self.warnings, other).await?.schema);
                Ok(Prepared { sql, parameters: Vec::new(), schema, select_list: SelectList::default(), cached: None })
            }
        }
    }

    /// Runs a prepared statement. Each value is an array of one element, whose type is the parameter's or can be cast
    /// to it.
    ///
    /// # Errors
    /// As [`Self::execute`], or if the types of its columns have changed since it was prepared.
    pub async fn run(&self, statement: &Prepared, values: &[ArrayRef]) -> Result<Answer, SqlError> {
        let running = self.engine.context.queries.begin(&statement.sql, &self.application_name(), &self.principal);
        let answer = match statement.cast_values(values) {
            Ok(values) => self.answer_prepared(statement, &values).await.and_then(|answer| statement.conform(answer)),
            Err(error) => Err(error),
        };
        running.record(answer.map_err(|error| self.locate(error, &statement.sql)))
    }

    async fn answer_prepared(&self, statement: &Prepared, values: &[ArrayRef]) -> Result<Answer, SqlError> {
        if let Some(cached) = &statement.cached
            && let Some(planned) = self.replan(cached, &statement.select_list).await
        {
            return planned.run("SELECT", values, self.engine.memories.statement_runtime()).await;
        }
        self.answer(&statement.sql, values).await
    }

    /// Reuses a cached plan. `None` if its dependencies have changed.
    async fn replan(&self, cached: &CachedPlan, select_list: &SelectList) -> Option<Planned> {
        let context = &self.engine.context;
        let (schema, partial) = self.schema_and_partial();
        let CachedPlan { plan, names, tables, dependencies } = cached;
        context.discover(&dependencies.schema, &dependencies.relations).await;
        if schema != dependencies.schema || !Arc::ptr_eq(&context.registry(), &dependencies.registry) {
            return None;
        }
        let snapshot = self.create_snapshot(partial);
        let state = self.create_state(Arc::clone(&snapshot));
        let (names, select_list, tables) = (names.clone(), select_list.clone(), tables.clone());
        let registry = context.registry();
        Some(Planned { state, plan: plan.clone(), names, select_list, tables, dependencies: None, snapshot, registry })
    }

    /// The schema of unqualified names, and whether clusters that cannot answer are skipped.
    fn schema_and_partial(&self) -> (String, bool) {
        let settings = self.settings.lock();
        (settings.schema().to_owned(), settings.partial())
    }

    fn create_snapshot(&self, partial: bool) -> Arc<StatementSnapshot> {
        Arc::new(StatementSnapshot::new(Arc::clone(&self.engine.context.source), Arc::clone(&self.warnings), partial))
    }

    /// Creates the state in which a statement is planned and run.
    fn create_state(&self, snapshot: Arc<StatementSnapshot>) -> SessionState {
        // The state is cloned: a builder would register the functions again, in an unspecified order.
        let mut state = self.engine.state.clone();
        state.config_mut().options_mut().extensions.insert(self.session_info());
        state.config_mut().set_extension(snapshot);
        // Functions read the configuration that is set here.
        state.mark_start_execution();
        state
    }

    async fn answer(&self, sql: &str, values: &[ArrayRef]) -> Result<Answer, SqlError> {
        match parse(sql)? {
            Parsed::Query(statement, explains) => {
                let command = if matches!(*statement, DfStatement::Explain(_)) { "EXPLAIN" } else { "SELECT" };
                let types: Vec<_> = values.iter().map(|value| Some(value.data_type().clone())).collect();
                let planned = self.plan(*statement, explains, &types).await?;
                planned.run(command, values, self.engine.memories.statement_runtime()).await
            }
            other => show::answer(&self.engine.context, &self.settings, &self.warnings, other).await,
        }
    }

    /// The value of a setting; `None` if the setting does not exist.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<String> {
        self.settings.lock().get(name).ok().map(|(_, value)| value.to_owned())
    }

    /// Changes a setting as `SET name = value` does; `None` restores its default.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for an unknown or fixed setting, [`ErrorKind::Invalid`] for an invalid value,
    /// [`ErrorKind::UnknownTable`] for a `search_path` without an existing schema.
    pub fn set(&self, name: &str, value: Option<&str>) -> Result<(), SqlError> {
        self.settings.lock().set(&self.engine.context, name, value, false)
    }

    /// Sets whether statements skip clusters that cannot answer: `SET kubesql.partial`.
    pub fn set_partial(&self, partial: bool) {
        self.settings.lock().set_partial(partial);
    }

    /// The distinct warnings of all statements since the last call.
    #[must_use]
    pub fn take_warnings(&self) -> Vec<Warning> {
        std::mem::take(&mut *self.warnings.lock())
    }

    /// Plans a query. `types` are the known types of the parameters.
    async fn plan(
        &self,
        mut statement: DfStatement,
        explains: bool,
        types: &[Option<DataType>],
    ) -> Result<Planned, SqlError> {
        let context = &self.engine.context;
        let (schema, partial) = self.schema_and_partial();
        let inner = match &mut statement {
            DfStatement::Explain(explain) => &mut *explain.statement,
            other => other,
        };
        let DfStatement::Statement(inner) = inner else {
            return Err(SqlError::new(ErrorKind::Unsupported, "EXPLAIN supports queries only"));
        };
        postgres::rewrite(inner, types)?;
        let known = context.registry();
        views::expand(inner, &|name| !matches!(known.find(DEFAULT_SCHEMA, name), Ok(None)))?;
        presto::rewrite(inner)?;
        set_functions::rewrite(inner)?;
        check_function_clauses(inner, &self.engine.state)?;
        let names = names::rewrite(inner)?;
        let relations = relations(&statement, &names)?;
        let missing = context.discover(&schema, &relations).await;
        let registry = context.registry();
        let mut catalog = StatementCatalog {
            context: Arc::clone(context),
            registry: Arc::clone(&registry),
            schema: schema.clone(),
            names,
            common: CommonKeys::new(),
        };
        let snapshot = self.create_snapshot(partial);
        // EXPLAIN reads no data: its `*` has no dynamic columns.
        if !explains {
            let starred: Vec<_> = catalog.names.starred.iter().cloned().collect();
            for (schema, name) in starred {
                if let Ok(Some((schema, table))) = catalog.find(schema.as_deref(), &name) {
                    let keys = snapshot.commonest_keys(&table, MAX_STAR_KEYS).await?;
                    let mut keys: BTreeSet<String> = keys.into_iter().collect();
                    keys.retain(|name| !table.columns.iter().any(|column| column.name == *name));
                    catalog.common.insert((schema, table.def.name.to_owned()), keys);
                }
            }
        }
        let found = relations.iter().map(|(schema, name)| catalog.find(schema.as_deref(), name));
        let found: Vec<_> = found.map(|found| found.ok().flatten().map(|(_, table)| table)).collect();
        // The plan can be cached if it depends neither on the data nor on tables without objects.
        let is_cacheable = !explains && catalog.common.is_empty() && found.iter().all(Option::is_some);
        let tables = NamedTables(found.into_iter().flatten().collect());
        let dependencies =
            is_cacheable.then(|| PlanDependencies { registry: Arc::clone(&registry), schema, relations });
        let catalog = Arc::new(catalog);
        let mut state = self.create_state(Arc::clone(&snapshot));
        state.register_catalog_list(Arc::new(Catalogs(Arc::clone(&catalog))));
        let with_missing = |error: SqlError| match missing.first() {
            // A cluster that did not answer may have the table.
            Some(Missing { cluster, cause, .. }) if error.kind == ErrorKind::UnknownTable => {
                error.hint(format!("cluster {cluster} may have the table, but {cause}"))
            }
            _ => error,
        };
        let explained = |error| with_missing(failure::explain(&error, Some(&tables)));
        let mut plan = state.statement_to_plan(statement.clone()).await;
        if plan.is_err() && catalog.names.needed.is_some() {
            // The columns that errors list and suggest are all those of the tables.
            let mut catalog = StatementCatalog::clone(&catalog);
            catalog.names.needed = None;
            state.register_catalog_list(Arc::new(Catalogs(Arc::new(catalog))));
            plan = state.statement_to_plan(statement.clone()).await;
            debug_assert!(plan.is_err(), "a table lacked a column that the statement references");
        }
        let plan = match plan {
            Ok(plan) => plan,
            Err(error) => {
                let error = failure::explain_planning(&error, &state, statement, &tables, &catalog).await;
                return Err(with_missing(error));
            }
        };
        let read_only = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        read_only.verify_plan(&plan).map_err(explained)?;
        let plan = without_hidden_keys(plan).map_err(explained)?;
        ambiguous_columns::reject(&plan).map_err(explained)?;
        let names = catalog.names.clone();
        let unnamed = unnamed_columns(&plan, &names.outputs);
        let select_list = SelectList { has_star: names.selects_star, unnamed };
        let plan = provide_keys(plan).and_then(without_hidden).map_err(explained)?;
        Ok(Planned { state, plan, names, select_list, tables, dependencies, snapshot, registry })
    }
}

/// The tables that a statement references, with their schemas if qualified. Excludes common table expressions and
/// functions.
fn relations(statement: &DfStatement, names: &ColumnNames) -> Result<Vec<(Option<String>, String)>, SqlError> {
    let statement = match statement {
        DfStatement::Explain(explain) => &explain.statement,
        other => other,
    };
    let (found, _) = resolve_table_references(statement, true).map_err(|error| failure::explain(&error, None))?;
    let names = found.into_iter().filter_map(|reference| {
        let table = reference.table().trim_end_matches(OPTIONAL).to_owned();
        let catalog = reference.catalog().filter(|catalog| *catalog != CATALOG);
        let schema = match (catalog, reference.schema()) {
            (Some(catalog), Some(schema)) => Some(format!("{catalog}.{schema}")),
            (_, schema) => schema.map(str::to_owned),
        };
        (schema.is_some() || !names.functions.contains(&table)).then_some((schema, table))
    });
    Ok(names.collect())
}

/// Executes a plan in a separate task, one batch ahead of the reader. The next batch is computed while protocols encode
/// and send the current one. The reader never blocks, so that it can observe timeouts and closed connections.
fn prefetch(mut rows: SendableRecordBatchStream) -> SendableRecordBatchStream {
    let mut builder = RecordBatchReceiverStreamBuilder::new(rows.schema(), PREFETCHED_BATCHES);
    let sender = builder.tx();
    builder.spawn(async move {
        while let Some(batch) = rows.next().await {
            // The reader is gone.
            if sender.send(batch).await.is_err() {
                break;
            }
        }
        Ok(())
    });
    builder.build()
}

/// A planned query.
struct Planned {
    state: SessionState,
    plan: LogicalPlan,
    names: ColumnNames,
    select_list: SelectList,
    tables: NamedTables,
    /// The dependencies of the plan, if it can be cached.
    dependencies: Option<PlanDependencies>,
    snapshot: Arc<StatementSnapshot>,
    registry: Arc<Registry>,
}

impl Planned {
    async fn run(
        self,
        command: &'static str,
        values: &[ArrayRef],
        memory: Arc<RuntimeEnv>,
    ) -> Result<Answer, SqlError> {
        let Self { mut state, plan, names, select_list, tables, snapshot, registry, .. } = self;
        let plan = prepared::with_values(plan, values)?;
        let cancel = CancelOnDrop::register(&mut state);
        let explained = |error| failure::explain(&error, Some(&tables));
        let context = Arc::new(TaskContext::from(&state).with_runtime(Arc::clone(&memory)));
        let plan = state.create_physical_plan(&plan).await.map_err(explained)?;
        let stream = prefetch(execute_stream(plan, context).map_err(explained)?);
        let schema = names.outputs.restore(&stream.schema());
        let named = Arc::clone(&schema);
        let explains = command == "EXPLAIN";
        let empty = Arc::new(Mutex::new(Emptiness::default()));
        let seen = Arc::clone(&empty);
        let rows = stream.map(move |batch| {
            // Dropping the answer cancels the joins.
            let _: &CancelOnDrop = &cancel;
            if let Ok(batch) = &batch {
                seen.lock().add(batch);
            }
            let named = batch.and_then(|batch| {
                let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
                let (_, mut columns, _) = batch.into_parts();
                if explains {
                    columns.iter_mut().for_each(shorten_names);
                }
                Ok(RecordBatch::try_new_with_options(Arc::clone(&named), columns, &options)?)
            });
            named.map_err(|error| failure::explain_execution(&error, &memory))
        });
        let notices = async move {
            let answer = *empty.lock();
            if !explains {
                notices::add(&snapshot, &registry, answer).await;
            }
            stream::empty()
        };
        let rows = rows.chain(stream::once(notices).flatten()).boxed();
        Ok(Answer { command, schema, select_list, rows })
    }
}

/// Removes the marks of hidden columns from the text of a plan.
fn shorten_names(column: &mut ArrayRef) {
    if let Some(texts) = column.as_string_opt::<i32>() {
        let texts = texts.iter().map(|text| text.map(without_marks));
        *column = Arc::new(texts.collect::<StringArray>());
    }
}
