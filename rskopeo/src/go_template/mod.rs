//! `--format`: the part of Go's text/template that people write for `inspect`.
//!
//! Fields and chains of them, `range`, `if`, `with`, `else`, `end`, pipes, and the functions `json`, `len`, `index`, `join`,
//! `split`, `upper`, `lower`, `title`, `printf`, `println`, `eq`, `ne`, `not`. Whatever else is refused by its name.

mod functions;
mod parse;
mod render;
mod value;

pub use value::Value;

use anyhow::{Context, Result};

/// Renders `value` by the template in `text`, which is called `name` in errors. A line's end follows if the template has none.
pub fn render(name: &str, text: &str, value: &Value) -> Result<String> {
    let text = with_escapes(text);
    let nodes = parse::template(&text).with_context(|| format!("template: {name}"))?;
    let mut output = String::new();
    render::nodes(&nodes, value, value, &mut output)
        .with_context(|| format!("template: {name}"))?;
    if !output.ends_with('\n') {
        output.push('\n');
    }
    Ok(output)
}

/// A shell gives `\n` and `\t` as two characters, and they are meant as one.
fn with_escapes(text: &str) -> String {
    text.replace("\\n", "\n").replace("\\t", "\t")
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
            ("{{template \"x\"}}", "template"),
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
