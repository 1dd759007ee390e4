//! `--format`: Go's text/template, as `inspect` is given it, with the functions that skopeo adds: `json`, `join`, `split`, `upper`,
//! `lower`, `title`, `pad` and `truncate`.
//!
//! Text ▸ parts (lexer) ▸ tree (parse) ▸ text (render), whose columns are set if it begins with `table ` (table).

mod functions;
mod lexer;
mod parse;
mod printf;
mod render;
mod table;
mod time;
mod value;

pub use value::Value;

use anyhow::{Context, Result};

const TABLE: &str = "table ";

/// Renders `value` by the template in `text`, which is called `name` in errors. A line's end follows if the template has none.
pub fn render(name: &str, text: &str, value: &Value) -> Result<String> {
    let rendered = || -> Result<String> {
        let is_table = text.starts_with(TABLE);
        let (tree, over_list) = parsed(text)?;
        // skopeo has templates go over a list of the one thing.
        let list = Value::List(vec![value.clone()]);
        let output = render::tree(&tree, if over_list { &list } else { value })?;
        Ok(if is_table {
            table::columns(&output)
        } else {
            output
        })
    };
    rendered().with_context(|| format!("template: {name}"))
}

/// The tree, and whether it goes over a list by itself. A shell gives `\n` and `\t` as two characters, and they are meant as one: if
/// that does not do, as in a text within a template, they stay two.
fn parsed(text: &str) -> Result<(parse::Tree, bool)> {
    let over_list = goes_over_list(text);
    let plain = text.strip_prefix(TABLE).unwrap_or(text);
    let tree = parse::template(&with_escapes(text)).or_else(|_| parse::template(plain))?;
    Ok((tree, over_list))
}

/// `{{range .}} … {{end}}` is somewhere in it.
fn goes_over_list(text: &str) -> bool {
    let mut actions = text
        .split("{{")
        .skip(1)
        .filter_map(|rest| rest.split_once("}}"));
    actions.any(|(action, _)| action.split_whitespace().eq(["range", "."]))
}

fn with_escapes(text: &str) -> String {
    let mut text = match text.strip_prefix(TABLE) {
        Some(text) => text
            .replace("\\t", "\t")
            .replace(' ', "\t")
            .replace("\\n", "\n"),
        None => text.replace("\\t", "\t").replace("\\n", "\n"),
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Value {
        let list =
            |items: &[&str]| Value::List(items.iter().map(|item| Value::text(item)).collect());
        let labels = [("a.b", "1"), ("c", "2")];
        let labels = labels.map(|(key, value)| (key.to_owned(), Value::text(value)));
        Value::Struct {
            fields: vec![
                ("Name", Value::text("x/y")),
                ("Layers", list(&["l1", "l2"])),
                ("Env", list(&[])),
                ("Labels", Value::Map(labels.into())),
                ("Created", Value::Time("2016-06-20T00:00:00Z".to_owned())),
            ],
            json: r#"{"Name":"x/y"}"#.to_owned(),
        }
    }

    fn rendered(text: &str) -> String {
        render("t", text, &sample()).unwrap().trim_end().to_owned()
    }

    #[test]
    fn as_go_renders_it() {
        for (template, expected) in [
            ("Name: {{.Name}}", "Name: x/y"),
            ("{{ .Layers }} {{len .Layers}}", "[l1 l2] 2"),
            ("{{range .Layers}}<{{.}}>{{end}}", "<l1><l2>"),
            (
                "{{range $i, $l := .Layers}}{{$i}}={{$l}} {{end}}",
                "0=l1 1=l2",
            ),
            ("{{range .Env}}x{{else}}none{{end}}", "none"),
            (
                "{{if .Env}}yes{{else if .Name}}name{{else}}no{{end}}",
                "name",
            ),
            ("{{.Labels}} {{.Labels.c}}", "map[a.b:1 c:2] 2"),
            (r#"{{index .Labels "a.b"}}{{index .Layers 1}}"#, "1l2"),
            (
                "{{json .}} {{json .Layers}} {{.Name | json}}",
                r#"{"Name":"x/y"} ["l1","l2"] "x/y""#,
            ),
            (r#"{{join .Layers ", "}} {{upper .Name}}"#, "l1, l2 X/Y"),
            (r#"{{printf "%s|%q|%d%%" .Name .Name 7}}"#, "x/y|\"x/y\"|7%"),
            ("{{.Created}}", "2016-06-20 00:00:00 +0000 UTC"),
            ("a {{- .Name -}} b", "ax/yb"),
            (
                r#"{{with .Name}}{{.}}{{end}}{{if eq .Name "x/y"}}!{{end}}"#,
                "x/y!",
            ),
            (r"{{.Name}}\t{{/* said */}}{{.Name}}", "x/y\tx/y"),
            ("{{range .}}{{.Name}}{{end}}", "x/y"),
            (
                r"table {{.Name}}\t{{.Name}} {{len .Layers}}",
                "x/y         x/y         2",
            ),
            (
                r#"{{pad .Name 1 2}}|{{truncate .Name 2}}|{{title "ab cd"}}"#,
                " x/y  |x/|Ab Cd",
            ),
            (
                r#"{{define "a"}}<{{.}}>{{end}}{{template "a" .Name}}{{.Labels.none}}"#,
                "<x/y><no value>",
            ),
            (
                r#"{{range .Layers}}{{if eq . "l2"}}{{break}}{{end}}{{.}}{{end}}"#,
                "l1",
            ),
        ] {
            assert_eq!(rendered(template), expected, "{template}");
        }
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for (template, told) in [
            ("{{.Nope}}", "can't evaluate field Nope"),
            ("{{nope .}}", "function \"nope\" not defined"),
            ("{{.Name", "unclosed action"),
            ("{{range .Layers}}", "unexpected EOF"),
            ("{{end}}", "unexpected {{end}}"),
            ("{{template \"x\"}}", "template \"x\" not defined"),
            ("{{break}}", "outside {{range}}"),
            ("{{$x}}", "undefined variable"),
            ("{{eq .Name 1}}", "incompatible types for comparison"),
            (
                "{{define \"x\"}}{{template \"x\"}}{{end}}{{template \"x\"}}",
                "maximum template depth",
            ),
            (
                "{{printf \"%1000000s\" .Nope}}",
                "can't evaluate field Nope",
            ),
        ] {
            let error = format!("{:#}", render("t", template, &sample()).unwrap_err());
            assert!(error.contains(told), "{template}: {error}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[{}.$ |a-zN\"0-9:=,()-]{0,60}") {
            let _ = render("t", &text, &sample());
        }
    }
}
