//! Merges small and sparse segments into one segment of their live rows.
//!
//! Rows are flattened again from the raw objects. A merged segment is therefore the same as if its objects had
//! arrived together, and merging needs no code for each column type.

use std::sync::Arc;

use super::Key;
use super::config::TableConfig;
use super::mutable_segment::{MutableSegment, SealedSegment};
use super::segment_set::{Merged, RowLocation, SegmentSet};
use crate::flatten::Flattener;
use crate::schema::KindDef;
use crate::store::Segment;

use arrow::array::AsArray;

/// Number of segments of one size class that triggers a merge.
const MERGE_FACTOR: usize = 16;

/// Merges of up to this many rows run on the writer's task: they take one or two milliseconds at most.
pub(super) const INLINE_ROWS: usize = 128;

/// The input of a merge.
#[derive(Debug)]
pub(super) struct MergeJob {
    inputs: Vec<MergeInput>,
    /// Live rows of all inputs.
    pub(super) rows: usize,
}

#[derive(Debug)]
struct MergeInput {
    id: u64,
    segment: Arc<Segment>,
    keys: Arc<[Option<Key>]>,
    live_rows: Vec<u32>,
}

/// Segments are merged with others of the same size class; each class is four times larger than the one before.
fn size_class(live_rows: usize) -> u32 {
    live_rows.max(1).ilog2() / 2
}

impl SegmentSet {
    /// The next merge that is worth doing and has at most `max_rows` rows.
    pub(super) fn next_merge(&mut self, config: &TableConfig, max_rows: usize) -> Option<MergeJob> {
        let full = config.segment_rows;
        let mut classes: Vec<Vec<u64>> = Vec::new();
        let mut sparse = Vec::new();
        for (id, entry) in &self.segments {
            if entry.merging || entry.live_rows == 0 {
                continue;
            }
            if entry.live_rows < full / 2 {
                let class = size_class(entry.live_rows) as usize;
                classes.resize_with(classes.len().max(class + 1), Vec::new);
                classes[class].push(*id);
            }
            if entry.live_rows * 2 < entry.rows && entry.rows > INLINE_ROWS {
                sparse.push(*id);
            }
        }
        let mut chosen = classes.into_iter().find(|class| class.len() >= MERGE_FACTOR).unwrap_or(sparse);
        let mut rows = 0;
        chosen.retain(|id| {
            let live_rows = self.segments[id].live_rows;
            let fits = rows == 0 || rows + live_rows <= full;
            rows += if fits { live_rows } else { 0 };
            fits
        });
        (!chosen.is_empty() && rows <= max_rows).then(|| self.merge_job(&chosen))
    }

    fn merge_job(&mut self, ids: &[u64]) -> MergeJob {
        let mut job = MergeJob { inputs: Vec::with_capacity(ids.len()), rows: 0 };
        for id in ids {
            let Some(entry) = self.segments.get_mut(id) else { continue };
            entry.merging = true;
            let live_rows: Vec<u32> =
                (0u32..).zip(0..entry.rows).filter(|(_, row)| entry.is_alive(*row)).map(|row| row.0).collect();
            job.rows += live_rows.len();
            job.inputs.push(MergeInput {
                id: *id,
                segment: Arc::clone(&entry.segment),
                keys: Arc::clone(&entry.keys),
                live_rows,
            });
        }
        job
    }
}

impl MergeJob {
    /// Runs the merge. Takes about 20 µs for an object of 6 kB.
    pub(super) fn run(self, kind: &'static KindDef, flattener: Box<dyn Flattener>) -> Merged {
        /// Raw objects that are read at a time.
        const STEP: usize = 256;
        let mut output = MutableSegment::new(kind, flattener);
        let mut sources = Vec::with_capacity(self.rows);
        let mut output_keys = Vec::with_capacity(self.rows);
        for MergeInput { id, segment, keys, live_rows } in &self.inputs {
            let Some(objects) = &segment.objects else { continue };
            let mut rest = live_rows.as_slice();
            while let Some(&first) = rest.first() {
                let near = rest.partition_point(|row| (*row as usize) < first as usize + STEP);
                let (now, later) = rest.split_at(near);
                rest = later;
                let last = now.last().copied().unwrap_or(first);
                let texts = objects.read(first as usize..last as usize + 1);
                for row in now {
                    // It was well-formed when it was first pushed.
                    let _ = output.push(texts.as_string_view().value((row - first) as usize));
                    sources.push(RowLocation::new(*id, *row));
                    output_keys.push(keys[*row as usize]);
                }
            }
        }
        let SealedSegment { columns, objects, .. } = output.seal(false);
        let inputs = self.inputs.iter().map(|input| input.id).collect();
        Merged { columns, objects, keys: output_keys, sources, inputs }
    }
}
