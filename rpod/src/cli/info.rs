//! `rpod info`: podman-info(1).

use std::io::Write as _;

use anyhow::Result;
use clap::Args;
use serde_json::{Map, Value};

use super::{Globals, Verb};
use crate::engine::{Context, host};
use crate::output;
use crate::output::template::{FIELDS, NIL, Template};

#[derive(Args, Debug)]
pub struct Info {
    /// Change the output format to JSON or a Go template
    #[arg(short, long)]
    format: Option<String>,
}

impl Verb for Info {
    const NAME: &'static str = "info";
    const ABOUT: &'static str = "Display rpod system information";

    fn call(self, globals: &Globals) -> Result<u8> {
        let value = host::info(&Context::new(globals)?)?;
        let text = match self.format.as_deref() {
            None | Some("") => host::yaml(&value),
            Some("json") => output::pretty(&value, 2) + "\n",
            Some(template) => {
                let template = Template::parse("info", &output::unescape(template))?;
                template.execute(&value, by_field)? + "\n"
            }
        };
        std::io::stdout().lock().write_all(text.as_bytes())?;
        Ok(0)
    }
}

/// Templates name Go's fields, which begin with a capital (`.Host.OCIRuntime.Name`), and show JSON's keys (`{{json .Host}}`).
fn by_field(of: &Value, name: &str, _: &[Value]) -> Option<Value> {
    let object = of.as_object()?;
    match name {
        FIELDS => Some(fields(object).map_or(Value::Null, Value::from)),
        // Of podman on another machine.
        "Client" if object.contains_key("registries") => Some(NIL.into()),
        _ => {
            let mut keys = object.iter();
            keys.find(|(key, _)| field(key) == name)
                .map(|(_, value)| value.clone())
        }
    }
}

/// Those of a struct: registries, and the options and the state of the storage, are maps.
fn fields(object: &Map<String, Value>) -> Option<String> {
    let is_map = |key: &String| key.contains(['.', ' ']) || key == "search";
    if object.is_empty() || object.keys().any(is_map) {
        return None;
    }
    let names: Vec<String> = object.keys().map(|key| field(key)).collect();
    Some(names.join(", "))
}

/// The same with every key as templates name it.
pub(super) fn capitals(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (field(key), capitals(value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(list) => list.iter().map(capitals).collect(),
        other => other.clone(),
    }
}

fn field(key: &str) -> String {
    match key {
        "ociRuntime" => "OCIRuntime".to_owned(),
        "cgroupVersion" => "CgroupsVersion".to_owned(),
        "cpus" => "CPUs".to_owned(),
        "cpuUtilization" => "CPUUtilization".to_owned(),
        "slirp4netns" => "Slirp4NetNS".to_owned(),
        "os" => "OS".to_owned(),
        "idMappings" => "IDMappings".to_owned(),
        "gidmap" => "GIDMap".to_owned(),
        "uidmap" => "UIDMap".to_owned(),
        "container_id" => "ContainerID".to_owned(),
        "host_id" => "HostID".to_owned(),
        "apparmorEnabled" => "AppArmorEnabled".to_owned(),
        "seccompEnabled" => "SECCOMPEnabled".to_owned(),
        "seccompProfilePath" => "SECCOMPProfilePath".to_owned(),
        "selinuxEnabled" => "SELinuxEnabled".to_owned(),
        "capabilities" => "DefaultCapabilities".to_owned(),
        // Of a map and not a field.
        key if key.contains(['.', ' ']) => key.to_owned(),
        key => {
            let mut chars = key.chars();
            let first = chars.next().map(|c| c.to_ascii_uppercase());
            first.into_iter().chain(chars).collect()
        }
    }
}
