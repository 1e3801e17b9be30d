//! Merging: small and sparse segments become one of their rows that are alive.
//!
//! Rows are flattened anew from the objects' text, so that a merged segment is what it would have been, had its
//! objects come together.

use std::sync::Arc;

use super::Key;
use super::contents::Contents;
use super::open::{Closed, Open};
use super::writer::Layout;
use crate::flatten::{Group, Rows};
use crate::schema::KindDef;
use crate::store::{Objects, Segment};

use arrow::array::AsArray;

/// So many segments of about one size become one.
const FEW: usize = 16;

/// Segments of up to this many rows are merged while the writer waits: it takes less than a millisecond or two.
pub(super) const QUICK: usize = 128;

/// What is to be merged: segments with which of their rows are alive.
#[derive(Debug)]
pub(super) struct Job {
    parts: Vec<Part>,
    /// Rows that are alive in all of them.
    pub(super) rows: usize,
}

#[derive(Debug)]
struct Part {
    number: u64,
    segment: Arc<Segment>,
    keys: Arc<[Option<Key>]>,
    alive: Vec<u32>,
}

/// What came of it.
pub(super) struct Merged {
    pub(super) columns: Group,
    pub(super) objects: Objects,
    pub(super) keys: Vec<Option<Key>>,
    /// The segment and row that each row was.
    pub(super) from: Vec<(u64, u32)>,
    /// The segments that are replaced.
    pub(super) of: Vec<u64>,
}

/// The size that a segment is of: each is four times the one before.
fn tier(live: usize) -> u32 {
    live.max(1).ilog2() / 2
}

impl Contents {
    /// What is worth merging now, if anything, and has no more rows than the limit.
    pub(super) fn merge_job(&mut self, layout: &Layout, limit: usize) -> Option<Job> {
        let full = layout.segment_rows;
        let mut tiers: Vec<Vec<u64>> = Vec::new();
        let mut sparse = Vec::new();
        for (number, kept) in &self.segments {
            if kept.merging || kept.live == 0 {
                continue;
            }
            if kept.live < full / 2 {
                let tier = tier(kept.live) as usize;
                tiers.resize_with(tiers.len().max(tier + 1), Vec::new);
                tiers[tier].push(*number);
            }
            if kept.live * 2 < kept.rows && kept.rows > QUICK {
                sparse.push(*number);
            }
        }
        let mut chosen = tiers.into_iter().find(|tier| tier.len() >= FEW).unwrap_or(sparse);
        let mut rows = 0;
        chosen.retain(|number| {
            let live = self.segments[number].live;
            let fits = rows == 0 || rows + live <= full;
            rows += if fits { live } else { 0 };
            fits
        });
        (!chosen.is_empty() && rows <= limit).then(|| self.job(&chosen))
    }

    fn job(&mut self, numbers: &[u64]) -> Job {
        let mut job = Job { parts: Vec::with_capacity(numbers.len()), rows: 0 };
        for number in numbers {
            let Some(kept) = self.segments.get_mut(number) else { continue };
            kept.merging = true;
            let alive: Vec<u32> =
                (0u32..).zip(0..kept.rows).filter(|(_, row)| kept.is_alive(*row)).map(|at| at.0).collect();
            job.rows += alive.len();
            job.parts.push(Part {
                number: *number,
                segment: Arc::clone(&kept.segment),
                keys: Arc::clone(&kept.keys),
                alive,
            });
        }
        job
    }
}

impl Job {
    /// Does it; takes about twenty microseconds an object of six kilobytes.
    pub(super) fn run(self, kind: &'static KindDef, rows: Box<dyn Rows>) -> Merged {
        /// Texts that are read at a time.
        const STEP: usize = 256;
        let mut open = Open::new(kind, rows);
        let mut from = Vec::with_capacity(self.rows);
        let mut keys = Vec::with_capacity(self.rows);
        for Part { number, segment, keys: known, alive } in &self.parts {
            let Some(objects) = &segment.objects else { continue };
            let mut rest = alive.as_slice();
            while let Some(&first) = rest.first() {
                let near = rest.partition_point(|row| (*row as usize) < first as usize + STEP);
                let (now, later) = rest.split_at(near);
                rest = later;
                let last = now.last().copied().unwrap_or(first);
                let texts = objects.read(first as usize..last as usize + 1);
                for row in now {
                    // It was read once, and so can be read again.
                    let _ = open.push(texts.as_string_view().value((row - first) as usize));
                    from.push((*number, *row));
                    keys.push(known[*row as usize]);
                }
            }
        }
        let Closed { columns, objects, .. } = open.close(false);
        let of = self.parts.iter().map(|part| part.number).collect();
        Merged { columns, objects, keys, from, of }
    }
}
