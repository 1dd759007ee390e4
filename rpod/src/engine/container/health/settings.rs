//! What is asked of a container's health, in the words of podman-run(1) and of the image configuration.

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::output::parse_go_duration;

/// The history lies with the container.
pub const LOCAL: &str = "local";
/// It does, and each check is an event too.
pub const EVENTS: &str = "events_logger";

const SECOND: u64 = 1_000_000_000;
pub const INTERVAL: u64 = 30 * SECOND;
pub const TIMEOUT: u64 = 30 * SECOND;
pub const RETRIES: u32 = 3;
pub const LOG_COUNT: u32 = 5;
pub const LOG_SIZE: u32 = 500;

/// Durations are nanoseconds, as in an image configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// `CMD ARG…`, `CMD-SHELL TEXT` or `NONE`; empty for no check.
    pub test: Vec<String>,
    /// 0: only when somebody asks.
    pub interval: u64,
    pub timeout: u64,
    pub start_period: u64,
    /// So many failures in a row make it unhealthy.
    pub retries: u32,
    pub startup: Option<StartupCheck>,
    pub on_failure: OnFailure,
    /// `local`, `events_logger` or a directory.
    pub log_destination: String,
    /// Checks that are kept, characters of each; 0 for all.
    pub log_count: u32,
    pub log_size: u32,
}

/// A check that has to succeed before the regular one begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StartupCheck {
    pub test: Vec<String>,
    pub interval: u64,
    pub timeout: u64,
    /// So many failures restart the container; 0 for never.
    pub retries: u32,
    /// So many successes are needed; 0 is as good as 1.
    pub successes: u32,
}

/// What is done with a container that has become unhealthy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    #[default]
    None,
    Kill,
    Restart,
    Stop,
}

impl OnFailure {
    pub fn parse(text: &str) -> Result<OnFailure> {
        Ok(match text {
            "" | "none" => OnFailure::None,
            "kill" => OnFailure::Kill,
            "restart" => OnFailure::Restart,
            "stop" => OnFailure::Stop,
            _ => bail!(
                "invalid on-failure action {text:?} for health check: supported actions are none,kill,restart,stop"
            ),
        })
    }

    pub fn word(self) -> &'static str {
        match self {
            OnFailure::None => "none",
            OnFailure::Kill => "kill",
            OnFailure::Restart => "restart",
            OnFailure::Stop => "stop",
        }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            test: Vec::new(),
            interval: INTERVAL,
            timeout: TIMEOUT,
            start_period: 0,
            retries: RETRIES,
            startup: None,
            on_failure: OnFailure::None,
            log_destination: LOCAL.to_owned(),
            log_count: LOG_COUNT,
            log_size: LOG_SIZE,
        }
    }
}

impl Settings {
    /// There is something to check.
    pub fn is_set(&self) -> bool {
        !matches!(
            self.test.first().map(String::as_str),
            None | Some("" | "NONE")
        )
    }

    /// Takes over an image's `Healthcheck`; what it does not say stays as it is.
    pub fn of_image(&mut self, image: &Map<String, Value>) {
        let number = |key: &str| image.get(key).and_then(Value::as_u64).filter(|n| *n > 0);
        let test = image.get("Test").and_then(Value::as_array);
        let words = test.into_iter().flatten().filter_map(Value::as_str);
        self.test = words.map(str::to_owned).collect();
        self.interval = number("Interval").unwrap_or(self.interval);
        self.timeout = number("Timeout").unwrap_or(self.timeout);
        self.start_period = number("StartPeriod").unwrap_or(self.start_period);
        let retries = number("Retries").and_then(|n| u32::try_from(n).ok());
        self.retries = retries.unwrap_or(self.retries);
    }

    /// As `inspect` shows it: what is 0 is left out.
    pub fn inspect(&self) -> Value {
        told(
            &self.test,
            [
                ("StartPeriod", json!(self.start_period)),
                ("Interval", json!(self.interval)),
                ("Timeout", json!(self.timeout)),
                ("Retries", json!(self.retries)),
            ],
        )
    }
}

impl StartupCheck {
    /// As `inspect` shows it: what is 0 is left out.
    pub fn inspect(&self) -> Value {
        told(
            &self.test,
            [
                ("Interval", json!(self.interval)),
                ("Timeout", json!(self.timeout)),
                ("Retries", json!(self.retries)),
                ("Successes", json!(self.successes)),
            ],
        )
    }
}

fn told<const N: usize>(test: &[String], numbers: [(&str, Value); N]) -> Value {
    let mut all = json!({ "Test": test });
    for (key, number) in numbers {
        if number != 0 {
            all[key] = number;
        }
    }
    all
}

/// A command as it was typed: a JSON list is run as it is, one word or a line by a shell.
pub fn test(text: &str) -> Result<Vec<String>> {
    let list = serde_json::from_str::<Vec<String>>(text).ok();
    let is_list = list.is_some();
    let words = list.unwrap_or_else(|| text.splitn(2, ' ').map(str::to_owned).collect());
    let Some(first) = words.first() else {
        bail!("must define a healthcheck command for all healthchecks");
    };
    Ok(match first.to_uppercase().as_str() {
        "NONE" => vec!["NONE".to_owned()],
        "CMD" if is_list => words,
        "CMD" => text.split_whitespace().map(str::to_owned).collect(),
        "CMD-SHELL" => words,
        _ if is_list && words.len() > 1 => [vec!["CMD".to_owned()], words].concat(),
        _ => vec!["CMD-SHELL".to_owned(), words.join(" ")],
    })
}

/// `30s`, or `disable`.
pub fn interval(text: &str) -> Result<u64> {
    match text {
        "disable" => Ok(0),
        text => duration(text, "interval"),
    }
}

pub fn timeout(text: &str) -> Result<u64> {
    match duration(text, "timeout")? {
        0 => bail!("healthcheck-timeout must be at least 1 second"),
        timeout => Ok(timeout),
    }
}

/// Nanoseconds.
pub fn duration(text: &str, what: &str) -> Result<u64> {
    let duration = parse_go_duration(text)
        .with_context(|| format!("invalid healthcheck-{what}: time: invalid duration {text:?}"))?;
    u64::try_from(duration.as_nanos())
        .with_context(|| format!("healthcheck-{what} must be 0 seconds or greater"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn commands_are_podmans() {
        for (text, expected) in [
            (
                "curl http://localhost",
                &["CMD-SHELL", "curl http://localhost"][..],
            ),
            ("true", &["CMD-SHELL", "true"]),
            (r#"["ls", "/x y"]"#, &["CMD", "ls", "/x y"]),
            (r#"["one line"]"#, &["CMD-SHELL", "one line"]),
            ("CMD ls -l", &["CMD", "ls", "-l"]),
            ("CMD-SHELL exit 1", &["CMD-SHELL", "exit 1"]),
            ("none", &["NONE"]),
        ] {
            assert_eq!(test(text).unwrap(), expected, "{text}");
        }
        assert!(test("[]").is_err());
    }

    #[test]
    fn an_image_says_what_it_knows() {
        let image = json!({"Test": ["CMD", "true"], "Interval": 5 * SECOND, "Timeout": 0});
        let mut settings = Settings::default();
        assert!(!settings.is_set());
        settings.of_image(image.as_object().unwrap());
        assert!(settings.is_set());
        assert_eq!((settings.interval, settings.timeout), (5 * SECOND, TIMEOUT));
    }
}
