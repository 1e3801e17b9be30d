//! The input of the YAML parser, with a workaround.
//!
//! Upstream: <https://github.com/saphyr-rs/saphyr/blob/master/parser/src/scanner.rs> (`fetch_value`), seen in
//! saphyr-parser 0.3.4. A tab that directly follows the colon of a key is an error if a letter follows it. YAML allows
//! tabs between tokens, and kubectl reads them.

use saphyr_parser::input::SkipTabs;
use saphyr_parser::{Input, StrInput};

/// A text whose tabs between tokens count as spaces. Indentation is not affected, since the parser only asks for it
/// without tabs.
pub(super) struct TabsAsSpaces<'t>(StrInput<'t>);

impl<'t> TabsAsSpaces<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self(StrInput::new(text))
    }
}

impl Input for TabsAsSpaces<'_> {
    fn skip_ws_to_eol(&mut self, skip_tabs: SkipTabs) -> (usize, Result<SkipTabs, &'static str>) {
        let (bytes, skipped) = self.0.skip_ws_to_eol(skip_tabs);
        let skipped = skipped.map(|skipped| match skipped {
            SkipTabs::Result(tabs, spaces) => SkipTabs::Result(tabs, tabs || spaces),
            other => other,
        });
        (bytes, skipped)
    }

    fn lookahead(&mut self, count: usize) {
        self.0.lookahead(count);
    }

    fn buflen(&self) -> usize {
        self.0.buflen()
    }

    fn bufmaxlen(&self) -> usize {
        self.0.bufmaxlen()
    }

    fn raw_read_ch(&mut self) -> char {
        self.0.raw_read_ch()
    }

    fn raw_read_non_breakz_ch(&mut self) -> Option<char> {
        self.0.raw_read_non_breakz_ch()
    }

    fn skip(&mut self) {
        self.0.skip();
    }

    fn skip_n(&mut self, count: usize) {
        self.0.skip_n(count);
    }

    fn peek(&self) -> char {
        self.0.peek()
    }

    fn peek_nth(&self, n: usize) -> char {
        self.0.peek_nth(n)
    }

    fn peek_opt(&self) -> Option<char> {
        self.0.peek_opt()
    }

    fn skip_while_non_breakz(&mut self) -> usize {
        self.0.skip_while_non_breakz()
    }

    fn skip_while_blank(&mut self) -> usize {
        self.0.skip_while_blank()
    }

    fn fetch_while_is_alpha(&mut self, out: &mut String) -> usize {
        self.0.fetch_while_is_alpha(out)
    }

    fn fetch_while_is_yaml_non_space(&mut self, out: &mut String) -> usize {
        self.0.fetch_while_is_yaml_non_space(out)
    }
}
