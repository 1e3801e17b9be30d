//! The one that changes a mirror.

use std::sync::Arc;

use super::contents::{Contents, Numbers};
use super::merge::{Job, Merged, QUICK};
use super::open::{Closed, Open};
use super::{Key, Mirror};
use crate::flatten::{Malformed, Mismatch, Rows};
use crate::schema::KindDef;
use crate::store::Instants;

/// How a mirror's objects are laid out.
#[derive(Clone)]
pub struct Layout {
    /// The cluster's name.
    pub cluster: Arc<str>,
    /// What the objects are.
    pub kind: &'static KindDef,
    /// Gives builders of the kind's rows.
    pub rows: Arc<dyn Fn() -> Box<dyn Rows> + Send + Sync>,
    /// Rows after which a segment is closed.
    pub segment_rows: usize,
}

impl Layout {
    /// Rows of a segment that are few enough for several cores to share a table, and many enough to be worth it.
    pub const SEGMENT_ROWS: usize = 16 << 10;

    /// What rows are collected in. After a list it is begun anew: the memory that whole segments needed is more than the
    /// few rows of a watch will.
    fn open(&self) -> Open {
        Open::new(self.kind, (self.rows)())
    }
}

impl std::fmt::Debug for Layout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Layout")
            .field("cluster", &self.cluster)
            .field("kind", &self.kind.plural)
            .finish_non_exhaustive()
    }
}

/// Bytes of objects after which a segment is closed: far below the 2 GiB that one can hold.
const SEGMENT_BYTES: usize = 256 << 20;

/// Changes a mirror: objects come and go, and at [`Writer::publish`] readers see it.
#[derive(Debug)]
pub struct Writer {
    mirror: Arc<Mirror>,
    instants: Instants,
    layout: Layout,
    current: Contents,
    /// The objects of a list that is not complete yet.
    relist: Option<Contents>,
    open: Open,
    trouble: Trouble,
}

/// What was wrong with objects so far.
#[derive(Debug, Clone, Default)]
pub struct Trouble {
    /// Values that did not fit their columns, and objects that could not be read.
    pub count: u64,
    /// The last of them.
    pub last: Option<Mismatch>,
}

/// A merge to be done in the background.
#[derive(Debug)]
pub struct Merge {
    job: Job,
    layout: Layout,
}

/// A merge that was done.
pub struct Done(Merged);

impl Merge {
    /// Does the work; takes up to a second for the largest.
    #[must_use]
    pub fn run(self) -> Done {
        Done(self.job.run(self.layout.kind, (self.layout.rows)()))
    }
}

impl std::fmt::Debug for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Done").field("rows", &self.0.columns.rows).finish()
    }
}

impl Writer {
    /// The writer of a new, empty mirror, which publishes at moments that `instants` allows.
    #[must_use]
    pub fn new(layout: Layout, instants: Instants) -> Self {
        Self {
            mirror: Arc::default(),
            instants,
            current: Contents::new(Arc::clone(&layout.cluster), layout.kind, Numbers::default()),
            relist: None,
            open: layout.open(),
            trouble: Trouble::default(),
            layout,
        }
    }

    /// What readers hold.
    #[must_use]
    pub fn mirror(&self) -> &Arc<Mirror> {
        &self.mirror
    }

    /// What was wrong with objects so far.
    #[must_use]
    pub fn trouble(&self) -> &Trouble {
        &self.trouble
    }

    /// Objects so far, of the list that is under way if there is one.
    #[must_use]
    pub fn objects(&self) -> usize {
        self.relist.as_ref().unwrap_or(&self.current).objects() + self.open.rows()
    }

    /// From now on objects are those of a new list. Readers see the old ones until [`Writer::end_list`].
    pub fn begin_list(&mut self) {
        self.settle();
        self.relist = Some(Contents::new(Arc::clone(&self.layout.cluster), self.layout.kind, self.current.numbers()));
    }

    /// The list is complete: it replaces all that was there, at once.
    pub fn end_list(&mut self) {
        self.settle();
        if let Some(relist) = self.relist.take() {
            self.current = relist;
        }
        self.open = self.layout.open();
        self.publish();
    }

    /// The list has failed: all is as it was before.
    pub fn abandon_list(&mut self) {
        self.settle();
        self.relist = None;
        self.open = self.layout.open();
    }

    /// An object as it is now: the whole text.
    ///
    /// # Errors
    /// Text that is no JSON object: nothing but the count of troubles changes.
    pub fn put(&mut self, object: &str) -> Result<(), Malformed> {
        let pushed = self.open.push(object);
        self.trouble.count += u64::from(pushed.is_err());
        if self.open.rows() >= self.layout.segment_rows || self.open.bytes() >= SEGMENT_BYTES {
            self.settle();
        }
        pushed
    }

    /// An object is gone.
    pub fn delete(&mut self, key: Key) {
        self.open.delete(key);
    }

    /// Whether something has changed since readers were told.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        !self.open.is_empty()
    }

    /// Shows readers all changes.
    pub fn publish(&mut self) {
        self.settle();
        while let Some(job) = self.current.merge_job(&self.layout, QUICK) {
            let merged = job.run(self.layout.kind, (self.layout.rows)());
            self.current.replace(merged);
        }
        self.mirror.publish(self.current.version(), &self.instants);
    }

    /// A merge that is worth doing; [`Writer::merged`] must be told of it before the next is asked for.
    pub fn merge(&mut self) -> Option<Merge> {
        let job = self.current.merge_job(&self.layout, usize::MAX)?;
        Some(Merge { job, layout: self.layout.clone() })
    }

    /// A merge is done. Readers see it with the next change.
    pub fn merged(&mut self, done: Done) {
        self.current.replace(done.0);
    }

    /// Makes a segment of the rows that came last.
    fn settle(&mut self) {
        if self.open.is_empty() {
            return;
        }
        // The few rows of a watch are soon merged with others.
        let brief = self.relist.is_none() && self.open.rows() < QUICK;
        let mut closed: Closed = self.open.close(brief);
        self.trouble.count += closed.mismatch_count;
        if let Some(last) = closed.mismatches.pop() {
            self.trouble.last = Some(last);
        }
        self.relist.as_mut().unwrap_or(&mut self.current).take(closed);
    }
}
