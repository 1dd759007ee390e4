//! `--change` of commit and import: one instruction of a Containerfile, applied to an image's configuration.

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

/// Changes `config` (the `config` object of an image configuration) as `INSTRUCTION VALUE` or `INSTRUCTION=VALUE` says.
pub fn apply(config: &mut Value, text: &str) -> Result<()> {
    let text = text.trim();
    let at = text
        .find([' ', '\t', '='])
        .with_context(|| format!("invalid change {text:?}: write INSTRUCTION VALUE"))?;
    let (instruction, value) = (text[..at].to_ascii_uppercase(), text[at + 1..].trim());
    match instruction.as_str() {
        "CMD" => config["Cmd"] = json!(command(value)),
        "ENTRYPOINT" => config["Entrypoint"] = json!(command(value)),
        "ENV" => {
            let (key, value) = pair(value, &instruction)?;
            let list = list_of(config, "Env");
            list.retain(|entry| {
                entry
                    .as_str()
                    .is_none_or(|entry| entry.split('=').next() != Some(key.as_str()))
            });
            list.push(json!(format!("{key}={value}")));
        }
        "EXPOSE" => {
            for port in value.split_whitespace() {
                let port = if port.contains('/') {
                    port.to_owned()
                } else {
                    format!("{port}/tcp")
                };
                let number = port.split(['/', '-']).next().unwrap_or_default();
                number
                    .parse::<u16>()
                    .with_context(|| format!("EXPOSE {value}: {number:?} is no port"))?;
                config["ExposedPorts"][port] = json!({});
            }
        }
        "LABEL" => {
            let (key, value) = pair(value, &instruction)?;
            config["Labels"][key] = json!(value);
        }
        "ONBUILD" => list_of(config, "OnBuild").push(json!(value)),
        "STOPSIGNAL" => config["StopSignal"] = json!(value),
        "USER" => config["User"] = json!(value),
        "VOLUME" => {
            for volume in command_list(value)
                .unwrap_or_else(|| value.split_whitespace().map(str::to_owned).collect())
            {
                config["Volumes"][volume] = json!({});
            }
        }
        "WORKDIR" => config["WorkingDir"] = json!(value),
        _ => bail!(
            "invalid change {instruction:?}: one of CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR"
        ),
    }
    Ok(())
}

/// A JSON list as it is; anything else is the shell's.
fn command(value: &str) -> Vec<String> {
    command_list(value)
        .unwrap_or_else(|| vec!["/bin/sh".to_owned(), "-c".to_owned(), value.to_owned()])
}

fn command_list(value: &str) -> Option<Vec<String>> {
    serde_json::from_str(value).ok()
}

/// `KEY=VALUE` or `KEY VALUE`, quotes around the value taken away.
fn pair(text: &str, instruction: &str) -> Result<(String, String)> {
    let (key, value) = text
        .split_once(['=', ' '])
        .filter(|(key, _)| !key.is_empty())
        .with_context(|| format!("{instruction} {text}: write KEY=VALUE"))?;
    let value = value.trim();
    let bare = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    Ok((key.to_owned(), bare.unwrap_or(value).to_owned()))
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
        assert!(
            apply(&mut config, "RUN x").is_err()
                && apply(&mut config, "CMD").is_err()
                && apply(&mut config, "EXPOSE x").is_err()
        );
    }
}
