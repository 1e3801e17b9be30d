//! Columns of objects, lists of objects, and lists of scalars.

use std::sync::Arc;

use arrow::array::{Array, ListArray, NullBufferBuilder};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::Field;

use super::{ColumnBuilder, GroupBuilder, ScalarBuilder, recycle};
use crate::flatten::group::{ColumnData, ColumnGroup, ListData};
use crate::flatten::parse::{Malformed, Parser};

/// The start of each row's items, and which rows have a list (or a map).
#[derive(Debug)]
pub(crate) struct Offsets {
    /// By row, up to the last row that has a list.
    starts: Vec<i32>,
    present: NullBufferBuilder,
    /// The number of items.
    pub(crate) items: usize,
}

impl Default for Offsets {
    fn default() -> Self {
        Self { starts: Vec::new(), present: NullBufferBuilder::new(0), items: 0 }
    }
}

impl Offsets {
    /// Whether a row has a list.
    #[inline(always)]
    pub(crate) fn has(&self, row: usize) -> bool {
        self.starts.len() > row
    }

    /// Whether any row has a list.
    pub(crate) fn any(&self) -> bool {
        !self.starts.is_empty()
    }

    /// Starts the list of a row, which must not have one yet.
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

    /// Allocates the number of the next item. It is counted before it is read, so that the next item never continues a
    /// malformed one.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> usize {
        self.items += 1;
        self.items - 1
    }

    fn end(&self) -> i32 {
        i32::try_from(self.items).expect("fewer items than bytes in a batch")
    }

    /// Returns `rows + 1` offsets, and which rows have a list unless all have, and starts anew.
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

/// A nested object. Its columns are allocated when the first object is read.
#[derive(Debug)]
pub struct ObjectColumn<T> {
    /// The first row without an object.
    next: usize,
    columns: Option<Box<T>>,
}

impl<T> Default for ObjectColumn<T> {
    fn default() -> Self {
        Self { next: 0, columns: None }
    }
}

impl<T: GroupBuilder> ColumnBuilder for ObjectColumn<T> {
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

    fn finish(&mut self, rows: usize) -> Option<ColumnData> {
        self.next = 0;
        self.columns.as_mut().and_then(|columns| group(columns.finish(rows)))
    }
}

/// A group as a column; `None` if it has no values.
pub(in crate::flatten) fn group(group: ColumnGroup) -> Option<ColumnData> {
    group.columns.iter().any(Option::is_some).then(|| ColumnData::Object(Box::new(group)))
}

/// A list of objects. Its columns are allocated when the first item is read.
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

impl<T: GroupBuilder> ColumnBuilder for ListColumn<T> {
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

    fn finish(&mut self, rows: usize) -> Option<ColumnData> {
        let items = self.offsets.as_ref()?.items;
        let columns = self.columns.as_mut().map(|columns| columns.finish(items));
        self.offsets.as_mut().and_then(|offsets| list(offsets, rows, columns))
    }
}

/// A list of objects as a column; `None` if it has no items.
pub(in crate::flatten) fn list(offsets: &mut Offsets, rows: usize, items: Option<ColumnGroup>) -> Option<ColumnData> {
    let any = offsets.items > 0;
    let (offsets, _) = offsets.finish(rows);
    items.filter(|_| any).map(|items| ColumnData::List(Box::new(ListData { offsets, items })))
}

/// A list of scalars.
#[derive(Debug, Default)]
pub struct ScalarsColumn<C> {
    lists: Option<Box<(Offsets, C)>>,
}

impl<C: ScalarBuilder> ColumnBuilder for ScalarsColumn<C> {
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

    fn finish(&mut self, rows: usize) -> Option<ColumnData> {
        let (offsets, values) = &mut **self.lists.as_mut()?;
        if !offsets.any() {
            return None;
        }
        let values = values.finish_plain(offsets.items);
        let (offsets, present) = offsets.finish(rows);
        let item = Arc::new(Field::new_list_field(values.data_type().clone(), true));
        Some(ColumnData::Leaf(Arc::new(ListArray::new(item, OffsetBuffer::new(offsets), values, present))))
    }
}
