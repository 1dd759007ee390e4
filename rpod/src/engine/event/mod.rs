//! What happened: podman-events(1). Every command that changes something writes an event when it has done so.
//!
//! [`write`] hands it to the driver that `events_logger` names: a file of JSON lines ([`file`]) or the journal ([`journal`]).
//! [`read`] gives back what was written, and goes on with what is written meanwhile. Names and forms are podman's.

mod config;
mod file;
mod filter;
mod follow;
mod journal;
mod read;
mod write;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use config::Driver;
pub use filter::Filter;
pub use read::{Asked, read};
pub use write::{
    artifact, container, container_end, exec_died, health, image, image_error, image_removed,
    list_pushed, list_removed, list_tagged, network, network_of, pod, secret, system, volume,
};

/// What kind of thing an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Artifact,
    Container,
    Image,
    Machine,
    Network,
    Pod,
    Secret,
    System,
    Volume,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Artifact => "artifact",
            Kind::Container => "container",
            Kind::Image => "image",
            Kind::Machine => "machine",
            Kind::Network => "network",
            Kind::Pod => "pod",
            Kind::Secret => "secret",
            Kind::System => "system",
            Kind::Volume => "volume",
        }
    }
}

/// One event as podman's log file has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    #[serde(
        rename = "ContainerExitCode",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub exit_code: Option<i32>,
    #[serde(rename = "OOMKilled", default, skip_serializing_if = "Option::is_none")]
    pub oom_killed: Option<bool>,
    #[serde(rename = "ID", default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    #[serde(rename = "Image", default, skip_serializing_if = "String::is_empty")]
    pub image: String,
    #[serde(rename = "Name", default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub network: String,
    #[serde(rename = "Status")]
    pub status: String,
    /// RFC 3339 in the local zone.
    #[serde(rename = "Time", with = "go_rfc3339")]
    pub time: Timestamp,
    #[serde(rename = "Type")]
    pub kind: Kind,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub health_status: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub health_log: String,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub health_failing_streak: u32,
    #[serde(default, alias = "Error", skip_serializing_if = "String::is_empty")]
    pub error: String,
    #[serde(
        rename = "ContainerInspectData",
        default,
        skip_serializing_if = "String::is_empty"
    )]
    pub inspect_data: String,
    #[serde(rename = "PodID", default, skip_serializing_if = "String::is_empty")]
    pub pod_id: String,
    #[serde(rename = "Attributes", default)]
    pub attributes: Option<BTreeMap<String, String>>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Event {
    /// Something that happens now.
    fn now(kind: Kind, status: &str) -> Event {
        Event {
            exit_code: None,
            oom_killed: None,
            id: String::new(),
            image: String::new(),
            name: String::new(),
            network: String::new(),
            status: status.to_owned(),
            time: Timestamp::now(),
            kind,
            health_status: String::new(),
            health_log: String::new(),
            health_failing_streak: 0,
            error: String::new(),
            inspect_data: String::new(),
            pod_id: String::new(),
            attributes: None,
        }
    }

    /// One line for people.
    pub fn line(&self, truncate: bool) -> String {
        let id = if truncate {
            crate::store::id::short(&self.id)
        } else {
            &self.id
        };
        let (kind, status) = (self.kind.as_str(), &self.status);
        let mut line = format!("{} {kind} {status}", crate::output::go_time(self.time));
        match self.kind {
            Kind::Container | Kind::Pod => {
                line += &format!(" {id} (image={}, name={}", self.image, self.name);
                if !self.pod_id.is_empty() {
                    line += &format!(", pod_id={}", self.pod_id);
                }
                if status == "health_status" {
                    line += &format!(
                        ", health_status={}, health_failing_streak={}, health_log={}",
                        self.health_status, self.health_failing_streak, self.health_log
                    );
                }
                for (key, value) in self.attributes.iter().flatten() {
                    line += &format!(", {key}={value}");
                }
                line.push(')');
            }
            Kind::Network if matches!(status.as_str(), "create" | "remove") => {
                let driver = self.attributes.as_ref().and_then(|map| map.get("driver"));
                line += &format!(
                    " {} (name={}, type={})",
                    self.id,
                    self.network,
                    driver.map_or("", String::as_str)
                );
            }
            Kind::Network => {
                line += &format!(" {id} (container={id}, name={})", self.network);
            }
            Kind::Image | Kind::Artifact => {
                line += &format!(" {id} {}", self.name);
                if !self.error.is_empty() {
                    line += &format!(" {}", self.error);
                }
            }
            Kind::System if self.name.is_empty() => {}
            Kind::System | Kind::Volume | Kind::Machine => line += &format!(" {}", self.name),
            Kind::Secret => line += &format!(" {id}"),
        }
        line
    }
}

/// Go's RFC3339Nano: the local zone's offset, `Z` for none, no zeros at the end of the fraction.
mod go_rfc3339 {
    use super::Timestamp;
    use crate::output::local_zone;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&text(*time))
    }

    pub(super) fn text(time: Timestamp) -> String {
        let offset = local_zone().to_offset(time);
        let text = time.display_with_offset(offset).to_string();
        match text.strip_suffix("+00:00") {
            Some(utc) => format!("{utc}Z"),
            None => text,
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        String::deserialize(from)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn podmans_own_lines_are_read_and_written_alike() {
        for line in [
            r#"{"Status":"refresh","Time":"2026-11-24T17:10:10.226297946Z","Type":"system","Attributes":null}"#,
            r#"{"ContainerExitCode":137,"ID":"c9","Image":"localhost/alpine:latest","Name":"c2","Status":"died","Time":"2026-11-24T17:10:10.2Z","Type":"container","Attributes":{"a":"b"}}"#,
            r#"{"ID":"47","Name":"pc","Status":"create","Time":"2026-11-24T17:10:10Z","Type":"container","PodID":"bf","Attributes":{}}"#,
        ] {
            let event: Event = serde_json::from_str(line).unwrap();
            assert_eq!(serde_json::to_string(&event).unwrap(), line);
        }
    }

    #[test]
    fn lines_for_people() {
        let mut event = Event::now(Kind::Container, "create");
        event.id = "a".repeat(64);
        event.image = "i".to_owned();
        event.name = "n".to_owned();
        event.attributes = Some([("k".to_owned(), "v".to_owned())].into());
        let line = event.line(true);
        assert!(
            line.ends_with(" container create aaaaaaaaaaaa (image=i, name=n, k=v)"),
            "{line}"
        );
        event.kind = Kind::Volume;
        assert!(event.line(true).ends_with(" volume create n"));
    }
}
