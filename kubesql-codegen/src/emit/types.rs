//! Emits types: the column builders, the definition, and the flattening function.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use crate::model::{Kind, MapValue, Model, Scalar, Shape};

/// Names that generated code imports.
const RESERVED: [&str; 37] = [
    "Bool",
    "BoolColumn",
    "Box",
    "ColumnBuilder",
    "GroupBuilder",
    "Default",
    "Float",
    "FloatColumn",
    "ColumnGroup",
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

/// The module and the Rust name of each type.
pub(super) struct RustPaths<'a> {
    /// By definition name: the module and the Rust name.
    paths: BTreeMap<&'a str, (String, String)>,
}

impl<'a> RustPaths<'a> {
    pub(super) fn new(model: &'a Model) -> Self {
        let mut paths = BTreeMap::new();
        let mut used = BTreeSet::new();
        for name in model.types.keys() {
            let (module, short) = module_and_name(name);
            let mut rust = camel(&short);
            if screaming_snake(&rust).starts_with("KIND_") {
                // Its definition would have the name of a kind's definition.
                rust.insert(0, 'T');
            }
            let mut number = 1;
            let base = rust.clone();
            while RESERVED.contains(&rust.as_str()) || !used.insert((module.clone(), screaming_snake(&rust))) {
                number += 1;
                rust = format!("{base}{number}");
            }
            paths.insert(name.as_str(), (module, rust));
        }
        Self { paths }
    }

    pub(super) fn modules(&self) -> impl Iterator<Item = &str> {
        self.paths.values().map(|(module, _)| module.as_str()).collect::<BTreeSet<_>>().into_iter()
    }

    pub(super) fn types_of<'s>(&'s self, module: &'s str) -> impl Iterator<Item = &'a str> + 's {
        self.paths.iter().filter(move |(_, path)| path.0 == module).map(|(name, _)| *name)
    }

    pub(super) fn module(&self, name: &str) -> &str {
        self.paths.get(name).map_or("", |(module, _)| module)
    }

    /// The group and version of a module, `apps/v1`, for its documentation.
    pub(super) fn title(&self, module: &str) -> String {
        let named = self.paths.iter().filter(|(_, path)| path.0 == module);
        // The name of a custom resource's type includes both.
        let custom = named.filter_map(|(name, _)| {
            let (group, rest) = name.split_once('/')?;
            Some(format!("{group}/{}", rest.split('.').next().unwrap_or_default()))
        });
        let custom = custom.into_iter().next();
        custom.unwrap_or_else(|| module.replace("_v", "/v").replace('_', "."))
    }

    fn rust(&self, name: &str) -> &str {
        self.paths.get(name).map_or("", |(_, rust)| rust)
    }

    /// The path of a type's group builder.
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
        format_ident!("KIND_{}", screaming_snake(self.rust(&kind.root)))
    }

    /// The path of a type's definition, relative to a module.
    pub(super) fn def(&self, name: &str, from: &str) -> TokenStream {
        self.relative_path(name, from, format_ident!("{}", screaming_snake(self.rust(name))))
    }

    fn group(&self, name: &str, from: &str) -> TokenStream {
        self.relative_path(name, from, format_ident!("{}", self.rust(name)))
    }

    fn relative_path(&self, name: &str, from: &str, item: Ident) -> TokenStream {
        let module = self.module(name);
        if module == from {
            return quote! { #item };
        }
        let module = format_ident!("{module}");
        quote! { super::#module::#item }
    }
}

/// The module and the short name of a definition: `io.k8s.api.core.v1.PodSpec` -> (`core_v1`, `PodSpec`).
fn module_and_name(name: &str) -> (String, String) {
    // `cert-manager.io/v1.Certificate.spec`: custom resources have a module for each group and version.
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

/// Emits the group builder and the definition of a type.
pub(super) fn emit(model: &Model, paths: &RustPaths<'_>, name: &str) -> TokenStream {
    let here = paths.module(name);
    let group = format_ident!("{}", paths.rust(name));
    let def = format_ident!("{}", screaming_snake(paths.rust(name)));
    let Some(fields) = model.types.get(name) else { return TokenStream::new() };
    let idents = idents(fields.keys());
    let (mut builders, mut arms, mut finishes, mut defs) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for ((json, shape), ident) in fields.iter().zip(&idents) {
        let builder = builder(paths, shape, here);
        let tokens = shape_tokens(paths, shape, here);
        builders.push(quote! { #ident: #builder });
        finishes.push(quote! { self.#ident.finish(rows) });
        let other = fields.values().position(|other| matches!(other, Shape::Other(of) if of == json));
        match (shape, other.and_then(|at| Some((&idents[at], u16::try_from(at).ok()?)))) {
            (Shape::Other(_), _) => defs.push(quote! { field(#json, #tokens) }),
            (_, None) => {
                arms.push(quote! { #json => self.#ident.read(p, row)?, });
                defs.push(quote! { field(#json, #tokens) });
            }
            (_, Some((other, number))) => {
                arms.push(quote! { #json => read_either(&mut self.#ident, &mut self.#other, #tokens, p, row)?, });
                defs.push(quote! { field(#json, #tokens).other(#number) });
            }
        }
    }
    let doc = format!(" `{name}`");
    quote! {
        #[doc = #doc]
        #[derive(Default)]
        pub(crate) struct #group { #(#builders,)* }
        impl GroupBuilder for #group {
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
            fn finish(&mut self, rows: usize) -> ColumnGroup {
                ColumnGroup { rows, columns: Vec::from([#(#finishes,)*]) }
            }
        }
        pub(crate) static #def: TypeDef = TypeDef { name: #name, fields: &[#(#defs,)*] };
    }
}

fn builder(paths: &RustPaths<'_>, shape: &Shape, here: &str) -> TokenStream {
    match shape {
        Shape::Scalar(scalar) => column(*scalar),
        Shape::Scalars(scalar) => {
            let column = column(*scalar);
            quote! { ScalarsColumn<#column> }
        }
        Shape::Map(MapValue::Text) => quote! { MapColumn },
        Shape::Map(MapValue::Quantity) => quote! { QuantityMapColumn },
        Shape::Map(MapValue::Json) => quote! { JsonMapColumn },
        Shape::Other(_) => column(Scalar::Json),
        Shape::Object(name) => {
            let group = paths.group(name, here);
            quote! { ObjectColumn<#group> }
        }
        Shape::List(name) => {
            let group = paths.group(name, here);
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

fn shape_tokens(paths: &RustPaths<'_>, shape: &Shape, here: &str) -> TokenStream {
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
        Shape::Other(_) => quote! { Scalar(Json) },
        Shape::Object(name) => {
            let def = paths.def(name, here);
            quote! { Object(&#def) }
        }
        Shape::List(name) => {
            let def = paths.def(name, here);
            quote! { List(&#def) }
        }
    }
}

/// Unique Rust names of a type's fields.
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

/// Snake case: `clusterIPs` -> `cluster_ips`.
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

fn screaming_snake(name: &str) -> String {
    snake(name).to_uppercase()
}

/// A Rust type name: letters and digits, starting with a capital letter.
fn camel(name: &str) -> String {
    let mut out = String::new();
    for part in name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()) {
        let mut chars = part.chars();
        out.extend(chars.next().map(|c| c.to_ascii_uppercase()));
        out.extend(chars);
    }
    out
}
