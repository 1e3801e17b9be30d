//! Overflow of `sum` and `avg`.
//!
//! DataFusion 55.2.0 accumulates in the type of the result and wraps around:
//! <https://github.com/apache/datafusion/issues/17539>. 64 bits hold 292 years of nanoseconds, which the ages of a few
//! thousand pods exceed. Here `sum` and `avg` of integers and intervals accumulate in 128 bits, which no number of rows
//! overflows, so only a result out of range is an error. Floats have totals of their own (`functions::float_total`). Other
//! types use DataFusion's functions.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Int64Array, UInt64Array};
use arrow::compute::{and, cast, is_not_null, prep_null_mask_filter};
use arrow::datatypes::{
    DataType, Decimal128Type, Field, FieldRef, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit,
    UInt64Type,
};
use datafusion::error::{DataFusionError, Result};
use datafusion::functions_aggregate::average::avg_udaf;
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, EmitTo, GroupsAccumulator, ReversedUDAF,
    SetMonotonicity, Signature,
};
use datafusion::scalar::ScalarValue;

use crate::sql::error::{ErrorKind, SqlError};
use crate::sql::functions::float_total::{FloatAccumulator, FloatTotal, FloatTotals};
use crate::sql::types::data_type_name;

/// Returns `sum` and `avg` with exact totals.
pub(crate) fn exact_aggregates() -> [AggregateUDF; 2] {
    [(sum_udaf(), Kind::Sum), (avg_udaf(), Kind::Average)]
        .map(|(inner, kind)| AggregateUDF::from(Exact { inner, kind }))
}

/// The result that is computed from a total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Sum,
    Average,
}

/// A function of DataFusion with exact totals.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Exact {
    inner: Arc<AggregateUDF>,
    kind: Kind,
}

/// How values are accumulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    /// Integers and durations of 64 bits.
    Numbers,
    /// Distinct integers and durations.
    DistinctNumbers,
    /// Months, days and nanoseconds separately.
    Intervals,
    /// Floats, with the error of the additions.
    Floats,
    /// With DataFusion's function.
    DataFusion,
}

/// Returns the method for a type of result.
fn method(result: &DataType, distinct: bool) -> Method {
    match (result, distinct) {
        (DataType::Int64 | DataType::Duration(_), false) => Method::Numbers,
        (DataType::Int64 | DataType::Duration(_), true) => Method::DistinctNumbers,
        (DataType::Interval(IntervalUnit::MonthDayNano), false) => Method::Intervals,
        (DataType::Float64, false) => Method::Floats,
        _ => Method::DataFusion,
    }
}

/// The type of a total.
const TOTAL: DataType = DataType::Decimal128(38, 0);

impl AggregateUDFImpl for Exact {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arguments)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let total = || Total { kind: self.kind, result: args.return_type().clone(), total: 0, count: 0 };
        Ok(match method(args.return_type(), args.is_distinct) {
            Method::Numbers => Box::new(total()),
            Method::DistinctNumbers => Box::new(Distinct { total: total(), counts: HashMap::new() }),
            Method::Intervals => Box::new(Intervals::default()),
            Method::Floats => {
                Box::new(FloatAccumulator { is_average: self.kind == Kind::Average, total: FloatTotal::default() })
            }
            Method::DataFusion => return self.inner.accumulator(args),
        })
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let field = |name, data_type| Arc::new(Field::new(format_state_name(args.name, name), data_type, true));
        Ok(match method(args.return_type(), args.is_distinct) {
            Method::Numbers => vec![field("total", TOTAL), field("count", DataType::UInt64)],
            Method::DistinctNumbers => vec![field("distinct", DataType::new_list(DataType::Int64, true))],
            Method::Intervals => ["months", "days", "nanoseconds", "count"].map(|part| field(part, TOTAL)).into(),
            Method::Floats => vec![
                field("total", DataType::Float64),
                field("error", DataType::Float64),
                field("count", DataType::UInt64),
            ],
            Method::DataFusion => return self.inner.state_fields(args),
        })
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        match method(args.return_type(), args.is_distinct) {
            Method::Numbers | Method::Floats => true,
            Method::DistinctNumbers | Method::Intervals => false,
            Method::DataFusion => self.inner.groups_accumulator_supported(args),
        }
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        let result = args.return_type().clone();
        Ok(match method(args.return_type(), args.is_distinct) {
            Method::Numbers => Box::new(Totals { kind: self.kind, result, totals: Vec::new(), counts: Vec::new() }),
            Method::Floats => Box::new(FloatTotals { is_average: self.kind == Kind::Average, totals: Vec::new() }),
            _ => return self.inner.create_groups_accumulator(args),
        })
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        match method(args.return_type(), args.is_distinct) {
            // The error of a total that was infinite is not a number, whatever leaves the window.
            Method::DataFusion | Method::Floats => self.inner.create_sliding_accumulator(args),
            _ => self.accumulator(args),
        }
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.inner.reverse_udf()
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.inner.order_sensitivity()
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.inner.inner().set_monotonicity(data_type)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}

/// Computes the result of a total; NULL if there are no values.
fn result_of_total(kind: Kind, total: i128, count: u64, result: &DataType) -> Result<Option<i64>> {
    if count == 0 {
        return Ok(None);
    }
    let (name, value) = match kind {
        Kind::Sum => ("sum", total),
        Kind::Average => ("avg", total / i128::from(count)),
    };
    match i64::try_from(value) {
        Ok(value) => Ok(Some(value)),
        Err(_) => Err(out_of_range(name, result)),
    }
}

fn out_of_range(function: &str, data_type: &DataType) -> DataFusionError {
    let message = format!("{function} out of range for {}", data_type_name(data_type));
    SqlError::new(ErrorKind::Invalid, message).code("22003").into()
}

/// Casts integers or durations to 64-bit integers without a copy.
fn to_int64(values: &ArrayRef) -> Result<Int64Array> {
    Ok(cast(values, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
}

/// The running total of one group or window.
#[derive(Debug)]
struct Total {
    kind: Kind,
    result: DataType,
    total: i128,
    count: u64,
}

/// Returns the sum and the number of the values of an array.
fn sum_and_count(values: &ArrayRef) -> Result<(i128, u64)> {
    let values = to_int64(values)?;
    if values.null_count() == 0 {
        return Ok((values.values().iter().copied().map(i128::from).sum(), values.len() as u64));
    }
    Ok(values.iter().flatten().fold((0, 0), |(total, count), value| (total + i128::from(value), count + 1)))
}

impl Accumulator for Total {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (total, count) = sum_and_count(&values[0])?;
        self.total += total;
        self.count += count;
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (total, count) = sum_and_count(&values[0])?;
        self.total -= total;
        self.count -= count;
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.total += states[0].as_primitive::<Decimal128Type>().iter().flatten().sum::<i128>();
        self.count += states[1].as_primitive::<UInt64Type>().iter().flatten().sum::<u64>();
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::Decimal128(Some(self.total), 38, 0), ScalarValue::UInt64(Some(self.count))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let value = result_of_total(self.kind, self.total, self.count, &self.result)?;
        ScalarValue::Int64(value).cast_to(&self.result)
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

/// The total of distinct values, with the number of occurrences of each.
#[derive(Debug)]
struct Distinct {
    total: Total,
    counts: HashMap<i64, u64>,
}

impl Accumulator for Distinct {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in to_int64(&values[0])?.iter().flatten() {
            let count = self.counts.entry(value).or_default();
            *count += 1;
            if *count == 1 {
                self.total.total += i128::from(value);
                self.total.count += 1;
            }
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in to_int64(&values[0])?.iter().flatten() {
            let Some(count) = self.counts.get_mut(&value) else { continue };
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&value);
                self.total.total -= i128::from(value);
                self.total.count -= 1;
            }
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        states[0].as_list::<i32>().iter().flatten().try_for_each(|values| self.update_batch(&[values]))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values: Vec<ScalarValue> = self.counts.keys().map(|&value| ScalarValue::Int64(Some(value))).collect();
        Ok(vec![ScalarValue::List(ScalarValue::new_list_nullable(&values, &DataType::Int64))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.total.evaluate()
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.counts.capacity() * size_of::<(i64, u64)>()
    }
}

/// The running total of intervals: months, days, nanoseconds and count.
#[derive(Debug, Default)]
struct Intervals([i128; 4]);

impl Intervals {
    fn add(&mut self, values: &ArrayRef, sign: i128) {
        for value in values.as_primitive::<IntervalMonthDayNanoType>().iter().flatten() {
            let parts = [value.months.into(), value.days.into(), value.nanoseconds.into(), 1];
            self.0.iter_mut().zip(parts).for_each(|(total, part): (_, i128)| *total += sign * part);
        }
    }
}

impl Accumulator for Intervals {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(&values[0], 1);
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(&values[0], -1);
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for (total, part) in self.0.iter_mut().zip(states) {
            *total += part.as_primitive::<Decimal128Type>().iter().flatten().sum::<i128>();
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(self.0.map(|part| ScalarValue::Decimal128(Some(part), 38, 0)).into())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        const DAY: i128 = 86_400_000_000_000;
        let [months, days, nanos, count] = self.0;
        if count == 0 {
            return Ok(ScalarValue::IntervalMonthDayNano(None));
        }
        // If the nanoseconds exceed 64 bits, carry whole days.
        let (days, nanos) =
            if i64::try_from(nanos).is_ok() { (days, nanos) } else { (days + nanos / DAY, nanos % DAY) };
        match (months.try_into(), days.try_into(), nanos.try_into()) {
            (Ok(months), Ok(days), Ok(nanos)) => {
                Ok(ScalarValue::IntervalMonthDayNano(Some(IntervalMonthDayNano::new(months, days, nanos))))
            }
            _ => Err(out_of_range("sum", &DataType::Interval(IntervalUnit::MonthDayNano))),
        }
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

/// The running totals of groups.
#[derive(Debug)]
struct Totals {
    kind: Kind,
    result: DataType,
    totals: Vec<i128>,
    counts: Vec<u64>,
}

/// Returns a mask of the values that are not NULL and pass the filter; `None` if all do.
fn selection_mask(values: &dyn Array, filter: Option<&BooleanArray>) -> Result<Option<BooleanArray>> {
    let valid = (values.null_count() > 0).then(|| is_not_null(values)).transpose()?;
    let passed =
        filter.map(|filter| if filter.null_count() > 0 { prep_null_mask_filter(filter) } else { filter.clone() });
    Ok(match (valid, passed) {
        (Some(valid), Some(passed)) => Some(and(&valid, &passed)?),
        (valid, passed) => valid.or(passed),
    })
}

impl GroupsAccumulator for Totals {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        count: usize,
    ) -> Result<()> {
        self.totals.resize(count, 0);
        self.counts.resize(count, 0);
        let values = to_int64(&values[0])?;
        let mut add = |group: usize, value: i64| {
            self.totals[group] += i128::from(value);
            self.counts[group] += 1;
        };
        let pairs = groups.iter().zip(values.values());
        match selection_mask(&values, filter)? {
            None => pairs.for_each(|(&group, &value)| add(group, value)),
            Some(counts) => pairs
                .zip(counts.values())
                .filter(|(_, counts)| *counts)
                .for_each(|((&group, &value), _)| add(group, value)),
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], count: usize) -> Result<()> {
        self.totals.resize(count, 0);
        self.counts.resize(count, 0);
        let (totals, counts) = (states[0].as_primitive::<Decimal128Type>(), states[1].as_primitive::<UInt64Type>());
        for (&group, (&total, &count)) in groups.iter().zip(totals.values().iter().zip(counts.values())) {
            self.totals[group] += total;
            self.counts[group] += count;
        }
        Ok(())
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let (totals, counts) = (emit.take_needed(&mut self.totals), emit.take_needed(&mut self.counts));
        let finished =
            totals.into_iter().zip(counts).map(|(total, count)| result_of_total(self.kind, total, count, &self.result));
        Ok(cast(&finished.collect::<Result<Int64Array>>()?, &self.result)?)
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let totals = Decimal128Array::from(emit.take_needed(&mut self.totals)).with_data_type(TOTAL);
        Ok(vec![Arc::new(totals), Arc::new(UInt64Array::from(emit.take_needed(&mut self.counts)))])
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let values = to_int64(&values[0])?;
        let (totals, counts): (Vec<i128>, Vec<u64>) = match selection_mask(&values, filter)? {
            None => values.values().iter().map(|&value| (i128::from(value), 1)).unzip(),
            Some(counts) => {
                let counted = values.values().iter().zip(counts.values());
                counted.map(|(&value, counts)| if counts { (i128::from(value), 1) } else { (0, 0) }).unzip()
            }
        };
        let totals = Decimal128Array::from(totals).with_data_type(TOTAL);
        Ok(vec![Arc::new(totals), Arc::new(UInt64Array::from(counts))])
    }

    fn size(&self) -> usize {
        self.totals.capacity() * size_of::<i128>() + self.counts.capacity() * size_of::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::upstream::plain_datafusion;

    #[tokio::test]
    async fn upstream_wraps_around() {
        let sum = plain_datafusion("select sum(x) from (values (9223372036854775807), (1)) t(x)").await;
        assert_eq!(sum, "-9223372036854775808", "fixed upstream: remove this file");
    }
}
