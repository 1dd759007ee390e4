//! `rpod events`: podman-events(1).

use std::io::Write as _;

use anyhow::{Context as _, Result};
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Globals, Verb};
use crate::engine::Context;
use crate::engine::event::{self, Asked, Event, Filter};
use crate::output::template::{Template, no_methods};
use crate::output::{parse_go_duration, parse_point, unescape};

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
        let asked = Asked {
            filters: filters.collect::<Result<_>>()?,
            since: point("since", self.since.as_deref(), -1)?,
            until: point("until", self.until.as_deref(), 1)?,
            stream: self.stream,
        };
        let template = match self.format.as_deref() {
            None | Some("json") => None,
            Some(text) => Some(Template::parse("events", &(unescape(text) + "\n"))?),
        };
        let is_json = self.format.as_deref() == Some("json");
        event::read(&ctx, &asked, |event| {
            let line = match &template {
                Some(template) => template.execute(&fields(event), no_methods)?,
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

/// A point in time; a duration is counted from now, back for `--since` and on for `--until`.
fn point(option: &str, text: Option<&str>, direction: i32) -> Result<Option<Timestamp>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let relative = parse_go_duration(text).and_then(|duration| duration.checked_mul(direction));
    let found = match relative {
        Some(duration) => Timestamp::now().checked_add(duration).ok(),
        None => fraction(text).or_else(|| parse_point(text)),
    };
    found.map(Some).with_context(|| {
        format!("unable to convert {option} time of {text}: neither a time nor a duration")
    })
}

/// `1700000000.123`
fn fraction(text: &str) -> Option<Timestamp> {
    let (seconds, decimals) = text.split_once('.')?;
    let seconds: i64 = seconds.parse().ok()?;
    if decimals.len() > 9 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanoseconds: i64 = format!("{decimals:0<9}").parse().ok()?;
    Timestamp::from_second(seconds)
        .ok()?
        .checked_add(SignedDuration::from_nanos(nanoseconds))
        .ok()
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

/// As a template sees it.
fn fields(event: &Event) -> Value {
    json!({
        "ContainerExitCode": event.exit_code,
        "OOMKilled": event.oom_killed,
        "ID": event.id,
        "Image": event.image,
        "Name": event.name,
        "Network": event.network,
        "Status": event.status,
        "Time": event.time.as_second(),
        "TimeNano": nanoseconds(event.time),
        "Type": event.kind.as_str(),
        "HealthStatus": event.health_status,
        "Error": event.error,
        "ContainerInspectData": event.inspect_data,
        "PodID": event.pod_id,
        "Attributes": event.attributes.clone().unwrap_or_default(),
    })
}

fn nanoseconds(time: Timestamp) -> i64 {
    i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn points_in_time() {
        let now = Timestamp::now();
        let back = point("since", Some("10m"), -1).unwrap().unwrap();
        let on = point("until", Some("10m"), 1).unwrap().unwrap();
        assert!(
            now.duration_since(back).as_secs() >= 599 && on.duration_since(now).as_secs() >= 599
        );
        let unix = point("since", Some("1700000000.5"), -1).unwrap().unwrap();
        assert_eq!(nanoseconds(unix), 1_700_000_000_500_000_000);
        assert!(point("since", Some("soon"), -1).is_err());
    }
}
