//! Columns of fixed-width values: numbers, times, booleans.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, ArrowPrimitiveType, BooleanArray, NullBufferBuilder, PrimitiveArray};
use arrow::buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};

use super::{ColumnBuilder, ScalarBuilder, recycle};
use crate::flatten::group::ColumnData;
use crate::flatten::parse::{Malformed, Parser};

/// Values and their validity.
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
    fn set(&mut self, row: usize, value: T::Native) {
        if self.values.len() != row && !self.pad(row) {
            return;
        }
        self.values.push(value);
        self.present.append_non_null();
    }

    /// Pads with NULLs up to a row; returns false if the row already has a value.
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

/// Defines a column type by its Arrow type, the parser's method, and a conversion of the array.
macro_rules! fixed {
    ($(#[$doc:meta])* $name:ident, $arrow:ty, $read:ident, $array:expr) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub struct $name(Fixed<$arrow>);

        impl ColumnBuilder for $name {
            #[inline]
            fn read(&mut self, p: &mut Parser<'_>, row: usize) -> Result<(), Malformed> {
                if let Some(value) = p.$read()? {
                    self.0.set(row, value);
                }
                Ok(())
            }

            fn finish(&mut self, rows: usize) -> Option<ColumnData> {
                (!self.0.values.is_empty()).then(|| ColumnData::Leaf(self.finish_plain(rows)))
            }
        }

        impl ScalarBuilder for $name {
            fn finish_plain(&mut self, rows: usize) -> ArrayRef {
                Arc::new($array(self.0.finish(rows)))
            }
        }
    };
}

/// No conversion.
fn identity<T>(array: T) -> T {
    array
}

/// Sets the time zone, which is always UTC.
fn utc(array: PrimitiveArray<TimestampMicrosecondType>) -> PrimitiveArray<TimestampMicrosecondType> {
    array.with_timezone("UTC")
}

fixed!(
    /// A column of 32-bit integers.
    Int32Column, Int32Type, int32, identity
);
fixed!(
    /// A column of 64-bit integers.
    Int64Column, Int64Type, int64, identity
);
fixed!(
    /// A column of doubles.
    FloatColumn, Float64Type, float, identity
);
fixed!(
    /// A column of quantities as doubles; CPU is in cores.
    QuantityColumn, Float64Type, quantity, identity
);
fixed!(
    /// A column of times in microseconds since 1970, in UTC.
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

impl ColumnBuilder for BoolColumn {
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

    fn finish(&mut self, rows: usize) -> Option<ColumnData> {
        (!self.values.is_empty()).then(|| ColumnData::Leaf(self.finish_plain(rows)))
    }
}

impl ScalarBuilder for BoolColumn {
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
