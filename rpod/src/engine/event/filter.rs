//! `--filter` of podman-events(1). Values of one key are alternatives; every key has to take the event.

use anyhow::{Result, bail};

use super::{Event, Kind};

/// One `key=value`.
#[derive(Clone, Debug)]
pub struct Filter {
    key: Key,
    value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    /// A thing of this kind by its name or the beginning of its id.
    Thing(Kind),
    Status,
    Kind,
    Label,
}

impl Filter {
    pub fn parse(text: &str) -> Result<Filter> {
        let Some((key, value)) = text.split_once('=') else {
            bail!("{text} is an invalid filter: write KEY=VALUE");
        };
        let mut value = value.to_owned();
        let key = match key.to_ascii_lowercase().as_str() {
            "artifact" => Key::Thing(Kind::Artifact),
            "container" => Key::Thing(Kind::Container),
            "image" => Key::Thing(Kind::Image),
            "pod" => Key::Thing(Kind::Pod),
            "volume" => Key::Thing(Kind::Volume),
            "event" | "status" => {
                // Docker's word.
                if value == "die" {
                    value = "died".to_owned();
                }
                Key::Status
            }
            "type" => Key::Kind,
            "label" => Key::Label,
            _ => bail!(
                "{key} is an invalid filter: one of artifact, container, event, image, label, pod, type, volume"
            ),
        };
        Ok(Filter { key, value })
    }

    pub(super) fn all_take(filters: &[Filter], event: &Event) -> bool {
        filters.iter().all(|filter| {
            let mut alternatives = filters.iter().filter(|other| other.key == filter.key);
            alternatives.any(|filter| filter.takes(event))
        })
    }

    fn takes(&self, event: &Event) -> bool {
        match self.key {
            Key::Thing(Kind::Volume) => {
                event.kind == Kind::Volume && event.name.starts_with(&self.value)
            }
            Key::Thing(kind) => {
                event.kind == kind
                    && (event.name == self.value || event.id.starts_with(&self.value))
            }
            Key::Status => event.status == self.value,
            Key::Kind => event.kind.as_str() == self.value,
            Key::Label => {
                let (key, value) = match self.value.split_once('=') {
                    Some((key, value)) => (key, Some(value)),
                    None => (self.value.as_str(), None),
                };
                let found = event.attributes.as_ref().and_then(|map| map.get(key));
                found.is_some_and(|found| value.is_none_or(|value| value == found))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn takes(filters: &[&str]) -> bool {
        let mut event = Event::now(Kind::Container, "died");
        event.id = "abc".to_owned();
        event.name = "c1".to_owned();
        event.attributes = Some([("a".to_owned(), "b".to_owned())].into());
        let filters: Vec<Filter> = filters.iter().map(|f| Filter::parse(f).unwrap()).collect();
        Filter::all_take(&filters, &event)
    }

    #[test]
    fn one_key_is_any_and_several_keys_are_all() {
        assert!(takes(&[]) && takes(&["event=start", "event=die"]) && takes(&["container=ab"]));
        assert!(takes(&["label=a"]) && takes(&["label=a=b", "type=container"]));
        assert!(!takes(&["label=a=c"]) && !takes(&["event=died", "type=pod"]));
        assert!(!takes(&["container=c"]) && !takes(&["pod=c1"]));
        assert!(Filter::parse("colour=red").is_err() && Filter::parse("event").is_err());
    }
}
