//! `rpod events`: podman-events(1).

use std::io::Write as _;

use anyhow::{Context as _, Result};
use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::period::bound;
use super::{Globals, Verb};
use crate::engine::Context;
use crate::engine::event::{self, Asked, Event, Filter};
use crate::output::template::{FIELDS, Template};
use crate::output::unescape;

#[derive(Args, Debug)]
pub struct Events {
    /// Filter output (KEY=VALUE; keys: artifact, container, event, image, label, pod, type, volume)
    #[arg(short, long, value_name = "FILTER")]
    filter: Vec<String>,
    /// Format the output as JSON lines or by a Go template
    #[arg(long)]
    format: Option<String>,
    /// Do not truncate the output
    #[arg(long, value_name = "BOOL", default_value = "true", num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    no_trunc: bool,
    /// Show all events created since this time
    #[arg(long, value_name = "TIMESTAMP")]
    since: Option<String>,
    /// Stream events and do not exit when returning the last known event
    #[arg(long, value_name = "BOOL", default_value = "true", num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    stream: bool,
    /// Show all events until this time
    #[arg(long, value_name = "TIMESTAMP")]
    until: Option<String>,
}

impl Verb for Events {
    const NAME: &'static str = "events";
    const ABOUT: &'static str = "Show rpod system events";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let filters = self.filter.iter().map(|text| Filter::parse(text));
        let of_filters = "failed to parse event filters";
        let asked = Asked {
            filters: filters.collect::<Result<_>>().context(of_filters)?,
            since: bound(self.since.as_deref(), -1, |text| {
                format!("{of_filters}: unable to convert since time of {text}")
            })?,
            until: bound(self.until.as_deref(), 1, |text| {
                format!("{of_filters}: unable to convert until time of {text}")
            })?,
            stream: self.stream,
        };
        let template = match self.format.as_deref() {
            None | Some("json") => None,
            Some(text) => Some(Template::parse("events", &(unescape(text) + "\n"))?),
        };
        let is_json = self.format.as_deref() == Some("json");
        event::read(&ctx, &asked, |event| {
            let line = match &template {
                Some(template) => template.execute(&report(event), by_field)?,
                None if is_json => format!("{}\n", report(event)),
                None => event.line(!self.no_trunc) + "\n",
            };
            let mut out = std::io::stdout().lock();
            out.write_all(line.as_bytes())?;
            Ok(out.flush()?)
        })?;
        Ok(0)
    }
}

/// As `--format json` prints it.
fn report(event: &Event) -> Value {
    let mut report = json!({
        "ContainerExitCode": event.exit_code,
        "OOMKilled": event.oom_killed,
        "ID": event.id,
        "Image": event.image,
        "Name": event.name,
        "network": event.network,
        "Status": event.status,
        "time": event.time.as_second(),
        "timeNano": nanoseconds(event.time),
        "Type": event.kind.as_str(),
        "health_status": event.health_status,
        "Error": event.error,
        "ContainerInspectData": event.inspect_data,
        "PodID": event.pod_id,
    });
    if let Some(map) = report.as_object_mut() {
        map.retain(|_, value| !value.is_null() && *value != json!(""));
        map.insert("Attributes".to_owned(), json!(event.attributes));
    }
    report
}

/// Go's fields.
const ALL: [&str; 15] = [
    "ContainerExitCode",
    "OOMKilled",
    "ID",
    "Image",
    "Name",
    "Network",
    "Status",
    "Time",
    "TimeNano",
    "Type",
    "HealthStatus",
    "Error",
    "ContainerInspectData",
    "PodID",
    "Attributes",
];

/// As a template sees it: by Go's fields, of which JSON leaves out those that say nothing.
fn by_field(event: &Value, name: &str, _: &[Value]) -> Option<Value> {
    // What is inside an event has other fields.
    event.get("timeNano")?;
    let key = match name {
        FIELDS => return Some(ALL.join(", ").into()),
        "Network" => "network",
        "Time" => "time",
        "TimeNano" => "timeNano",
        "HealthStatus" => "health_status",
        other if ALL.contains(&other) => other,
        _ => return None,
    };
    let nothing = match name {
        "ContainerExitCode" | "OOMKilled" => Value::Null,
        "Attributes" => json!({}),
        _ => json!(""),
    };
    let value = event.get(key).filter(|value| !value.is_null());
    Some(value.cloned().unwrap_or(nothing))
}

fn nanoseconds(time: Timestamp) -> i64 {
    i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX)
}
