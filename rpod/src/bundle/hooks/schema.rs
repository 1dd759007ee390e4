//! The two forms of a hook's description: oci-hooks(5), "1.0.0 Hook Schema" and "0.1.0 Hook Schema".

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Subject;

#[derive(Debug)]
pub(super) struct Description {
    pub(super) hook: Hook,
    when: When,
    pub(super) stages: Vec<Stage>,
}

/// What is started: `hooks` of the runtime specification.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Hook {
    pub(super) path: PathBuf,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) args: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) env: Vec<String>,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timeout: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Stage {
    Precreate,
    Prestart,
    CreateRuntime,
    CreateContainer,
    StartContainer,
    Poststart,
    Poststop,
}

impl Stage {
    /// What the runtime calls it; nothing for what is not its own.
    pub(super) fn of_runtime(&self) -> Option<&'static str> {
        Some(match self {
            Stage::Precreate => return None,
            Stage::Prestart => "prestart",
            Stage::CreateRuntime => "createRuntime",
            Stage::CreateContainer => "createContainer",
            Stage::StartContainer => "startContainer",
            Stage::Poststart => "poststart",
            Stage::Poststop => "poststop",
        })
    }
}

/// Which containers have the hook.
#[derive(Debug, Default)]
struct When {
    /// All that is asked for has to hold, not one of it.
    all: bool,
    always: Option<bool>,
    /// A key and a value that one annotation has to match.
    annotations: Vec<(Regex, Regex)>,
    commands: Vec<Regex>,
    has_bind_mounts: Option<bool>,
}

#[derive(Deserialize)]
struct Version {
    version: Option<String>,
}

#[derive(Deserialize)]
struct Current {
    hook: Hook,
    when: CurrentWhen,
    stages: Vec<Stage>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct CurrentWhen {
    always: Option<bool>,
    annotations: BTreeMap<String, String>,
    commands: Vec<String>,
    has_bind_mounts: Option<bool>,
}

/// The form of before there were versions. Each list has a second name, in the singular.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Old {
    hook: PathBuf,
    arguments: Vec<String>,
    #[serde(alias = "stage")]
    stages: Vec<Stage>,
    #[serde(alias = "cmd")]
    cmds: Vec<String>,
    #[serde(alias = "annotation")]
    annotations: Vec<String>,
    hasbindmounts: Option<bool>,
}

impl Description {
    pub(super) fn read(path: &Path) -> Result<Description> {
        Description::parse(&fs::read(path)?)
    }

    fn parse(bytes: &[u8]) -> Result<Description> {
        let description = match serde_json::from_slice::<Version>(bytes)?.version.as_deref() {
            Some("1.0.0") => Description::current(serde_json::from_slice(bytes)?)?,
            None | Some("0.1.0") => Description::old(serde_json::from_slice(bytes)?)?,
            Some(other) => bail!("unrecognized hook version {other:?}: 1.0.0 is known"),
        };
        if !description.hook.path.is_absolute() {
            bail!(
                "hook path {} is not absolute",
                description.hook.path.display()
            );
        }
        if description.stages.is_empty() {
            bail!("stages is empty: no hook would ever run");
        }
        Ok(description)
    }

    fn current(description: Current) -> Result<Description> {
        let when = description.when;
        let annotations = when.annotations.iter();
        let annotations = annotations.map(|(key, value)| Ok((pattern(key)?, pattern(value)?)));
        Ok(Description {
            hook: description.hook,
            when: When {
                all: true,
                always: when.always,
                annotations: annotations.collect::<Result<_>>()?,
                commands: patterns(&when.commands)?,
                has_bind_mounts: when.has_bind_mounts,
            },
            stages: description.stages,
        })
    }

    fn old(description: Old) -> Result<Description> {
        let mut args = vec![description.hook.display().to_string()];
        args.extend(description.arguments);
        let values = description.annotations.iter();
        let annotations = values.map(|value| Ok((pattern(".*")?, pattern(value)?)));
        Ok(Description {
            hook: Hook {
                path: description.hook,
                args,
                env: Vec::new(),
                timeout: None,
            },
            when: When {
                all: false,
                always: None,
                annotations: annotations.collect::<Result<_>>()?,
                commands: patterns(&description.cmds)?,
                has_bind_mounts: description.hasbindmounts,
            },
            stages: description.stages,
        })
    }

    pub(super) fn matches(&self, subject: &Subject) -> bool {
        self.when.matches(subject)
    }
}

impl When {
    fn matches(&self, subject: &Subject) -> bool {
        let has_annotation = |(key, value): &(Regex, Regex)| {
            let annotations = subject.annotations.as_object();
            annotations.into_iter().flatten().any(|(name, text)| {
                key.is_match(name) && value.is_match(text.as_str().unwrap_or_default())
            })
        };
        let mut answers = Vec::new();
        answers.extend(self.always);
        let bind_mounts = self.has_bind_mounts;
        answers.extend(bind_mounts.map(|asked| asked && subject.has_bind_mounts));
        answers.extend(self.annotations.iter().map(has_annotation));
        if !self.commands.is_empty() {
            let mut commands = self.commands.iter();
            answers.push(commands.any(|command| command.is_match(subject.command)));
        }
        if self.all {
            !answers.is_empty() && answers.iter().all(|holds| *holds)
        } else {
            answers.contains(&true)
        }
    }
}

impl Hook {
    pub(super) fn as_json(&self) -> Value {
        serde_json::to_value(self).expect("a hook is strings and a number")
    }
}

fn patterns(texts: &[String]) -> Result<Vec<Regex>> {
    texts.iter().map(|text| pattern(text)).collect()
}

fn pattern(text: &str) -> Result<Regex> {
    Regex::new(text).with_context(|| format!("invalid pattern {text:?}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn parse(description: &Value) -> Result<Description> {
        Description::parse(description.to_string().as_bytes())
    }

    fn matches(when: Value, command: &str, has_bind_mounts: bool) -> bool {
        let description = json!({"version": "1.0.0", "hook": {"path": "/h"}, "when": when, "stages": ["prestart"]});
        let annotations = json!({"io.x": "yes"});
        parse(&description).unwrap().matches(&Subject {
            annotations: &annotations,
            command,
            has_bind_mounts,
        })
    }

    #[test]
    fn every_condition_has_to_hold() {
        assert!(matches(json!({"always": true}), "/bin/sh", false));
        assert!(!matches(json!({"always": false}), "/bin/sh", false));
        assert!(!matches(json!({}), "/bin/sh", false));
        let both = json!({"commands": ["/sh$", "x"], "annotations": {"^io\\.x$": "y"}});
        assert!(matches(both.clone(), "/bin/sh", false));
        assert!(!matches(both, "/bin/ls", false));
        assert!(matches(json!({"hasBindMounts": true}), "", true));
        assert!(!matches(json!({"hasBindMounts": true}), "", false));
        assert!(!matches(json!({"annotations": {"none": ".*"}}), "", false));
    }

    #[test]
    fn of_the_old_form_one_is_enough() {
        let old = json!({"hook": "/h", "arguments": ["a"], "cmd": ["sh$"], "hasbindmounts": true, "stage": ["poststop"]});
        let old = parse(&old).unwrap();
        let subject = |command| Subject {
            annotations: &Value::Null,
            command,
            has_bind_mounts: false,
        };
        assert!(old.matches(&subject("/bin/sh")));
        assert!(!old.matches(&subject("/bin/ls")));
        assert_eq!(
            old.hook.as_json(),
            json!({"path": "/h", "args": ["/h", "a"]})
        );
        assert_eq!(old.stages, [Stage::Poststop]);
    }

    #[test]
    fn what_cannot_work_is_refused() {
        for (description, reason) in [
            (
                json!({"version": "2", "hook": {"path": "/h"}}),
                "unrecognized hook version",
            ),
            (
                json!({"version": "1.0.0", "hook": {"path": "h"}, "when": {}, "stages": ["prestart"]}),
                "not absolute",
            ),
            (
                json!({"version": "1.0.0", "hook": {"path": "/h"}, "when": {}, "stages": []}),
                "stages is empty",
            ),
            (
                json!({"version": "1.0.0", "hook": {"path": "/h"}, "when": {"commands": ["("]}, "stages": ["prestart"]}),
                "invalid pattern",
            ),
            (
                json!({"version": "1.0.0", "hook": {"path": "/h"}, "when": {}, "stages": ["later"]}),
                "unknown variant",
            ),
        ] {
            let error = format!("{:#}", parse(&description).unwrap_err());
            assert!(error.contains(reason), "{error}");
        }
    }
}
