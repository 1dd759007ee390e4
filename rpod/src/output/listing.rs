//! What a command that lists things prints: podman's table, `--format json`, or a Go template over each row.

use std::io::{self, Write};

use anyhow::Result;
use serde_json::{Map, Value};

use super::template::{Methods, Template};
use super::{json, table};

/// A list of rows and how they are shown.
pub struct Listing<'a> {
    /// The command's name, for errors about the template.
    pub name: &'a str,
    /// Each row as `--format json` prints it.
    pub rows: Vec<Value>,
    /// Keys that templates may use and `--format json` leaves out.
    pub hidden: &'a [&'a str],
    /// What a row has beyond its JSON.
    pub methods: Methods,
    /// The heading of a column, where it is not the field's name in capitals.
    pub heading: fn(&str) -> Option<&'static str>,
    /// The table's template, without the word `table`: cells separated by tabs.
    pub table: &'a str,
}

/// How a listing was asked for.
#[derive(Debug, Clone, Default)]
pub struct Style {
    /// `--format`
    pub format: Option<String>,
    /// `--quiet`: the template that prints an id alone.
    pub quiet: Option<&'static str>,
    /// `--noheading`
    pub no_heading: bool,
}

impl Listing<'_> {
    /// Write the listing to standard output.
    pub fn print(&self, style: &Style) -> Result<()> {
        let text = self.render(style)?;
        io::stdout().lock().write_all(text.as_bytes())?;
        Ok(())
    }

    fn render(&self, style: &Style) -> Result<String> {
        if let Some(template) = style.quiet {
            return self.rows_by(template);
        }
        match style.format.as_deref() {
            Some("json") => Ok(json::pretty(&self.as_json(), 4) + "\n"),
            None | Some("" | "table") => self.table(self.table, style.no_heading),
            Some(format) => match format.strip_prefix("table ") {
                // As podman has it, a space in a table's format parts two cells.
                Some(cells) => self.table(&unescape(cells).replace(' ', "\t"), style.no_heading),
                None => self.rows_by(&unescape(format)),
            },
        }
    }

    fn as_json(&self) -> Value {
        let mut rows = self.rows.clone();
        for object in rows.iter_mut().filter_map(Value::as_object_mut) {
            object.retain(|key, _| !self.hidden.contains(&key.as_str()));
        }
        rows.into()
    }

    fn table(&self, cells: &str, no_heading: bool) -> Result<String> {
        let mut text = if no_heading {
            String::new()
        } else {
            self.headings(cells)?
        };
        text.push_str(&self.rows_by(cells)?);
        Ok(table::align(&text))
    }

    /// The template once for each row, or once over them all if it goes through them by itself.
    fn rows_by(&self, text: &str) -> Result<String> {
        let text = if text.ends_with('\n') {
            text.to_owned()
        } else {
            format!("{text}\n")
        };
        let trimmed = text.trim_start();
        let ranges = trimmed.starts_with("{{range") || trimmed.starts_with("{{ range");
        let text = if ranges { text } else { over_all(&text) };
        let template = Template::parse(self.name, &text)?;
        Ok(template.execute(&self.rows.clone().into(), self.methods)?)
    }

    /// The same template, in which every field is its own heading.
    fn headings(&self, cells: &str) -> Result<String> {
        let template = Template::parse(self.name, &format!("{cells}\n"))?;
        let mut names = Map::new();
        for name in field_names(cells) {
            let heading = (self.heading)(name).map_or_else(|| spaced_capitals(name), str::to_owned);
            names.insert(name.to_owned(), heading.into());
        }
        // A template too clever for a row of texts (a range over a field, say) goes without headings.
        Ok(template
            .execute(&names.into(), super::template::no_methods)
            .unwrap_or_default())
    }
}

/// A template of one row as podman runs it over all of them, so that errors name the same column.
pub fn over_all(row: &str) -> String {
    format!("{{{{range .}}}}{row}{{{{end -}}}}")
}

/// The shell does not turn `\t` and `\n` into what they mean; podman does.
pub fn unescape(format: &str) -> String {
    format.replace("\\t", "\t").replace("\\n", "\n")
}

/// Every `.Name` in a template.
fn field_names(template: &str) -> impl Iterator<Item = &str> {
    template.split('.').skip(1).filter_map(|rest| {
        let end = rest
            .find(|c: char| !c.is_alphanumeric())
            .unwrap_or(rest.len());
        Some(&rest[..end]).filter(|name| !name.is_empty())
    })
}

/// `CreatedAt` is headed `CREATED AT`, `ImageID` `IMAGE ID`.
fn spaced_capitals(name: &str) -> String {
    let mut output = String::new();
    let mut was_lower = false;
    for c in name.chars() {
        if c.is_uppercase() && was_lower {
            output.push(' ');
        }
        was_lower = c.is_lowercase();
        output.extend(c.to_uppercase());
    }
    output
}

/// A map of labels as templates are given it: `a=1,b=2`.
pub fn pairs(labels: &Value) -> String {
    let labels = labels.as_object().into_iter().flatten();
    let shown: Vec<String> = labels
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    shown.join(",")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn listing() -> Listing<'static> {
        fn methods(row: &Value, name: &str, _: &[Value]) -> Option<Value> {
            (name == "ID").then(|| row["Id"].as_str().map(|id| id[..2].into()))?
        }
        Listing {
            name: "things",
            rows: vec![
                json!({"Id": "abcdef", "Names": ["x"]}),
                json!({"Id": "123456", "Names": []}),
            ],
            hidden: &[],
            methods,
            heading: |name| (name == "ID").then_some("THING ID"),
            table: "{{.ID}}\t{{.Names}}",
        }
    }

    fn shown(format: &str) -> String {
        listing()
            .render(&Style {
                format: Some(format.to_owned()),
                ..Style::default()
            })
            .unwrap()
    }

    #[test]
    fn a_table_has_headings() {
        assert_eq!(
            shown("table"),
            "THING ID    NAMES\nab          [x]\n12          []\n"
        );
        assert_eq!(shown("table {{.ID}} {{.Names}}"), shown("table"));
        assert_eq!(shown("table {{.ID}}\\t{{.Names}}"), shown("table"));
    }

    #[test]
    fn a_template_has_none() {
        assert_eq!(shown("{{.ID}}\\t{{.Id}}"), "ab\tabcdef\n12\t123456\n");
        assert_eq!(shown("{{range .}}{{.ID}},{{end}}"), "ab,12,\n");
        assert_eq!(shown("{{json .Names}}"), "[\"x\"]\n[]\n");
    }

    #[test]
    fn headings_from_names() {
        assert_eq!(spaced_capitals("CreatedAt"), "CREATED AT");
        assert_eq!(spaced_capitals("ImageID"), "IMAGE ID");
        assert_eq!(spaced_capitals("ID"), "ID");
    }
}
