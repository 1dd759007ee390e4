//! That no text can make the interpreter panic, and what holds for every text.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::json;

use super::tests::run;
use super::{Template, no_methods};

/// Pieces from which a template that nearly parses is made.
fn piece() -> impl Strategy<Value = String> {
    let fixed = prop::sample::select(vec![
        "{{",
        "}}",
        "{{- ",
        " -}}",
        "{{if ",
        "{{else}}",
        "{{else if ",
        "{{end}}",
        "{{range ",
        "{{with ",
        "{{break}}",
        ".",
        ".ID",
        ".Names",
        "$",
        "$x",
        ":=",
        "=",
        ",",
        "|",
        "(",
        ")",
        " ",
        "printf ",
        "index ",
        "len ",
        "slice ",
        "eq ",
        "json ",
        "join ",
        "split ",
        "truncate ",
        "pad ",
        "\"%5.3d\"",
        "\"%*d\"",
        "'a'",
        "`r`",
        "-1",
        "1e9",
        "0x",
        "9223372036854775807",
        "/*",
        "*/",
        "é",
        "\"\\",
        "nil",
        "true",
        "\n",
    ]);
    prop_oneof![4 => fixed.prop_map(str::to_owned), 1 => any::<String>()]
}

proptest! {
    #[test]
    fn never_panics(pieces in prop::collection::vec(piece(), 0..24)) {
        let _outcome = run(&pieces.concat());
    }

    #[test]
    fn never_panics_inside_an_action(pieces in prop::collection::vec(piece(), 0..8)) {
        let _outcome = run(&format!("{{{{{}}}}}", pieces.concat()));
    }

    #[test]
    fn text_without_actions_is_itself(text in "[^{]*") {
        prop_assert_eq!(run(&text), Ok(text));
    }

    #[test]
    fn a_quoted_string_is_itself(text in any::<String>()) {
        let literal = super::printf::quote(&text);
        prop_assert_eq!(run(&format!("{{{{{literal}}}}}")), Ok(text));
    }

    #[test]
    fn a_string_field_prints_as_it_is(text in any::<String>()) {
        let template = Template::parse("test", "{{.A}}").unwrap();
        prop_assert_eq!(template.execute(&json!({"A": text.clone()}), no_methods), Ok(text));
    }

    #[test]
    fn nesting_has_an_end(depth in 0usize..3000) {
        let _outcome = run(&format!("{{{{{}1{}}}}}", "(".repeat(depth), ")".repeat(depth)));
        let _outcome = run(&format!("{}x{}", "{{if 1}}".repeat(depth), "{{end}}".repeat(depth)));
    }
}
