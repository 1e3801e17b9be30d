//! Columns of objects, of lists of objects and of lists of scalars.

use std::sync::Arc;

use arrow::array::{Array, ListArray, NullBufferBuilder};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::Field;

use super::{Column, Columns, ScalarColumn, recycle};
use crate::flatten::group::{Data, Group, List};
use crate::flatten::parse::{Malformed, Parser};

/// Where the items of each row begin, and which rows have a list (or a map) at all.
#[derive(Debug)]
pub(crate) struct Offsets {
    /// By row, up to the last one that has a list.
    starts: Vec<i32>,
    present: NullBufferBuilder,
    /// How many items there are.
    pub(crate) items: usize,
}

impl Default for Offsets {
    fn default() -> Self {
        Self { starts: Vec::new(), present: NullBufferBuilder::new(0), items: 0 }
    }
}

impl Offsets {
    /// Whether this row has a list.
    #[inline(always)]
    pub(crate) fn has(&self, row: usize) -> bool {
        self.starts.len() > row
    }

    /// Whether any row has a list.
    pub(crate) fn any(&self) -> bool {
        !self.starts.is_empty()
    }

    /// Begins the list of this row, which must not have one.
    #[inline(always)]
    pub(crate) fn begin(&mut self, row: usize) {
        let missing = row - self.starts.len();
        let start = self.end();
        self.starts.resize(row + 1, start);
        if missing > 0 {
            self.present.append_n_nulls(missing);
        }
        self.present.append_non_null();
    }

    /// The number of the next item. Counted before it is read, so that half of one is never mixed
    /// with the next.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> usize {
        self.items += 1;
        self.items - 1
    }

    fn end(&self) -> i32 {
        i32::try_from(self.items).expect("fewer items than bytes in a batch")
    }

    /// `rows + 1` offsets, and which rows have a list unless all have one; then starts anew.
    pub(crate) fn finish(&mut self, rows: usize) -> (ScalarBuffer<i32>, Option<NullBuffer>) {
        self.present.append_n_nulls(rows - self.starts.len());
        let end = self.end();
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.extend_from_slice(&self.starts);
        offsets.resize(rows + 1, end);
        recycle(&mut self.starts);
        self.items = 0;
        (ScalarBuffer::from(offsets), self.present.finish())
    }
}

/// A nested object. Its columns are made when it is first seen.
#[derive(Debug)]
pub struct ObjectColumn<T> {
    /// The first row that has no object yet.
    next: usize,
    columns: Option<Box<T>>,
}

impl<T> Default for ObjectColumn<T> {
    fn default() -> Self {
        Self { next: 0, columns: None }
    }
}

impl<T: Columns> Column for ObjectColumn<T> {
    #[inline]
    fn read(&mut self, p: &mut Parser<'_>, row: usize) -> Result<(), Malformed> {
        if p.peek() != b'{' {
            return p.object().map(|_| ());
        }
        if row < self.next {
            return p.skip();
        }
        self.next = row + 1;
        self.columns.get_or_insert_default().flatten(p, row)
    }

    fn finish(&mut self, rows: usize) -> Option<Data> {
        self.next = 0;
        self.columns.as_mut().and_then(|columns| group(columns.finish(rows)))
    }
}

/// A group as a column, unless it has no value at all.
pub(in crate::flatten) fn group(group: Group) -> Option<Data> {
    group.columns.iter().any(Option::is_some).then(|| Data::Group(Box::new(group)))
}

/// A list of objects. The items' columns are made when one is first seen.
#[derive(Debug)]
pub struct ListColumn<T> {
    offsets: Option<Box<Offsets>>,
    columns: Option<Box<T>>,
}

impl<T> Default for ListColumn<T> {
    fn default() -> Self {
        Self { offsets: None, columns: None }
    }
}

impl<T: Columns> Column for ListColumn<T> {
    #[inline]
    fn read(&mut self, p: &mut Parser<'_>, row: usize) -> Result<(), Malformed> {
        let offsets = self.offsets.get_or_insert_default();
        if offsets.has(row) {
            return p.skip();
        }
        let Some(mut elements) = p.array()? else {
            return Ok(());
        };
        offsets.begin(row);
        while p.element(&mut elements)? {
            self.columns.get_or_insert_default().flatten(p, offsets.next())?;
        }
        Ok(())
    }

    fn finish(&mut self, rows: usize) -> Option<Data> {
        let items = self.offsets.as_ref()?.items;
        let columns = self.columns.as_mut().map(|columns| columns.finish(items));
        self.offsets.as_mut().and_then(|offsets| list(offsets, rows, columns))
    }
}

/// A list of objects as a column, unless it has no items at all.
pub(in crate::flatten) fn list(offsets: &mut Offsets, rows: usize, items: Option<Group>) -> Option<Data> {
    let any = offsets.items > 0;
    let (offsets, _) = offsets.finish(rows);
    items.filter(|_| any).map(|items| Data::List(Box::new(List { offsets, items })))
}

/// A list of single values.
#[derive(Debug, Default)]
pub struct ScalarsColumn<C> {
    lists: Option<Box<(Offsets, C)>>,
}

impl<C: ScalarColumn> Column for ScalarsColumn<C> {
    #[inline]
    fn read(&mut self, p: &mut Parser<'_>, row: usize) -> Result<(), Malformed> {
        let (offsets, values) = &mut **self.lists.get_or_insert_default();
        if offsets.has(row) {
            return p.skip();
        }
        let Some(mut elements) = p.array()? else {
            return Ok(());
        };
        offsets.begin(row);
        while p.element(&mut elements)? {
            values.read(p, offsets.next())?;
        }
        Ok(())
    }

    fn finish(&mut self, rows: usize) -> Option<Data> {
        let (offsets, values) = &mut **self.lists.as_mut()?;
        if !offsets.any() {
            return None;
        }
        let values = values.finish_plain(offsets.items);
        let (offsets, present) = offsets.finish(rows);
        let item = Arc::new(Field::new_list_field(values.data_type().clone(), true));
        Some(Data::Leaf(Arc::new(ListArray::new(item, OffsetBuffer::new(offsets), values, present))))
    }
}
