//! One client's session: statements in, answers out.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::execution::context::SQLOptions;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SendableRecordBatchStream, SessionState, TaskContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::sql::parser::Statement as DfStatement;
use futures::stream::StreamExt;
use parking_lot::Mutex;

use super::catalog::{Catalogs, StatementCatalog};
use super::cooperation::{Wanted, cooperative};
use super::duplicates::Duplicates;
use super::engine::Engine;
use super::error::{ErrorKind, SqlError};
use super::moment::{Moment, Warnings};
use super::names::{Names, relations, resolve};
use super::postgres::{self, Facts};
use super::prepared::{self, Kept, Made, Prepared};
use super::registry::CATALOG;
use super::settings::Settings;
use super::stars::{self, Common};
use super::statement::{Parsed, parse};
use super::{Answer, Who, failure, show};
use crate::store::{Missing, Warning};

/// At most so many dynamic columns are part of `*`.
const STAR: usize = 200;

/// The number of record batches to prefetch.
const PREFETCHED_BATCHES: usize = 1;

/// One client's state.
#[derive(Debug)]
pub struct Session {
    engine: Arc<Engine>,
    settings: Mutex<Settings>,
    warnings: Warnings,
    who: Who,
    /// Who asks, and the number of the connection.
    client: Mutex<(String, i32)>,
}

impl Session {
    pub(super) fn new(engine: Arc<Engine>) -> Self {
        let client = Mutex::new((CATALOG.to_owned(), 0));
        Self { engine, settings: Mutex::default(), warnings: Warnings::default(), who: Who::default(), client }
    }

    /// The session of somebody who is known.
    #[must_use]
    pub fn of(mut self, who: Who) -> Self {
        self.who = who;
        self
    }

    /// Who asks.
    #[must_use]
    pub fn who(&self) -> &Who {
        &self.who
    }

    /// What the client calls itself: `SHOW application_name`.
    #[must_use]
    pub fn application_name(&self) -> String {
        self.settings.lock().application_name().to_owned()
    }

    /// How long a statement may take by what the client has set: `SET statement_timeout`.
    #[must_use]
    pub fn statement_timeout(&self) -> Option<Duration> {
        self.settings.lock().statement_timeout()
    }

    /// Runs one statement.
    ///
    /// # Errors
    /// Whatever [`super::ErrorKind`] lists, before the first row; the stream may fail later.
    pub async fn execute(&self, sql: &str) -> Result<Answer, SqlError> {
        let running = self.engine.house.queries.begin(sql, &self.application_name(), &self.who);
        running.follow(self.answer(sql, &[]).await)
    }

    /// Says who asks, by which connection: `current_user`, `pg_backend_pid()`.
    pub fn introduce(&self, user: &str, process: i32) {
        let mut client = self.client.lock();
        if client.0 != user || client.1 != process {
            *client = (user.to_owned(), process);
        }
    }

    fn facts(&self) -> Facts {
        let (user, process) = self.client.lock().clone();
        let user = self.who.user.clone().unwrap_or(user);
        let settings = self.settings.lock();
        let all = settings.all().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Facts { user, process, schema: settings.schema().to_owned(), settings: all, named: None }
    }

    /// Says what the client calls itself: `SET application_name`.
    pub fn set_application_name(&self, name: &str) {
        self.settings.lock().set_application_name(name);
    }

    /// Plans a statement, to run it later with values for its parameters (`$1`), of the types that are declared or
    /// that the statement wants.
    ///
    /// # Errors
    /// As [`Self::execute`].
    pub async fn prepare(&self, sql: &str, declared: &[Option<DataType>]) -> Result<Prepared, SqlError> {
        let sql = sql.to_owned();
        match parse(&sql)? {
            Parsed::Query(statement, explains) => {
                let mut planned = self.plan(*statement.clone(), explains, declared).await?;
                let parameters = prepared::parameters(&planned.plan, declared)?;
                // Planned as it is when it runs, with all types known.
                let types: Vec<_> = parameters.iter().cloned().map(Some).collect();
                if types != declared {
                    planned = self.plan(*statement, explains, &types).await?;
                }
                let Planned { state, plan, duplicates, names, lasts } = planned;
                let schema = prepared::schema(&state, plan.clone(), &parameters, &duplicates);
                let schema = Some(schema.map_err(|error| failure::explain(&error, Some(&names)))?);
                let kept = lasts.map(|made| Arc::new(Kept { plan, duplicates, names, made }));
                Ok(Prepared { sql, parameters, schema, kept })
            }
            // What changes the session gives no rows.
            Parsed::Set(_) | Parsed::ResetAll(_) | Parsed::Nothing(_) => {
                Ok(Prepared { sql, parameters: Vec::new(), schema: None, kept: None })
            }
            other => {
                let schema =
                    Some(show::answer(&self.engine.house, &self.settings, &self.warnings, other).await?.schema);
                Ok(Prepared { sql, parameters: Vec::new(), schema, kept: None })
            }
        }
    }

    /// Runs a prepared statement; each value is an array of one element, of its parameter's type or one that can be
    /// made that.
    ///
    /// # Errors
    /// As [`Self::execute`], and where its columns are no longer those that it was prepared with.
    pub async fn run(&self, statement: &Prepared, values: &[ArrayRef]) -> Result<Answer, SqlError> {
        let running = self.engine.house.queries.begin(&statement.sql, &self.application_name(), &self.who);
        let answer = match statement.typed(values) {
            Ok(values) => self.answer_again(statement, &values).await.and_then(|answer| statement.told(answer)),
            Err(error) => Err(error),
        };
        running.follow(answer)
    }

    async fn answer_again(&self, statement: &Prepared, values: &[ArrayRef]) -> Result<Answer, SqlError> {
        if let Some(kept) = &statement.kept
            && let Some(planned) = self.again(kept).await
        {
            return planned.run("SELECT", values, self.engine.memories.of_statement()).await;
        }
        self.answer(&statement.sql, values).await
    }

    /// A plan as it was made before, unless it would be another by now.
    async fn again(&self, kept: &Kept) -> Option<Planned> {
        let house = &self.engine.house;
        let (schema, partial) = self.defaults();
        let Kept { plan, duplicates, names, made } = kept;
        house.discover(&made.schema, &made.relations).await;
        if schema != made.schema || !Arc::ptr_eq(&house.registry(), &made.registry) {
            return None;
        }
        let state = self.state(schema, self.moment(partial));
        let (plan, duplicates, names) = (plan.clone(), duplicates.clone(), names.clone());
        Some(Planned { state, plan, duplicates, names, lasts: None })
    }

    /// The schema of names without one, and whether clusters that cannot answer are left out.
    fn defaults(&self) -> (String, bool) {
        let settings = self.settings.lock();
        (settings.schema().to_owned(), settings.partial())
    }

    fn moment(&self, partial: bool) -> Arc<Moment> {
        Arc::new(Moment::new(Arc::clone(&self.engine.house.source), Arc::clone(&self.warnings), partial))
    }

    /// What a statement is planned and run in.
    fn state(&self, schema: String, moment: Arc<Moment>) -> SessionState {
        // A clone, for a builder would register the functions anew, in any order where two claim a name.
        let mut state = self.engine.state.clone();
        state.mark_start_execution();
        state.config_mut().options_mut().catalog.default_schema = schema;
        state.config_mut().set_extension(moment);
        state
    }

    async fn answer(&self, sql: &str, values: &[ArrayRef]) -> Result<Answer, SqlError> {
        match parse(sql)? {
            Parsed::Query(statement, explains) => {
                let command = if matches!(*statement, DfStatement::Explain(_)) { "EXPLAIN" } else { "SELECT" };
                let types: Vec<_> = values.iter().map(|value| Some(value.data_type().clone())).collect();
                let planned = self.plan(*statement, explains, &types).await?;
                planned.run(command, values, self.engine.memories.of_statement()).await
            }
            other => show::answer(&self.engine.house, &self.settings, &self.warnings, other).await,
        }
    }

    /// The value of a setting; none of what is none.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<String> {
        self.settings.lock().get(name).ok().map(|(_, value)| value.to_owned())
    }

    /// Changes a setting as `SET name = value` does; `None` restores its default.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for an unknown or fixed setting, [`ErrorKind::Invalid`] for a value that it cannot
    /// have, [`ErrorKind::UnknownTable`] for a `search_path` without an existing schema.
    pub fn set(&self, name: &str, value: Option<&str>) -> Result<(), SqlError> {
        self.settings.lock().set(&self.engine.house, name, value, false)
    }

    /// Whether statements are answered although some clusters cannot: `SET kubesql.partial`.
    pub fn set_partial(&self, partial: bool) {
        self.settings.lock().set_partial(partial);
    }

    /// What was wrong with the data of all statements since the last call, each kind of trouble once.
    #[must_use]
    pub fn take_warnings(&self) -> Vec<Warning> {
        std::mem::take(&mut *self.warnings.lock())
    }

    /// `types` are those of the parameters, as far as they are known.
    async fn plan(
        &self,
        mut statement: DfStatement,
        explains: bool,
        types: &[Option<DataType>],
    ) -> Result<Planned, SqlError> {
        let house = &self.engine.house;
        let (schema, partial) = self.defaults();
        let inner = match &mut statement {
            DfStatement::Explain(explain) => &mut *explain.statement,
            other => other,
        };
        let DfStatement::Statement(inner) = inner else {
            return Err(SqlError::new(ErrorKind::Unsupported, "EXPLAIN takes a query"));
        };
        let relations = relations(inner, house);
        let missing = house.discover(&schema, &relations).await;
        let touched = postgres::rewrite(inner, house, &schema, types)?;
        let facts = if touched.session { self.facts() } else { Facts::default() };
        let facts = Arc::new(Facts { named: touched.named, ..facts });
        let registry = house.registry();
        let unknown = |error: SqlError| match missing.first() {
            // It may be a table of a cluster that did not answer.
            Some(Missing { cluster, cause, .. }) if error.kind == ErrorKind::UnknownTable => {
                error.hint(format!("cluster {cluster} may have it, but {cause}"))
            }
            _ => error,
        };
        let names = resolve(inner, &registry, &schema).map_err(unknown)?;
        let moment = self.moment(partial);
        let mut mentions = names.mentions();
        let mut common = Common::new();
        // To explain, no data is read: the dynamic columns of `*` are left out then.
        for used in names.tables.iter().filter(|used| used.starred && !explains) {
            let mut commonest: BTreeSet<String> = moment.commonest(&used.table, STAR).await?.into_iter().collect();
            commonest.retain(|name| !used.table.columns.iter().any(|column| column.name == *name));
            let table = (used.schema.clone(), used.name.clone());
            if let Some(mentioned) = mentions.get_mut(&table) {
                mentioned.dynamic.extend(commonest.iter().cloned());
            }
            common.insert(table, commonest);
        }
        stars::hide(inner, &names, &common, &registry, &schema);
        let duplicates = Duplicates::mark(inner);
        // Neither what the data has nor who asks, and nothing but objects.
        let lasts = !explains && !touched.session && names.tables.iter().all(|used| !used.starred);
        let is_table = |(named, table): &(Option<String>, String)| {
            matches!(registry.find(named.as_ref().unwrap_or(&schema), table), Ok(Some(_)))
        };
        let made = (lasts && relations.iter().all(is_table)).then(|| Made {
            registry: Arc::clone(&registry),
            schema: schema.clone(),
            relations,
        });
        let catalog = StatementCatalog { house: Arc::clone(house), registry, facts: Arc::clone(&facts), mentions };
        let mut state = self.state(schema, moment);
        state.register_catalog_list(Arc::new(Catalogs(Arc::new(catalog))));
        let explained = |error| failure::explain(&error, Some(&names));
        if touched.session {
            postgres::register_facts(&mut state, house, &facts).map_err(explained)?;
        }
        let plan = state.statement_to_plan(statement).await.map_err(explained)?;
        let read_only = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        read_only.verify_plan(&plan).map_err(explained)?;
        Ok(Planned { state, plan, duplicates, names, lasts: made })
    }
}

/// Executes a plan in a task of its own, which is a batch ahead of the reader. The next batch is computed while protocols
/// encode and send the current one. The reader never blocks, so that it can observe timeouts and closed connections.
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

/// A query that can be run.
struct Planned {
    state: SessionState,
    plan: LogicalPlan,
    duplicates: Duplicates,
    names: Names,
    /// What it was made with, where nothing else is in it.
    lasts: Option<Made>,
}

impl Planned {
    async fn run(
        self,
        command: &'static str,
        values: &[ArrayRef],
        memory: Arc<RuntimeEnv>,
    ) -> Result<Answer, SqlError> {
        let Self { state, plan, duplicates, names, .. } = self;
        let plan = prepared::with_values(plan, values)?;
        let explained = |error| failure::explain(&error, Some(&names));
        let context = Arc::new(TaskContext::from(&state).with_runtime(memory));
        let plan = state.create_physical_plan(&plan).await.map_err(explained)?;
        let wanted = Wanted::default();
        let plan = cooperative(plan, &wanted).map_err(explained)?;
        let stream = prefetch(execute_stream(plan, context).map_err(explained)?);
        let schema = duplicates.restore(&stream.schema());
        let named = Arc::clone(&schema);
        let rows = stream.map(move |batch| {
            // For as long as somebody reads.
            let _: &Wanted = &wanted;
            let named = batch.and_then(|batch| {
                let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
                let (_, columns, _) = batch.into_parts();
                Ok(RecordBatch::try_new_with_options(Arc::clone(&named), columns, &options)?)
            });
            named.map_err(|error| failure::explain(&error, None))
        });
        let rows = rows.boxed();
        Ok(Answer { command, schema, rows })
    }
}
