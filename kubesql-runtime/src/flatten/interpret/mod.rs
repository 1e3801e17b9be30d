//! Flattens objects by the definition of their type. It does what generated code does, for kinds that are discovered at
//! run time, and for queries that need only some fields.

mod lookup;

use lookup::Lookup;

use super::column::{
    BoolColumn, ColumnBuilder, FloatColumn, Int32Column, Int64Column, IntOrStringColumn, JsonColumn, JsonMapColumn,
    MapColumn, Offsets, QuantityColumn, QuantityMapColumn, ScalarsColumn, TextColumn, TimeColumn, group, list,
};
use super::either;
use super::field_mask::FieldMask;
use super::group::{ColumnData, ColumnGroup};
use super::parse::{Malformed, Parser};
use super::rows::{Batch, Flattened, Flattener};
use crate::schema::{MapValue, Scalar, Shape, TypeDef};

/// The flattener of a type without generated code, or of some fields of a type.
#[derive(Debug)]
pub struct Interpreter {
    root: Node,
    batch: Batch,
}

impl Interpreter {
    /// A flattener of `root` that makes the columns in `mask`; the others are `None`. With [`FieldMask::All`], the columns
    /// are the same as those of generated code.
    pub fn new(root: &'static TypeDef, mask: &FieldMask) -> Self {
        Self { root: Node::new(root, mask), batch: Batch::default() }
    }
}

impl Flattener for Interpreter {
    fn push_at(&mut self, text: &str, from: usize) -> Result<usize, Malformed> {
        self.batch.push(text, from, false, |parser, row| self.root.flatten(parser, row))
    }

    fn push(&mut self, object: &str) -> Result<(), Malformed> {
        self.batch.push(object, 0, true, |parser, row| self.root.flatten(parser, row)).map(|_| ())
    }

    fn rows(&self) -> usize {
        self.batch.rows()
    }

    fn finish(&mut self) -> Flattened {
        self.batch.finish(|rows| self.root.finish(rows))
    }
}

/// The selected fields of a type at one path, and their columns. Child nodes are created when they are first needed, so
/// that a recursive type has no more nodes than the data.
#[derive(Debug)]
struct Node {
    def: &'static TypeDef,
    lookup: Lookup,
    /// The selected fields, by their number in the lookup.
    selected: Vec<SelectedField>,
    /// By number, the field that followed it the last time; the last entry is the first field. Objects of a type mostly
    /// have the same fields in the same order.
    predicted: Vec<usize>,
    /// A bit for each selected field, if reading can stop once all were seen.
    all_selected: Option<u64>,
}

#[derive(Debug)]
struct SelectedField {
    /// The field's number in the type.
    field: u16,
    column: FieldColumn,
}

impl Node {
    fn new(def: &'static TypeDef, mask: &FieldMask) -> Self {
        let of = |number: u16| match mask {
            FieldMask::All => Some(mask),
            FieldMask::Fields(fields) => fields.get(&number),
        };
        let is_other = |number: u16| def.fields.iter().any(|field| field.other == Some(number));
        let mut selected = Vec::new();
        for (field, number) in def.fields.iter().zip(0u16..) {
            let column = of(number).map(|mask| FieldColumn::new(field.shape, mask));
            let column = match (column, field.other) {
                (column, Some(other)) if column.is_some() || of(other).is_some() => {
                    let json = of(other).map(|_| JsonColumn::default());
                    Some(FieldColumn::Either(Box::new(Either { shape: field.shape, column, other, json })))
                }
                // Read with the field whose values it holds.
                (Some(_), None) if is_other(number) => None,
                (column, _) => column,
            };
            selected.extend(column.map(|column| SelectedField { field: number, column }));
        }
        let names: Vec<&'static str> = selected.iter().map(|field| def.fields[usize::from(field.field)].json).collect();
        let all_selected = match (mask, selected.len()) {
            (FieldMask::All, _) | (_, 65..) => None,
            (_, 64) => Some(u64::MAX),
            (_, count) => Some((1 << count) - 1),
        };
        let predicted = vec![0; selected.len() + 1];
        Self { def, lookup: Lookup::new(&names), selected, predicted, all_selected }
    }

    fn flatten(&mut self, p: &mut Parser<'_>, row: usize) -> Result<(), Malformed> {
        let Some(mut fields) = p.object()? else { return Ok(()) };
        let mut seen = 0u64;
        if self.all_selected == Some(seen) {
            return p.leave(fields);
        }
        let mut last = self.selected.len();
        while let Some(key) = p.key(&mut fields)? {
            let predicted = self.predicted[last];
            let index = if self.lookup.is(predicted, key) {
                predicted
            } else if let Some(index) = self.lookup.find(key) {
                self.predicted[last] = index;
                index
            } else {
                p.skip()?;
                continue;
            };
            last = index;
            self.selected[index].column.read(p, row)?;
            if let Some(all_selected) = self.all_selected {
                seen |= 1 << index;
                if seen == all_selected {
                    return p.leave(fields);
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self, rows: usize) -> ColumnGroup {
        let mut columns = vec![None; self.def.fields.len()];
        for selected in &mut self.selected {
            columns[usize::from(selected.field)] = selected.column.finish(rows);
            if let FieldColumn::Either(either) = &mut selected.column {
                columns[usize::from(either.other)] = either.json.as_mut().and_then(|json| json.finish(rows));
            }
        }
        ColumnGroup { rows, columns }
    }
}

/// The column builder of a field.
#[derive(Debug)]
enum FieldColumn {
    Text(TextColumn),
    Bool(BoolColumn),
    Int32(Int32Column),
    Int64(Int64Column),
    Float(FloatColumn),
    Time(TimeColumn),
    IntOrString(IntOrStringColumn),
    Quantity(QuantityColumn),
    Json(JsonColumn),
    Scalars(Box<dyn Scalars>),
    Map(MapColumn),
    QuantityMap(QuantityMapColumn),
    JsonMap(JsonMapColumn),
    Object(Box<NestedObject>),
    List(Box<NestedList>),
    Either(Box<Either>),
}

/// Any [`ScalarsColumn`].
trait Scalars: ColumnBuilder + std::fmt::Debug {}

impl<C: ColumnBuilder + std::fmt::Debug> Scalars for C {}

impl FieldColumn {
    fn new(shape: Shape, mask: &FieldMask) -> Self {
        match shape {
            Shape::Scalar(scalar) => match scalar {
                Scalar::Text => Self::Text(TextColumn::default()),
                Scalar::Bool => Self::Bool(BoolColumn::default()),
                Scalar::Int32 => Self::Int32(Int32Column::default()),
                Scalar::Int64 => Self::Int64(Int64Column::default()),
                Scalar::Float => Self::Float(FloatColumn::default()),
                Scalar::Time => Self::Time(TimeColumn::default()),
                Scalar::IntOrString => Self::IntOrString(IntOrStringColumn::default()),
                Scalar::Quantity => Self::Quantity(QuantityColumn::default()),
                Scalar::Json => Self::Json(JsonColumn::default()),
            },
            Shape::Scalars(scalar) => Self::Scalars(match scalar {
                Scalar::Text => Box::<ScalarsColumn<TextColumn>>::default(),
                Scalar::Bool => Box::<ScalarsColumn<BoolColumn>>::default(),
                Scalar::Int32 => Box::<ScalarsColumn<Int32Column>>::default(),
                Scalar::Int64 => Box::<ScalarsColumn<Int64Column>>::default(),
                Scalar::Float => Box::<ScalarsColumn<FloatColumn>>::default(),
                Scalar::Time => Box::<ScalarsColumn<TimeColumn>>::default(),
                Scalar::IntOrString => Box::<ScalarsColumn<IntOrStringColumn>>::default(),
                Scalar::Quantity => Box::<ScalarsColumn<QuantityColumn>>::default(),
                Scalar::Json => Box::<ScalarsColumn<JsonColumn>>::default(),
            }),
            Shape::Map(MapValue::Text) => Self::Map(MapColumn::default()),
            Shape::Map(MapValue::Quantity) => Self::QuantityMap(QuantityMapColumn::default()),
            Shape::Map(MapValue::Json) => Self::JsonMap(JsonMapColumn::default()),
            Shape::Object(def) => Self::Object(Box::new(NestedObject { next: 0, child: ChildNode::new(def, mask) })),
            Shape::List(def) => {
                Self::List(Box::new(NestedList { offsets: Offsets::default(), child: ChildNode::new(def, mask) }))
            }
        }
    }

    #[inline]
    fn read(&mut self, p: &mut Parser<'_>, row: usize) -> Result<(), Malformed> {
        match self {
            Self::Text(column) => column.read(p, row),
            Self::Bool(column) => column.read(p, row),
            Self::Int32(column) => column.read(p, row),
            Self::Int64(column) => column.read(p, row),
            Self::Float(column) => column.read(p, row),
            Self::Time(column) => column.read(p, row),
            Self::IntOrString(column) => column.read(p, row),
            Self::Quantity(column) => column.read(p, row),
            Self::Json(column) => column.read(p, row),
            Self::Scalars(column) => column.read(p, row),
            Self::Map(column) => column.read(p, row),
            Self::QuantityMap(column) => column.read(p, row),
            Self::JsonMap(column) => column.read(p, row),
            Self::Object(column) => column.read(p, row),
            Self::List(column) => column.read(p, row),
            Self::Either(column) => column.read(p, row),
        }
    }

    fn finish(&mut self, rows: usize) -> Option<ColumnData> {
        match self {
            Self::Text(column) => column.finish(rows),
            Self::Bool(column) => column.finish(rows),
            Self::Int32(column) => column.finish(rows),
            Self::Int64(column) => column.finish(rows),
            Self::Float(column) => column.finish(rows),
            Self::Time(column) => column.finish(rows),
            Self::IntOrString(column) => column.finish(rows),
            Self::Quantity(column) => column.finish(rows),
            Self::Json(column) => column.finish(rows),
            Self::Scalars(column) => column.finish(rows),
            Self::Map(column) => column.finish(rows),
            Self::QuantityMap(column) => column.finish(rows),
            Self::JsonMap(column) => column.finish(rows),
            Self::Object(column) => column.finish(rows),
            Self::List(column) => column.finish(rows),
            Self::Either(column) => column.column.as_mut().and_then(|column| column.finish(rows)),
        }
    }
}

/// A field and the field that holds its values of other shapes, of which at least one is selected.
#[derive(Debug)]
struct Either {
    shape: Shape,
    column: Option<FieldColumn>,
    /// The number of the other field, and its column.
    other: u16,
    json: Option<JsonColumn>,
}

impl Either {
    fn read(&mut self, p: &mut Parser<'_>, row: usize) -> Result<(), Malformed> {
        let column = self.column.as_mut().map(|column| |p: &mut Parser<'_>| column.read(p, row));
        either::read(column, self.json.as_mut(), self.shape, p, row)
    }
}

/// A node that is created when it is first needed.
#[derive(Debug)]
struct ChildNode {
    def: &'static TypeDef,
    mask: FieldMask,
    node: Option<Node>,
}

impl ChildNode {
    fn new(def: &'static TypeDef, mask: &FieldMask) -> Self {
        Self { def, mask: mask.clone(), node: None }
    }

    #[inline(always)]
    fn node(&mut self) -> &mut Node {
        self.node.get_or_insert_with(|| Node::new(self.def, &self.mask))
    }
}

/// A nested object, like [`super::column::ObjectColumn`].
#[derive(Debug)]
struct NestedObject {
    /// The first row without an object.
    next: usize,
    child: ChildNode,
}

impl NestedObject {
    fn read(&mut self, p: &mut Parser<'_>, row: usize) -> Result<(), Malformed> {
        if p.peek() != b'{' {
            return p.object().map(|_| ());
        }
        if row < self.next {
            return p.skip();
        }
        self.next = row + 1;
        self.child.node().flatten(p, row)
    }

    fn finish(&mut self, rows: usize) -> Option<ColumnData> {
        self.next = 0;
        self.child.node.as_mut().and_then(|node| group(node.finish(rows)))
    }
}

/// A list of objects, like [`super::column::ListColumn`].
#[derive(Debug)]
struct NestedList {
    offsets: Offsets,
    child: ChildNode,
}

impl NestedList {
    fn read(&mut self, p: &mut Parser<'_>, row: usize) -> Result<(), Malformed> {
        if self.offsets.has(row) {
            return p.skip();
        }
        let Some(mut elements) = p.array()? else { return Ok(()) };
        self.offsets.begin(row);
        while p.element(&mut elements)? {
            self.child.node().flatten(p, self.offsets.next())?;
        }
        Ok(())
    }

    fn finish(&mut self, rows: usize) -> Option<ColumnData> {
        if !self.offsets.any() {
            return None;
        }
        let items = self.offsets.items;
        let items = self.child.node.as_mut().map(|node| node.finish(items));
        list(&mut self.offsets, rows, items)
    }
}
