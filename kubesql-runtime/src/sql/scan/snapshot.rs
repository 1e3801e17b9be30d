//! The snapshot of a statement: one for all its tables, with the fields that the statement reads.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{SystemTime, UNIX_EPOCH};

use arrow::array::AsArray;
use datafusion::error::DataFusionError;
use parking_lot::Mutex;
use tokio::sync::OnceCell;

use super::dynamic_column::{self, DynamicValue};
use super::row_map::RowMap;
use super::{extract, kubectl, printed};
use crate::flatten::FieldMask;
use crate::schema::{KindDef, Place, Table, Values};
use crate::sql::error::{ErrorKind, SqlError};
use crate::sql::scan::dynamic_column::OutputColumn;
use crate::store::{
    KindRequest, Missing, Request, Segment, SegmentStream, Selection, Snapshot, Source, SourceError, Warning,
};

/// What a scan asks for.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) table: Arc<Table>,
    /// The keys and conditions that it reads.
    pub(crate) keys: Vec<String>,
    /// The namespaces that a filter names.
    pub(crate) namespaces: BTreeSet<String>,
    /// The number of rows that it has read.
    pub(crate) rows: Arc<AtomicUsize>,
}

/// The warnings of a session's statements that the client has not read yet.
pub(crate) type Warnings = Arc<Mutex<Vec<Warning>>>;

/// A statement's view of the source. The snapshot is taken when the first row is read: all scans are planned then.
#[derive(Debug)]
pub(crate) struct StatementSnapshot {
    source: Arc<dyn Source>,
    request: Mutex<Request>,
    snapshot: OnceCell<Result<Snapshot, SqlError>>,
    warnings: Warnings,
    /// What the scans ask for, for notices about an empty answer.
    scans: Mutex<Vec<Asked>>,
    /// The time from which ages count, in microseconds since 1970.
    pub(crate) now: i64,
}

impl StatementSnapshot {
    /// With `partial`, clusters that cannot answer are reported as warnings instead of failing the statement.
    pub(crate) fn new(source: Arc<dyn Source>, warnings: Warnings, partial: bool) -> Self {
        let request = Mutex::new(Request { partial, ..Request::default() });
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_micros()).unwrap_or(i64::MAX);
        Self { source, request, snapshot: OnceCell::new(), warnings, scans: Mutex::default(), now }
    }

    /// Adds a scan to the request: its columns, its objects, and its clusters (`None` for all).
    pub(crate) fn add_scan(
        &self,
        table: &Table,
        outputs: &[OutputColumn],
        clusters: Option<BTreeSet<String>>,
        selection: &Selection,
    ) {
        let mut request = self.request.lock();
        let position = request.kinds.iter().position(|request| std::ptr::eq(request.kind, table.kind));
        let at = position.unwrap_or_else(|| {
            let (clusters, selection) = (clusters.clone(), selection.clone());
            let fields = FieldMask::none();
            request.kinds.push(KindRequest { kind: table.kind, fields, objects: false, clusters, selection });
            request.kinds.len() - 1
        });
        let kind = &mut request.kinds[at];
        kind.clusters = match (kind.clusters.take(), clusters) {
            (Some(before), Some(added)) => Some(before.into_iter().chain(added).collect()),
            _ => None,
        };
        kind.selection = std::mem::take(&mut kind.selection).or(selection);
        // The lengths of the lists are the number of rows.
        kind.fields.add_presence(&lists_to(table, table.lists.len()));
        for output in outputs {
            match output {
                OutputColumn::Fixed(number) => match &table.columns[*number].place {
                    Place::Json => kind.objects = true,
                    Place::Printed(steps) => printed::add_fields(table.kind.root, steps, &mut kind.fields),
                    Place::Kubectl(name) => kubectl::add_fields(table.kind, name, &mut kind.fields),
                    place => add_place(table, place, &mut kind.fields),
                },
                OutputColumn::Dynamic(dynamic) => match &dynamic.value {
                    DynamicValue::Key(..) => add_place(table, &dynamic.place, &mut kind.fields),
                    DynamicValue::SourceFile | DynamicValue::SourceLine => {}
                    DynamicValue::Condition { type_field, field, .. } => {
                        if let Some(path) = path_to(table, &dynamic.place) {
                            kind.fields.add(&[&path[..], &[*type_field]].concat());
                            kind.fields.add(&[&path[..], &[*field]].concat());
                        }
                    }
                },
            }
        }
    }

    /// Marks a kind as optional: where no cluster serves it, it has no objects.
    pub(crate) fn add_optional(&self, kind: &'static KindDef) {
        self.request.lock().optional.push(kind);
    }

    /// Records what a scan asks for.
    pub(crate) fn record_scan(&self, asked: Asked) {
        self.scans.lock().push(asked);
    }

    /// What the scans ask for.
    pub(crate) fn scans(&self) -> Vec<Asked> {
        self.scans.lock().clone()
    }

    /// The source of the objects.
    pub(crate) fn source(&self) -> &Arc<dyn Source> {
        &self.source
    }

    /// Adds a warning about a table.
    pub(crate) fn warn(&self, table: &Table, message: String) {
        report_warnings(&self.warnings, [Warning { place: format!("table {}", table.def.name), message, count: 1 }]);
    }

    /// The texts of a column over all objects, and the number of rows. Clusters that cannot answer are left out.
    pub(crate) async fn values(
        &self,
        table: &Arc<Table>,
        column: Option<&str>,
    ) -> Result<(BTreeSet<String>, usize), SqlError> {
        let number = column.and_then(|name| table.columns.iter().position(|column| column.name == name));
        let outputs: Vec<OutputColumn> = number.into_iter().map(OutputColumn::Fixed).collect();
        let asking = Self::new(Arc::clone(&self.source), Warnings::default(), true);
        asking.add_scan(table, &outputs, None, &Selection::default());
        let request = asking.request.lock().clone();
        let snapshot = read_snapshot(&*self.source, &request, &Warnings::default()).await?;
        let mut segments = snapshot.segments;
        for mut stream in snapshot.streams {
            let mut number = 0;
            while let Some(segment) = stream.get(number).await.map_err(|error| source_error(&error))? {
                segments.push(segment);
                number += 1;
            }
        }
        let (mut values, mut rows) = (BTreeSet::new(), 0);
        for segment in segments.iter().filter(|segment| std::ptr::eq(segment.kind, table.kind)) {
            let map = RowMap::new(table, segment);
            rows += map.rows();
            let arrays =
                extract::extract_columns(table, segment, &map, &outputs, &vec![None; outputs.len()], 0..map.rows());
            for array in arrays.into_iter().flatten() {
                let texts = array.as_string_view_opt().into_iter().flat_map(|texts| texts.iter().flatten());
                values.extend(texts.map(str::to_owned));
            }
        }
        Ok((values, rows))
    }

    /// The snapshot of the source. It is taken at the first call.
    pub(crate) async fn get(&self) -> Result<&Snapshot, DataFusionError> {
        let snapshot = self.snapshot.get_or_init(|| async {
            let request = self.request.lock().clone();
            read_snapshot(&*self.source, &request, &self.warnings).await
        });
        snapshot.await.as_ref().map_err(|error| DataFusionError::External(Box::new(error.clone())))
    }

    /// Waits for the segment of this number of a stream. `None` after the last one; the warnings about the stream's
    /// objects are reported then.
    pub(crate) async fn next_segment(
        &self,
        stream: &mut SegmentStream,
        number: usize,
    ) -> Result<Option<Arc<Segment>>, DataFusionError> {
        let external = |error: SourceError| DataFusionError::External(Box::new(source_error(&error)));
        let segment = stream.get(number).await.map_err(external)?;
        if segment.is_none() {
            report_warnings(&self.warnings, stream.end().await.map_err(external)?);
        }
        Ok(segment)
    }

    /// The names of the `limit` most frequent dynamic columns of a table, sorted by name.
    pub(crate) async fn commonest_keys(&self, table: &Table, limit: usize) -> Result<Vec<String>, SqlError> {
        let mut fields = FieldMask::none();
        for column in table.columns.iter().filter(|column| matches!(column.values, Values::Map(_))) {
            add_place(table, &column.place, &mut fields);
        }
        if let Some(conditions) = &table.conditions
            && let (Some(path), Some((number, _))) = (path_to(table, &conditions.place), conditions.item.field("type"))
        {
            fields.add(&[&path[..], &[number]].concat());
        }
        if fields == FieldMask::none() {
            return Ok(Vec::new());
        }
        let kinds = vec![KindRequest {
            kind: table.kind,
            fields,
            objects: false,
            clusters: None,
            selection: Selection::default(),
        }];
        // A cluster that cannot answer does not fail this request. It fails the statement's own snapshot.
        let request = Request { kinds, partial: true, optional: Vec::new() };
        // Warnings are dropped: the statement's own snapshot reports them.
        let snapshot = read_snapshot(&*self.source, &request, &Warnings::default()).await?;
        let mut counts = HashMap::new();
        for segment in snapshot.segments.iter().filter(|segment| std::ptr::eq(segment.kind, table.kind)) {
            dynamic_column::count_columns(table, segment, &mut counts);
        }
        for mut stream in snapshot.streams {
            let mut number = 0;
            while let Some(segment) = stream.get(number).await.map_err(|error| source_error(&error))? {
                dynamic_column::count_columns(table, &segment, &mut counts);
                number += 1;
            }
        }
        let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
        counts.sort_by(|(a, n), (b, m)| (m, a).cmp(&(n, b)));
        counts.truncate(limit);
        let mut names: Vec<String> = counts.into_iter().map(|(name, _)| name).collect();
        names.sort();
        Ok(names)
    }
}

/// Reports clusters that could not be queried as warnings.
pub(crate) fn report_missing(warnings: &Warnings, missing: &[Missing]) {
    report_warnings(warnings, missing.iter().map(Warning::from_missing));
}

async fn read_snapshot(source: &dyn Source, request: &Request, warnings: &Warnings) -> Result<Snapshot, SqlError> {
    let snapshot = source.snapshot(request).await.map_err(|error| source_error(&error))?;
    let missing = snapshot.missing.iter().map(Warning::from_missing);
    report_warnings(warnings, missing.chain(snapshot.warnings.iter().cloned()));
    Ok(snapshot)
}

/// Adds warnings to those of the session, each once.
fn report_warnings(reported: &Warnings, warnings: impl IntoIterator<Item = Warning>) {
    let mut reported = reported.lock();
    for warning in warnings {
        if !reported.contains(&warning) {
            reported.push(warning);
        }
    }
}

fn source_error(error: &SourceError) -> SqlError {
    let converted = SqlError::new(ErrorKind::Source, error.to_string());
    match error.hint() {
        Some(hint) => converted.hint(hint),
        None => converted,
    }
}

/// Field numbers from the object to the list at a depth of the table's path.
fn lists_to(table: &Table, depth: usize) -> Vec<u16> {
    table.lists[..depth].iter().flat_map(|list| list.fields.iter().copied()).collect()
}

/// Field numbers from the object to a place.
fn path_to(table: &Table, place: &Place) -> Option<Vec<u16>> {
    Some(match place {
        Place::Object(fields) => fields.clone(),
        Place::Item { depth, fields } => [lists_to(table, depth + 1), fields.clone()].concat(),
        Place::Status(fields) => [statuses_to(table)?, fields.clone()].concat(),
        Place::Index { .. } | Place::Cluster | Place::Printed(_) | Place::Kubectl(_) | Place::Json => return None,
    })
}

/// Field numbers from the object to the list of statuses.
fn statuses_to(table: &Table) -> Option<Vec<u16>> {
    let statuses = table.statuses.as_ref()?;
    Some([lists_to(table, table.lists.len().checked_sub(1)?), statuses.fields.clone()].concat())
}

/// Adds the fields that a place reads to a mask.
fn add_place(table: &Table, place: &Place, mask: &mut FieldMask) {
    if let Some(path) = path_to(table, place) {
        mask.add(&path);
    }
    if let (Place::Status(_), Some(statuses), Some(path)) = (place, &table.statuses, statuses_to(table)) {
        // Statuses are matched by name.
        mask.add(&[&path[..], &[statuses.key]].concat());
        mask.add(&[lists_to(table, table.lists.len()), vec![statuses.row_key]].concat());
    }
}
