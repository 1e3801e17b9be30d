//! Values of a fixed width: numbers, times, booleans.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, ArrowPrimitiveType, BooleanArray, NullBufferBuilder, PrimitiveArray};
use arrow::buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};

use super::{Column, ScalarColumn, recycle};
use crate::flatten::group::Data;
use crate::flatten::parse::{Malformed, Parser};

/// Values and which of them there are.
struct Fixed<T: ArrowPrimitiveType> {
    values: Vec<T::Native>,
    present: NullBufferBuilder,
}

impl<T: ArrowPrimitiveType> Default for Fixed<T> {
    fn default() -> Self {
        Self { values: Vec::new(), present: NullBufferBuilder::new(0) }
    }
}

impl<T: ArrowPrimitiveType> fmt::Debug for Fixed<T> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Fixed").field("rows", &self.values.len()).finish_non_exhaustive()
    }
}

impl<T: ArrowPrimitiveType> Fixed<T> {
    #[inline(always)]
    fn put(&mut self, row: usize, value: T::Native) {
        if self.values.len() != row && !self.pad(row) {
            return;
        }
        self.values.push(value);
        self.present.append_non_null();
    }

    /// Pads with NULLs up to this row; false where the row has a value.
    #[cold]
    #[inline(never)]
    fn pad(&mut self, row: usize) -> bool {
        let Some(missing) = row.checked_sub(self.values.len()) else {
            return false;
        };
        self.values.resize(row, T::default_value());
        self.present.append_n_nulls(missing);
        true
    }

    fn finish(&mut self, rows: usize) -> PrimitiveArray<T> {
        self.pad(rows);
        let values = ScalarBuffer::from(self.values.as_slice().to_vec());
        recycle(&mut self.values);
        PrimitiveArray::new(values, self.present.finish())
    }
}

/// A column type, what the parser gives for it, and how the array is made.
macro_rules! fixed {
    ($(#[$doc:meta])* $name:ident, $arrow:ty, $read:ident, $array:expr) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub struct $name(Fixed<$arrow>);

        impl Column for $name {
            #[inline]
            fn read(&mut self, p: &mut Parser<'_>, row: usize) -> Result<(), Malformed> {
                if let Some(value) = p.$read()? {
                    self.0.put(row, value);
                }
                Ok(())
            }

            fn finish(&mut self, rows: usize) -> Option<Data> {
                (!self.0.values.is_empty()).then(|| Data::Leaf(self.finish_plain(rows)))
            }
        }

        impl ScalarColumn for $name {
            fn finish_plain(&mut self, rows: usize) -> ArrayRef {
                Arc::new($array(self.0.finish(rows)))
            }
        }
    };
}

/// Arrays as they are.
fn plain<T>(array: T) -> T {
    array
}

/// Times are in UTC.
fn utc(array: PrimitiveArray<TimestampMicrosecondType>) -> PrimitiveArray<TimestampMicrosecondType> {
    array.with_timezone("UTC")
}

fixed!(
    /// A column of whole numbers of 32 bits.
    Int32Column, Int32Type, int32, plain
);
fixed!(
    /// A column of whole numbers of 64 bits.
    Int64Column, Int64Type, int64, plain
);
fixed!(
    /// A column of doubles.
    FloatColumn, Float64Type, float, plain
);
fixed!(
    /// A column of quantities: doubles, in cores where they are of CPU.
    QuantityColumn, Float64Type, quantity, plain
);
fixed!(
    /// A column of times, in microseconds since 1970 in UTC.
    TimeColumn, TimestampMicrosecondType, time, utc
);

/// A column of booleans.
#[derive(Debug, Default)]
pub struct BoolColumn {
    /// [`FALSE`], [`TRUE`] or [`NULL`].
    values: Vec<u8>,
}

const FALSE: u8 = 0;
const TRUE: u8 = 1;
const NULL: u8 = 2;

impl Column for BoolColumn {
    #[inline]
    fn read(&mut self, p: &mut Parser<'_>, row: usize) -> Result<(), Malformed> {
        if let Some(value) = p.bool()?
            && self.values.len() <= row
        {
            self.values.resize(row, NULL);
            self.values.push(if value { TRUE } else { FALSE });
        }
        Ok(())
    }

    fn finish(&mut self, rows: usize) -> Option<Data> {
        (!self.values.is_empty()).then(|| Data::Leaf(self.finish_plain(rows)))
    }
}

impl ScalarColumn for BoolColumn {
    fn finish_plain(&mut self, rows: usize) -> ArrayRef {
        self.values.resize(rows, NULL);
        let values = &self.values;
        let nulls = values
            .contains(&NULL)
            .then(|| NullBuffer::new(BooleanBuffer::collect_bool(rows, |row| values[row] != NULL)));
        let array = BooleanArray::new(BooleanBuffer::collect_bool(rows, |row| values[row] == TRUE), nulls);
        recycle(&mut self.values);
        Arc::new(array)
    }
}
