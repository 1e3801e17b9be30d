//! Work-arounds of DataFusion and sqlparser, one a file: what is wrong upstream, where that is reported, and a test that
//! fails once it is mended there.

pub(super) mod ambiguous_columns;
pub(super) mod using;
