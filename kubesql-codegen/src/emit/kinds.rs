//! Emits the static definitions of kinds and tables.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::types::RustPaths;
use crate::model::{Kind, Printed, Table};
use crate::names::slashed;

/// The imports of a generated file.
pub(super) fn uses(kinds: bool) -> TokenStream {
    let kinds = kinds.then(|| quote! { use crate::schema::{KindDef, TableDef}; });
    quote! {
        #kinds
        #[allow(clippy::wildcard_imports, unused_imports)]
        use crate::prelude::*;
    }
}

/// Emits `pub(crate) static KIND_POD: KindDef = ...;`.
pub(super) fn emit(paths: &RustPaths<'_>, kind: &Kind) -> TokenStream {
    let constant = paths.kind_ident(kind);
    let Kind { group, kind: name, versions, plural, singular, namespaced, .. } = kind;
    let version = versions.first();
    let root = paths.def(&kind.root, paths.module(&kind.root));
    let custom = match &kind.custom {
        None => quote! { None },
        Some(all) => {
            let all = all.iter().map(|Printed { name, path, scalar }| {
                let scalar = format_ident!("{scalar:?}");
                quote! { printed(#name, #path, #scalar) }
            });
            quote! { Some(&[#(#all,)*]) }
        }
    };
    let tables = kind.tables.iter().map(table);
    let doc = format!(" {name}: {} tables.", kind.tables.len());
    quote! {
        #[doc = #doc]
        pub(crate) static #constant: KindDef = KindDef {
            group: #group,
            version: #version,
            versions: &[#(#versions),*],
            kind: #name,
            plural: #plural,
            singular: #singular,
            namespaced: #namespaced,
            root: &#root,
            custom: #custom,
            tables: &[#(#tables,)*],
        };
    }
}

fn table(table: &Table) -> TokenStream {
    let Table { name, item, .. } = table;
    let path = slashed(&table.path);
    let key = match &table.key {
        Some(key) => quote! { .key(#key) },
        None => TokenStream::new(),
    };
    let listed = table.listed.then(|| quote! { .listed() });
    let statuses = table.statuses.as_ref().map(|path| slashed(path)).map(|path| quote! { .statuses(#path) });
    let names = (!table.exceptions.is_empty()).then(|| {
        let pairs = table.exceptions.iter().map(|(path, name)| quote! { (#path, #name) });
        quote! { .names(&[#(#pairs,)*]) }
    });
    quote! { TableDef::new(#name, #path, #item) #key #listed #statuses #names }
}
