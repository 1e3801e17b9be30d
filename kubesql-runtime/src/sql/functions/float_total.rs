//! Totals of `double precision` for `sum` and `avg`.
//!
//! Adding floats one after the other collects the error of each addition: the sum of a thousand CPU requests becomes
//! 27.739999999999995. These accumulators add up the errors separately (Neumaier's algorithm) and correct the result: 27.74.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, UInt64Type};
use datafusion::error::Result;
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};
use datafusion::scalar::ScalarValue;

/// A total, the error of its additions, and the number of values.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct FloatTotal {
    total: f64,
    error: f64,
    count: u64,
}

impl FloatTotal {
    fn add(&mut self, value: f64) {
        let total = self.total + value;
        self.error +=
            if self.total.abs() >= value.abs() { (self.total - total) + value } else { (value - total) + self.total };
        self.total = total;
    }

    fn merge(&mut self, total: f64, error: f64, count: u64) {
        self.add(total);
        self.error += error;
        self.count += count;
    }

    /// The sum or the average; NULL if there are no values.
    fn result(self, is_average: bool) -> Option<f64> {
        // The error of an infinite total is not a number.
        let sum = if self.total.is_finite() { self.total + self.error } else { self.total };
        if self.count == 0 || !is_average {
            return (self.count > 0).then_some(sum);
        }
        #[expect(clippy::cast_precision_loss, reason = "no table has 2^53 rows")]
        let count = self.count as f64;
        let quotient = sum / count;
        if !quotient.is_finite() {
            return Some(quotient);
        }
        // Divides what the first division leaves of the total and of its error.
        Some(quotient + (quotient.mul_add(-count, self.total) + self.error) / count)
    }
}

/// The values as floats: the argument of an average may be NULL or an integer.
fn floats(values: &ArrayRef) -> Result<Float64Array> {
    Ok(cast(values, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
}

/// The total of one group or window.
#[derive(Debug)]
pub(crate) struct FloatAccumulator {
    pub(crate) is_average: bool,
    pub(crate) total: FloatTotal,
}

impl Accumulator for FloatAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let values = floats(&values[0])?;
        values.iter().flatten().for_each(|value| self.total.add(value));
        self.total.count += (values.len() - values.null_count()) as u64;
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [totals, errors] = [0, 1].map(|at| states[at].as_primitive::<Float64Type>());
        let counts = states[2].as_primitive::<UInt64Type>();
        for ((&total, &error), &count) in totals.values().iter().zip(errors.values()).zip(counts.values()) {
            self.total.merge(total, error, count);
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let FloatTotal { total, error, count } = self.total;
        Ok(vec![ScalarValue::Float64(Some(total)), ScalarValue::Float64(Some(error)), ScalarValue::UInt64(Some(count))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64(self.total.result(self.is_average)))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

/// The totals of groups.
#[derive(Debug)]
pub(crate) struct FloatTotals {
    pub(crate) is_average: bool,
    pub(crate) totals: Vec<FloatTotal>,
}

impl FloatTotals {
    fn take_state(totals: Vec<FloatTotal>) -> Vec<ArrayRef> {
        let floats = |of: fn(&FloatTotal) -> f64| Float64Array::from_iter_values(totals.iter().map(of));
        let counts = UInt64Array::from_iter_values(totals.iter().map(|total| total.count));
        vec![Arc::new(floats(|total| total.total)), Arc::new(floats(|total| total.error)), Arc::new(counts)]
    }
}

/// The values with their numbers, without NULL and those that the filter excludes.
fn selected<'a>(values: &'a Float64Array, filter: Option<&'a BooleanArray>) -> impl Iterator<Item = (usize, f64)> + 'a {
    let passes = move |row: usize| filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
    values.iter().enumerate().filter_map(move |(row, value)| value.filter(|_| passes(row)).map(|value| (row, value)))
}

impl GroupsAccumulator for FloatTotals {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        count: usize,
    ) -> Result<()> {
        self.totals.resize(count, FloatTotal::default());
        for (row, value) in selected(&floats(&values[0])?, filter) {
            let total = &mut self.totals[groups[row]];
            total.add(value);
            total.count += 1;
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], count: usize) -> Result<()> {
        self.totals.resize(count, FloatTotal::default());
        let [totals, errors] = [0, 1].map(|at| states[at].as_primitive::<Float64Type>());
        let counts = states[2].as_primitive::<UInt64Type>();
        for (row, &group) in groups.iter().enumerate() {
            self.totals[group].merge(totals.value(row), errors.value(row), counts.value(row));
        }
        Ok(())
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let totals = emit.take_needed(&mut self.totals);
        Ok(Arc::new(totals.into_iter().map(|total| total.result(self.is_average)).collect::<Float64Array>()))
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(Self::take_state(emit.take_needed(&mut self.totals)))
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let values = &floats(&values[0])?;
        let mut totals = vec![FloatTotal::default(); values.len()];
        for (row, value) in selected(values, filter) {
            totals[row] = FloatTotal { total: value, error: 0.0, count: 1 };
        }
        Ok(Self::take_state(totals))
    }

    fn size(&self) -> usize {
        self.totals.capacity() * size_of::<FloatTotal>()
    }
}
