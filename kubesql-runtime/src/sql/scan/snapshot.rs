//! The instant that a statement sees: one snapshot for all its tables, of the fields that they need.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::error::DataFusionError;
use parking_lot::Mutex;
use tokio::sync::OnceCell;

use super::dynamic_column::{self, DynamicValue};
use super::printed;
use crate::flatten::FieldMask;
use crate::schema::{Place, Table, Values};
use crate::sql::error::{ErrorKind, SqlError};
use crate::sql::scan::dynamic_column::OutputColumn;
use crate::store::{
    KindRequest, Missing, Request, Segment, SegmentStream, Selection, Snapshot, Source, SourceError, Warning,
};

/// Warnings of a session's statements, until somebody takes them.
pub(crate) type Warnings = Arc<Mutex<Vec<Warning>>>;

/// One statement's view of the source: taken when the first row is needed, after all of the plan is known.
#[derive(Debug)]
pub(crate) struct StatementSnapshot {
    source: Arc<dyn Source>,
    request: Mutex<Request>,
    snapshot: OnceCell<Result<Snapshot, SqlError>>,
    warnings: Warnings,
}

impl StatementSnapshot {
    /// With `partial`, clusters that cannot answer are told in warnings instead of failing the statement.
    pub(crate) fn new(source: Arc<dyn Source>, warnings: Warnings, partial: bool) -> Self {
        let request = Mutex::new(Request { partial, ..Request::default() });
        Self { source, request, snapshot: OnceCell::new(), warnings }
    }

    /// Notes what a scan will read, of which objects, and of which clusters; `None` for all.
    pub(crate) fn want(
        &self,
        table: &Table,
        outputs: &[OutputColumn],
        clusters: Option<BTreeSet<String>>,
        selection: &Selection,
    ) {
        let mut request = self.request.lock();
        let known = request.kinds.iter().position(|wanted| std::ptr::eq(wanted.kind, table.kind));
        let at = known.unwrap_or_else(|| {
            let (clusters, selection) = (clusters.clone(), selection.clone());
            let fields = FieldMask::none();
            request.kinds.push(KindRequest { kind: table.kind, fields, objects: false, clusters, selection });
            request.kinds.len() - 1
        });
        let wanted = &mut request.kinds[at];
        wanted.clusters = match (wanted.clusters.take(), clusters) {
            (Some(mine), Some(others)) => Some(mine.into_iter().chain(others).collect()),
            _ => None,
        };
        wanted.selection = std::mem::take(&mut wanted.selection).or(selection);
        // How many rows there are is in the lists themselves.
        wanted.fields.add_presence(&lists_to(table, table.lists.len()));
        for output in outputs {
            match output {
                OutputColumn::Fixed(number) => match &table.columns[*number].place {
                    Place::Json => wanted.objects = true,
                    Place::Printed(steps) => printed::want(table.kind.root, steps, &mut wanted.fields),
                    place => add(table, place, &mut wanted.fields),
                },
                OutputColumn::Dynamic(dynamic) => match &dynamic.pick {
                    DynamicValue::Key(..) => add(table, &dynamic.place, &mut wanted.fields),
                    DynamicValue::Condition { type_field, field, .. } => {
                        if let Some(path) = path_to(table, &dynamic.place) {
                            wanted.fields.add(&[&path[..], &[*type_field]].concat());
                            wanted.fields.add(&[&path[..], &[*field]].concat());
                        }
                    }
                },
            }
        }
    }

    /// What the source has of all that was wanted; the same at every call.
    pub(crate) async fn get(&self) -> Result<&Snapshot, DataFusionError> {
        let taken = self.snapshot.get_or_init(|| async {
            let request = self.request.lock().clone();
            take(&*self.source, &request, &self.warnings).await
        });
        taken.await.as_ref().map_err(|error| DataFusionError::External(Box::new(error.clone())))
    }

    /// The segment of this number of a feed, as soon as it is there; `None` when there are no more, which is when
    /// what was wrong with its objects is told.
    pub(crate) async fn next(
        &self,
        feed: &mut SegmentStream,
        number: usize,
    ) -> Result<Option<Arc<Segment>>, DataFusionError> {
        let failed = |error: SourceError| DataFusionError::External(Box::new(failed(&error)));
        let segment = feed.get(number).await.map_err(failed)?;
        if segment.is_none() {
            tell(&self.warnings, feed.end().await.map_err(failed)?);
        }
        Ok(segment)
    }

    /// The names of the commonest dynamic columns of a table, at most `limit`.
    pub(crate) async fn commonest(&self, table: &Table, limit: usize) -> Result<Vec<String>, SqlError> {
        let mut fields = FieldMask::none();
        for column in table.columns.iter().filter(|column| matches!(column.values, Values::Map(_))) {
            add(table, &column.place, &mut fields);
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
        // Whoever cannot answer fails the statement itself, not the choice of its columns.
        let request = Request { kinds, partial: true };
        // What is wrong with the data is told by the statement's own snapshot.
        let snapshot = take(&*self.source, &request, &Warnings::default()).await?;
        let mut counts = HashMap::new();
        for segment in snapshot.segments.iter().filter(|segment| std::ptr::eq(segment.kind, table.kind)) {
            dynamic_column::present(table, segment, &mut counts);
        }
        for mut feed in snapshot.streams {
            let mut number = 0;
            while let Some(segment) = feed.get(number).await.map_err(|error| failed(&error))? {
                dynamic_column::present(table, &segment, &mut counts);
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

/// Tells which clusters could not be asked for something that others were.
pub(crate) fn tell_missing(warnings: &Warnings, missing: &[Missing]) {
    tell(warnings, missing.iter().map(Warning::from_missing));
}

async fn take(source: &dyn Source, request: &Request, warnings: &Warnings) -> Result<Snapshot, SqlError> {
    let snapshot = source.snapshot(request).await.map_err(|error| failed(&error))?;
    let missing = snapshot.missing.iter().map(Warning::from_missing);
    tell(warnings, missing.chain(snapshot.warnings.iter().cloned()));
    Ok(snapshot)
}

fn tell(told: &Warnings, warnings: impl IntoIterator<Item = Warning>) {
    let mut told = told.lock();
    for warning in warnings {
        if !told.contains(&warning) {
            told.push(warning);
        }
    }
}

fn failed(error: &SourceError) -> SqlError {
    let failure = SqlError::new(ErrorKind::Source, error.to_string());
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
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
        Place::Index { .. } | Place::Cluster | Place::Printed(_) | Place::Json => return None,
    })
}

fn statuses_to(table: &Table) -> Option<Vec<u16>> {
    let statuses = table.statuses.as_ref()?;
    Some([lists_to(table, table.lists.len().checked_sub(1)?), statuses.fields.clone()].concat())
}

fn add(table: &Table, place: &Place, want: &mut FieldMask) {
    if let Some(path) = path_to(table, place) {
        want.add(&path);
    }
    if let (Place::Status(_), Some(statuses), Some(path)) = (place, &table.statuses, statuses_to(table)) {
        // Matched by name.
        want.add(&[&path[..], &[statuses.key]].concat());
        want.add(&[lists_to(table, table.lists.len()), vec![statuses.row_key]].concat());
    }
}
