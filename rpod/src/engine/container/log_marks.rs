//! What entries of the journal are marked with: podman-run(1), "--log-opt", `tag` and `label`.

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::Value;

use super::inspect::inspect;
use super::record::Container;
use crate::engine::Context;
use crate::output::template::{Template, no_methods};

#[derive(Debug, Default)]
pub(super) struct Marks {
    pub(super) tag: Option<String>,
    /// `KEY=VALUE`
    pub(super) labels: Vec<String>,
}

/// The templates filled in by what `inspect` tells of the container.
pub(super) fn of(ctx: &Context, container: &Container) -> Result<Marks> {
    let tag = container.log_tag.as_deref().filter(|tag| !tag.is_empty());
    if container.log_driver != "journald" || (tag.is_none() && container.log_labels.is_empty()) {
        return Ok(Marks::default());
    }
    let about = inspect(ctx, container)?;
    let mut marks = Marks::default();
    if let Some(tag) = tag {
        marks.tag =
            Some(fill(tag, &about).with_context(|| format!("template parsing error {tag}"))?);
    }
    for (key, text) in &container.log_labels {
        let value = fill(text, &about)
            .with_context(|| format!("template parsing error {text} (label {key})"))?;
        marks.labels.push(format!("{key}={value}"));
    }
    Ok(marks)
}

fn fill(template: &str, about: &Value) -> Result<String> {
    let template = Template::parse("container", template)?;
    Ok(template.execute(about, no_methods)?)
}

/// `KEY=TEMPLATE`, its key one that the journal takes.
pub fn parse_label(option: &str, text: &str) -> Result<(String, String)> {
    let (key, value) = text
        .split_once('=')
        .ok_or_else(|| anyhow!("invalid log label {option:?}"))?;
    let is_of_field = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let begins_well = key.starts_with(|c: char| c.is_ascii_uppercase());
    if !begins_well || !key.chars().all(is_of_field) {
        bail!(
            "log label {key:?} contains invalid characters, only uppercase letters, digits, and underscores are allowed, a letter first"
        );
    }
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn labels() {
        let read = |text| parse_label("label", text);
        let (key, value) = read("IMAGE={{.ImageName}}").unwrap();
        let about = json!({ "ImageName": "alpine" });
        assert_eq!(
            (key.as_str(), fill(&value, &about).unwrap().as_str()),
            ("IMAGE", "alpine")
        );
        for bad in ["IMAGE", "image=x", "_X=y", "=x", "A-B=c"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
