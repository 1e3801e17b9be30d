//! The walk that generated code does, by a type's definition: for kinds learnt at run time, and for
//! queries that need only some of the fields.

mod lookup;

use lookup::Lookup;

use super::column::{
    BoolColumn, Column, FloatColumn, Int32Column, Int64Column, IntOrStringColumn, JsonColumn, JsonMapColumn, MapColumn,
    Offsets, QuantityColumn, QuantityMapColumn, ScalarsColumn, TextColumn, TimeColumn, group, list,
};
use super::group::{Data, Group};
use super::parse::{Malformed, Parser};
use super::rows::{Batch, Flattened, Rows};
use super::want::Want;
use crate::schema::{MapValue, Scalar, Shape, TypeDef};

/// Rows of a type known by its definition only, or of some of its fields.
#[derive(Debug)]
pub struct Interpreter {
    root: Node,
    batch: Batch,
}

impl Interpreter {
    /// Rows of `root`, of which the columns in `want` are made; the others are `None`. With
    /// [`Want::All`] the columns are the very same that generated code makes.
    pub fn new(root: &'static TypeDef, want: &Want) -> Self {
        Self { root: Node::new(root, want), batch: Batch::default() }
    }
}

impl Rows for Interpreter {
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

/// One place in the tree of types: its wanted fields and their columns. The nodes below are made when
/// they are first seen, so that a type that contains itself has no more of them than the data.
#[derive(Debug)]
struct Node {
    def: &'static TypeDef,
    lookup: Lookup,
    /// By number in the lookup.
    wanted: Vec<Wanted>,
    /// The number that came after each one the last time, and at the end the first of all: objects of a type mostly
    /// have the same fields in the same order.
    next: Vec<usize>,
    /// A bit for each wanted field, where there is something to gain by knowing that all were seen.
    all: Option<u64>,
}

#[derive(Debug)]
struct Wanted {
    /// Number in the type.
    field: u16,
    slot: Slot,
}

impl Node {
    fn new(def: &'static TypeDef, want: &Want) -> Self {
        let numbered = def.fields.iter().zip(0u16..);
        let wanted: Vec<Wanted> = match want {
            Want::All => {
                numbered.map(|(field, number)| Wanted { field: number, slot: Slot::new(field.shape, want) }).collect()
            }
            Want::Fields(fields) => numbered
                .filter_map(|(field, number)| {
                    let slot = Slot::new(field.shape, fields.get(&number)?);
                    Some(Wanted { field: number, slot })
                })
                .collect(),
        };
        let names: Vec<&'static str> = wanted.iter().map(|wanted| def.fields[usize::from(wanted.field)].json).collect();
        let all = match (want, wanted.len()) {
            (Want::All, _) | (_, 65..) => None,
            (_, 64) => Some(u64::MAX),
            (_, count) => Some((1 << count) - 1),
        };
        let next = vec![0; wanted.len() + 1];
        Self { def, lookup: Lookup::new(&names), wanted, next, all }
    }

    fn flatten(&mut self, p: &mut Parser<'_>, row: usize) -> Result<(), Malformed> {
        let Some(mut fields) = p.object()? else { return Ok(()) };
        let mut seen = 0u64;
        if self.all == Some(seen) {
            return p.leave(fields);
        }
        let mut last = self.wanted.len();
        while let Some(key) = p.key(&mut fields)? {
            let guess = self.next[last];
            let index = if self.lookup.is(guess, key) {
                guess
            } else if let Some(index) = self.lookup.find(key) {
                self.next[last] = index;
                index
            } else {
                p.skip()?;
                continue;
            };
            last = index;
            self.wanted[index].slot.read(p, row)?;
            if let Some(all) = self.all {
                seen |= 1 << index;
                if seen == all {
                    return p.leave(fields);
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self, rows: usize) -> Group {
        let mut columns = vec![None; self.def.fields.len()];
        for wanted in &mut self.wanted {
            columns[usize::from(wanted.field)] = wanted.slot.finish(rows);
        }
        Group { rows, columns }
    }
}

/// The column of a field.
#[derive(Debug)]
enum Slot {
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
    Object(Box<Objects>),
    List(Box<Items>),
}

/// Any [`ScalarsColumn`].
trait Scalars: Column + std::fmt::Debug {}

impl<C: Column + std::fmt::Debug> Scalars for C {}

impl Slot {
    fn new(shape: Shape, want: &Want) -> Self {
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
            Shape::Object(def) => Self::Object(Box::new(Objects { next: 0, below: Below::new(def, want) })),
            Shape::List(def) => {
                Self::List(Box::new(Items { offsets: Offsets::default(), below: Below::new(def, want) }))
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
        }
    }

    fn finish(&mut self, rows: usize) -> Option<Data> {
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
        }
    }
}

/// A node that is made when it is first needed.
#[derive(Debug)]
struct Below {
    def: &'static TypeDef,
    want: Want,
    node: Option<Node>,
}

impl Below {
    fn new(def: &'static TypeDef, want: &Want) -> Self {
        Self { def, want: want.clone(), node: None }
    }

    #[inline(always)]
    fn node(&mut self) -> &mut Node {
        self.node.get_or_insert_with(|| Node::new(self.def, &self.want))
    }
}

/// A nested object, like [`super::column::ObjectColumn`].
#[derive(Debug)]
struct Objects {
    /// The first row that has no object yet.
    next: usize,
    below: Below,
}

impl Objects {
    fn read(&mut self, p: &mut Parser<'_>, row: usize) -> Result<(), Malformed> {
        if p.peek() != b'{' {
            return p.object().map(|_| ());
        }
        if row < self.next {
            return p.skip();
        }
        self.next = row + 1;
        self.below.node().flatten(p, row)
    }

    fn finish(&mut self, rows: usize) -> Option<Data> {
        self.next = 0;
        self.below.node.as_mut().and_then(|node| group(node.finish(rows)))
    }
}

/// A list of objects, like [`super::column::ListColumn`].
#[derive(Debug)]
struct Items {
    offsets: Offsets,
    below: Below,
}

impl Items {
    fn read(&mut self, p: &mut Parser<'_>, row: usize) -> Result<(), Malformed> {
        if self.offsets.has(row) {
            return p.skip();
        }
        let Some(mut elements) = p.array()? else { return Ok(()) };
        self.offsets.begin(row);
        while p.element(&mut elements)? {
            self.below.node().flatten(p, self.offsets.next())?;
        }
        Ok(())
    }

    fn finish(&mut self, rows: usize) -> Option<Data> {
        if !self.offsets.any() {
            return None;
        }
        let items = self.offsets.items;
        let items = self.below.node.as_mut().map(|node| node.finish(items));
        list(&mut self.offsets, rows, items)
    }
}
