//! Tests of the naming rules.
