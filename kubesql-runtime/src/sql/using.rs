//! `WHERE x = 1` behind `JOIN ... USING (x)`: DataFusion takes `x` for the column of either side there and nowhere else.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, JoinConstraint, ObjectNamePart, Query, Select, TableFactor, VisitMut, VisitorMut,
};

use super::names::{normal, words};
use super::offer;
use super::scope::{Relation, constraint};

/// Puts the name of the left side in front of the columns that joins are by, where WHERE has them bare.
pub(super) fn qualify(select: &mut Select, relations: &[Relation]) {
    let mut sides = BTreeMap::new();
    for from in &select.from {
        let mut before = vec![&from.relation];
        for join in &from.joins {
            if let Some(JoinConstraint::Using(names)) = constraint(join) {
                for name in names.iter().map(|name| words(name).join(".")) {
                    let side = before.iter().filter_map(|factor| called(factor)).find(|side| {
                        let words = [normal(side)];
                        let known = |relation: &&Relation| relation.is_called(&words);
                        relations.iter().find(known).is_some_and(|relation| offer::has(&relation.origin, &name))
                    });
                    if let Some(side) = side {
                        sides.entry(name).or_insert(side);
                    }
                }
            }
            before.push(&join.relation);
        }
    }
    if let (Some(selection), false) = (&mut select.selection, sides.is_empty()) {
        let _: ControlFlow<()> = VisitMut::visit(selection, &mut Qualifier { sides, depth: 0 });
    }
}

fn called(factor: &TableFactor) -> Option<Ident> {
    match factor {
        TableFactor::Table { alias: Some(alias), .. } | TableFactor::Derived { alias: Some(alias), .. } => {
            Some(alias.name.clone())
        }
        TableFactor::Table { name, alias: None, .. } => match name.0.last() {
            Some(ObjectNamePart::Identifier(ident)) => Some(ident.clone()),
            _ => None,
        },
        _ => None,
    }
}

struct Qualifier {
    sides: BTreeMap<String, Ident>,
    depth: usize,
}

impl VisitorMut for Qualifier {
    type Break = ();

    // In a subquery the name may be that of a column there.
    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.depth == 0
            && let Expr::Identifier(ident) = expr
            && let Some(side) = self.sides.get(&normal(ident))
        {
            *expr = Expr::CompoundIdentifier(vec![side.clone(), ident.clone()]);
        }
        ControlFlow::Continue(())
    }
}
