//! `--change` of commit and import: one instruction of a Containerfile, applied to an image's configuration.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::{Value, json};

use crate::output::parse_number;

/// Changes `config` (the `config` object of an image configuration) as `INSTRUCTION VALUE` or `INSTRUCTION=VALUE` says. What is wrong
/// is told in podman's words.
pub fn apply(config: &mut Value, change: &str) -> Result<()> {
    instruct(config, change.trim())
        .map_err(|error| anyhow!("invalid change {change:?} - {error:#}"))
}

/// Fails for the first that cannot be applied.
pub fn check(changes: &[String]) -> Result<()> {
    let mut nothing = json!({});
    changes
        .iter()
        .try_for_each(|change| apply(&mut nothing, change))
}

fn instruct(config: &mut Value, text: &str) -> Result<()> {
    let at = text
        .find([' ', '\t', '='])
        .context("must be formatted as KEY VALUE")?;
    let (instruction, value) = (text[..at].to_ascii_uppercase(), text[at + 1..].trim());
    match instruction.as_str() {
        "CMD" => config["Cmd"] = json!(command(value)),
        "ENTRYPOINT" => config["Entrypoint"] = json!(command(value)),
        "ENV" => {
            let (key, value) = pair(value, &['=', ' '])
                .filter(|(key, _)| !key.is_empty())
                .context("ENV must have at least one argument")?;
            let list = list_of(config, "Env");
            list.retain(|entry| {
                entry
                    .as_str()
                    .is_none_or(|entry| entry.split('=').next() != Some(key.as_str()))
            });
            list.push(json!(format!("{key}={value}")));
        }
        "EXPOSE" => {
            for text in value.split_whitespace() {
                config["ExposedPorts"][port(text)?] = json!({});
            }
        }
        "LABEL" => {
            let (key, value) = pair(value, &['=']).context("LABEL must be formatted key=value")?;
            if key.is_empty() {
                bail!("LABEL must have a non-empty key");
            }
            config["Labels"][key] = json!(value);
        }
        "ONBUILD" if value.is_empty() => bail!("ONBUILD must be given an argument"),
        "ONBUILD" => list_of(config, "OnBuild").push(json!(value)),
        "STOPSIGNAL" => config["StopSignal"] = json!(value),
        "USER" if value.is_empty() => bail!("must provide a value to USER"),
        "USER" => config["User"] = json!(value),
        "VOLUME" => {
            let split = || value.split_whitespace().map(str::to_owned).collect();
            let volumes: Vec<String> = command_list(value).unwrap_or_else(split);
            if volumes.is_empty() {
                bail!("must provide at least one argument to VOLUME");
            }
            for volume in volumes {
                if volume.is_empty() {
                    bail!("VOLUME paths must not be empty");
                }
                config["Volumes"][volume] = json!({});
            }
        }
        "WORKDIR" if value.is_empty() => bail!("must provide a non-empty WORKDIR"),
        "WORKDIR" => {
            // One that is not absolute is below the last one.
            let last = config["WorkingDir"].as_str().unwrap_or("/");
            let path = Path::new(last).join(value);
            config["WorkingDir"] = json!(path);
        }
        _ => bail!(
            "invalid instruction {instruction}: one of CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR"
        ),
    }
    Ok(())
}

/// `80/tcp`
fn port(text: &str) -> Result<String> {
    let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    if protocol.contains('/') {
        bail!("EXPOSE port must be formatted as PORT[/PROTO]");
    }
    if !["tcp", "udp"].contains(&protocol.to_ascii_lowercase().as_str()) {
        bail!("EXPOSE protocol must be TCP or UDP");
    }
    let first = number.split('-').next().unwrap_or_default();
    let first: i64 = parse_number("Atoi", first).context("EXPOSE port must be an integer")?;
    if !(1..=65535).contains(&first) {
        bail!("EXPOSE port must be a valid port number");
    }
    Ok(format!("{number}/{}", protocol.to_ascii_lowercase()))
}

/// A JSON list as it is; anything else is the shell's.
fn command(value: &str) -> Vec<String> {
    command_list(value)
        .unwrap_or_else(|| vec!["/bin/sh".to_owned(), "-c".to_owned(), value.to_owned()])
}

fn command_list(value: &str) -> Option<Vec<String>> {
    serde_json::from_str(value).ok()
}

/// Key and value, quotes around either taken away.
fn pair(text: &str, between: &[char]) -> Option<(String, String)> {
    let (key, value) = text.split_once(between)?;
    let bare = |text: &str| {
        let text = text.trim();
        let inner = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
        inner('"')
            .or_else(|| inner('\''))
            .unwrap_or(text)
            .to_owned()
    };
    Some((bare(key), bare(value)))
}

fn list_of<'a>(config: &'a mut Value, key: &str) -> &'a mut Vec<Value> {
    if !config[key].is_array() {
        config[key] = json!([]);
    }
    config[key]
        .as_array_mut()
        .expect("it was made a list above")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn instructions() {
        let mut config = json!({ "Env": ["A=1", "B=2"] });
        for change in [
            "CMD /bin/ls -l",
            "ENTRYPOINT [\"/x\"]",
            "ENV A=b c",
            "label \"k\"=v",
            "LABEL x=\"y z\"",
            "LABEL json='{\"a\":1}'",
            "EXPOSE 80 53/udp",
            "VOLUME /a /b",
            "USER=web",
            "WORKDIR /srv",
        ] {
            apply(&mut config, change).unwrap();
        }
        assert_eq!(config["Cmd"], json!(["/bin/sh", "-c", "/bin/ls -l"]));
        assert_eq!(config["Entrypoint"], json!(["/x"]));
        assert_eq!(config["Env"], json!(["B=2", "A=b c"]));
        assert_eq!(config["Labels"]["x"], "y z");
        assert_eq!(
            config["ExposedPorts"],
            json!({ "80/tcp": {}, "53/udp": {} })
        );
        assert_eq!(config["User"], "web");
        apply(&mut config, "WORKDIR www").unwrap();
        assert_eq!(config["WorkingDir"], "/srv/www");
        for (change, told) in [
            ("CMD", "must be formatted as KEY VALUE"),
            ("RUN x", "invalid instruction RUN: "),
            (
                "EXPOSE x",
                "EXPOSE port must be an integer: strconv.Atoi: parsing \"x\": invalid syntax",
            ),
            ("LABEL a b", "LABEL must be formatted key=value"),
        ] {
            let error = apply(&mut config, change).unwrap_err().to_string();
            let expected = format!("invalid change {change:?} - {told}");
            assert!(error.starts_with(&expected), "{error}");
        }
    }
}
