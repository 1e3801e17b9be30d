//! A type as a column group: its builders, its definition, and the function that flattens it.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use crate::model::{Kind, MapValue, Model, Scalar, Shape};

/// What generated code uses by these names.
const TAKEN: [&str; 37] = [
    "Bool",
    "BoolColumn",
    "Box",
    "Column",
    "Columns",
    "Default",
    "Float",
    "FloatColumn",
    "Group",
    "Int32",
    "Int32Column",
    "Int64",
    "Int64Column",
    "IntOrString",
    "IntOrStringColumn",
    "Json",
    "JsonColumn",
    "JsonMapColumn",
    "List",
    "ListColumn",
    "Malformed",
    "Map",
    "MapColumn",
    "MapValue",
    "Object",
    "ObjectColumn",
    "Ok",
    "Parser",
    "Quantity",
    "QuantityColumn",
    "QuantityMapColumn",
    "Result",
    "Scalar",
    "Scalars",
    "ScalarsColumn",
    "Text",
    "Time",
];

/// Which file a type is in and what it is called there.
pub(super) struct Layout<'a> {
    /// Definition name -> (module, Rust name).
    places: BTreeMap<&'a str, (String, String)>,
}

impl<'a> Layout<'a> {
    pub(super) fn new(model: &'a Model) -> Self {
        let mut places = BTreeMap::new();
        let mut used = BTreeSet::new();
        for name in model.types.keys() {
            let (module, short) = place(name);
            let mut rust = camel(&short);
            if shouting(&rust).starts_with("KIND_") {
                // Its definition would be called like that of a kind.
                rust.insert(0, 'T');
            }
            let mut number = 1;
            let base = rust.clone();
            while TAKEN.contains(&rust.as_str()) || !used.insert((module.clone(), shouting(&rust))) {
                number += 1;
                rust = format!("{base}{number}");
            }
            places.insert(name.as_str(), (module, rust));
        }
        Self { places }
    }

    pub(super) fn modules(&self) -> impl Iterator<Item = &str> {
        self.places.values().map(|(module, _)| module.as_str()).collect::<BTreeSet<_>>().into_iter()
    }

    pub(super) fn types_of<'s>(&'s self, module: &'s str) -> impl Iterator<Item = &'a str> + 's {
        self.places.iter().filter(move |(_, place)| place.0 == module).map(|(name, _)| *name)
    }

    pub(super) fn module(&self, name: &str) -> &str {
        self.places.get(name).map_or("", |(module, _)| module)
    }

    /// `apps/v1`, for people.
    pub(super) fn title(&self, module: &str) -> String {
        let named = self.places.iter().filter(|(_, place)| place.0 == module);
        // A custom resource's type has them in its name.
        let custom = named.filter_map(|(name, _)| {
            let (group, rest) = name.split_once('/')?;
            Some(format!("{group}/{}", rest.split('.').next().unwrap_or_default()))
        });
        let custom = custom.into_iter().next();
        custom.unwrap_or_else(|| module.replace("_v", "/v").replace('_', "."))
    }

    fn rust(&self, name: &str) -> &str {
        self.places.get(name).map_or("", |(_, rust)| rust)
    }

    /// The path of a type's column group.
    pub(super) fn type_path(&self, name: &str) -> TokenStream {
        let (module, rust) = (format_ident!("{}", self.module(name)), format_ident!("{}", self.rust(name)));
        quote! { #module::#rust }
    }

    /// The path of a kind's definition.
    pub(super) fn kind_path(&self, kind: &Kind) -> TokenStream {
        let (module, constant) = (format_ident!("{}", self.module(&kind.root)), self.kind_ident(kind));
        quote! { #module::#constant }
    }

    pub(super) fn kind_ident(&self, kind: &Kind) -> Ident {
        format_ident!("KIND_{}", shouting(self.rust(&kind.root)))
    }

    /// A type's definition as seen from a module.
    pub(super) fn def(&self, name: &str, from: &str) -> TokenStream {
        self.seen(name, from, format_ident!("{}", shouting(self.rust(name))))
    }

    fn group(&self, name: &str, from: &str) -> TokenStream {
        self.seen(name, from, format_ident!("{}", self.rust(name)))
    }

    fn seen(&self, name: &str, from: &str, item: Ident) -> TokenStream {
        let module = self.module(name);
        if module == from {
            return quote! { #item };
        }
        let module = format_ident!("{module}");
        quote! { super::#module::#item }
    }
}

/// `io.k8s.api.core.v1.PodSpec` -> (`core_v1`, `PodSpec`); machinery and aggregator types likewise.
fn place(name: &str) -> (String, String) {
    // `cert-manager.io/v1.Certificate.spec`: custom resources have a file for each group and version.
    if let Some((group, rest)) = name.split_once('/') {
        let (version, rest) = rest.split_once('.').unwrap_or((rest, ""));
        let module = snake(&format!("{group}_{version}"));
        let digit = module.starts_with(|c: char| c.is_ascii_digit());
        return (if digit { format!("g{module}") } else { module }, rest.to_owned());
    }
    let parts: Vec<&str> = name.split('.').collect();
    let version = parts
        .iter()
        .position(|part| part.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())));
    match version {
        Some(at) if at > 0 && at + 1 < parts.len() => {
            (snake(&format!("{}_{}", parts[at - 1], parts[at])), parts[at + 1..].join("_"))
        }
        _ => ("shared".to_owned(), parts.last().copied().unwrap_or(name).to_owned()),
    }
}

/// The column group, the definition and the flattening function of a type.
pub(super) fn emit(model: &Model, layout: &Layout<'_>, name: &str) -> TokenStream {
    let here = layout.module(name);
    let group = format_ident!("{}", layout.rust(name));
    let def = format_ident!("{}", shouting(layout.rust(name)));
    let Some(fields) = model.types.get(name) else { return TokenStream::new() };
    let idents = idents(fields.keys());
    let (mut builders, mut arms, mut finishes, mut defs) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for ((json, shape), ident) in fields.iter().zip(&idents) {
        let builder = builder(layout, shape, here);
        let shape = shape_tokens(layout, shape, here);
        builders.push(quote! { #ident: #builder });
        arms.push(quote! { #json => self.#ident.read(p, row)?, });
        finishes.push(quote! { self.#ident.finish(rows) });
        defs.push(quote! { field(#json, #shape) });
    }
    let doc = format!(" `{name}`");
    quote! {
        #[doc = #doc]
        #[derive(Default)]
        pub(crate) struct #group { #(#builders,)* }
        impl Columns for #group {
            fn flatten(&mut self, p: &mut Parser<'_>, row: usize) -> Result<(), Malformed> {
                let Some(mut fields) = p.object()? else { return Ok(()) };
                while let Some(key) = p.key(&mut fields)? {
                    match key {
                        #(#arms)*
                        _ => p.skip()?,
                    }
                }
                Ok(())
            }
            fn finish(&mut self, rows: usize) -> Group {
                Group { rows, columns: Vec::from([#(#finishes,)*]) }
            }
        }
        pub(crate) static #def: TypeDef = TypeDef { name: #name, fields: &[#(#defs,)*] };
    }
}

fn builder(layout: &Layout<'_>, shape: &Shape, here: &str) -> TokenStream {
    match shape {
        Shape::Scalar(scalar) => column(*scalar),
        Shape::Scalars(scalar) => {
            let column = column(*scalar);
            quote! { ScalarsColumn<#column> }
        }
        Shape::Map(MapValue::Text) => quote! { MapColumn },
        Shape::Map(MapValue::Quantity) => quote! { QuantityMapColumn },
        Shape::Map(MapValue::Json) => quote! { JsonMapColumn },
        Shape::Object(name) => {
            let group = layout.group(name, here);
            quote! { ObjectColumn<#group> }
        }
        Shape::List(name) => {
            let group = layout.group(name, here);
            quote! { ListColumn<#group> }
        }
    }
}

fn column(scalar: Scalar) -> TokenStream {
    match scalar {
        Scalar::Text => quote! { TextColumn },
        Scalar::Bool => quote! { BoolColumn },
        Scalar::Int32 => quote! { Int32Column },
        Scalar::Int64 => quote! { Int64Column },
        Scalar::Float => quote! { FloatColumn },
        Scalar::Time => quote! { TimeColumn },
        Scalar::IntOrString => quote! { IntOrStringColumn },
        Scalar::Quantity => quote! { QuantityColumn },
        Scalar::Json => quote! { JsonColumn },
    }
}

fn shape_tokens(layout: &Layout<'_>, shape: &Shape, here: &str) -> TokenStream {
    match shape {
        Shape::Scalar(scalar) => {
            let scalar = format_ident!("{scalar:?}");
            quote! { Scalar(#scalar) }
        }
        Shape::Scalars(scalar) => {
            let scalar = format_ident!("{scalar:?}");
            quote! { Scalars(#scalar) }
        }
        Shape::Map(value) => {
            let value = format_ident!("{value:?}");
            quote! { Map(MapValue::#value) }
        }
        Shape::Object(name) => {
            let def = layout.def(name, here);
            quote! { Object(&#def) }
        }
        Shape::List(name) => {
            let def = layout.def(name, here);
            quote! { List(&#def) }
        }
    }
}

/// Rust names of a type's fields, no two alike.
fn idents<'a>(fields: impl Iterator<Item = &'a String>) -> Vec<Ident> {
    let mut used = BTreeSet::new();
    fields
        .map(|json| {
            let mut name = snake(json);
            if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
                name.insert(0, 'n');
            }
            while syn::parse_str::<Ident>(&name).is_err() || !used.insert(name.clone()) {
                name.push('_');
            }
            format_ident!("{name}")
        })
        .collect()
}

/// `clusterIPs` -> `cluster_ips`.
fn snake(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (i, &c) in chars.iter().enumerate() {
        if !c.is_ascii_alphanumeric() {
            if !out.is_empty() && !out.ends_with('_') {
                out.push('_');
            }
            continue;
        }
        let before = i.checked_sub(1).map(|at| chars[at]);
        let starts_word = c.is_ascii_uppercase()
            && (before.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
                || before.is_some_and(|b| b.is_ascii_uppercase())
                    && chars.get(i + 1).is_some_and(char::is_ascii_lowercase)
                    && chars.get(i + 1..) != Some(&['s']));
        if starts_word && !out.ends_with('_') {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

fn shouting(name: &str) -> String {
    snake(name).to_uppercase()
}

/// A Rust type name: letters and digits, the first a capital.
fn camel(name: &str) -> String {
    let mut out = String::new();
    for part in name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()) {
        let mut chars = part.chars();
        out.extend(chars.next().map(|c| c.to_ascii_uppercase()));
        out.extend(chars);
    }
    out
}
