//! `rpod secret inspect`: podman-secret-inspect(1).

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};

use crate::cli::{Globals, Verb, first_of};
use crate::engine::Context;
use crate::engine::secret::{self, Secret, driver};
use crate::output;

#[derive(Args, Debug)]
pub struct Inspect {
    /// Format inspect output using Go template
    #[arg(short, long, default_value = "json")]
    format: String,
    /// Print inspect output in human-readable format
    #[arg(long)]
    pretty: bool,
    /// Display the secret
    #[arg(long)]
    showsecret: bool,
    /// Names or IDs of secrets
    #[arg(required = true, value_name = "SECRET")]
    secrets: Vec<String>,
}

impl Verb for Inspect {
    const NAME: &'static str = "inspect";
    const ABOUT: &'static str = "Inspect a secret";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for name in &self.secrets {
            let shown = secret::find(&ctx, name).and_then(|secret| self.show(&ctx, &secret));
            match shown {
                Ok(value) => found.push(value),
                Err(error) if missing.is_empty() => {
                    missing.push(error.context("inspecting secret"))
                }
                Err(error) => missing.push(error.context("error inspecting secret")),
            }
        }
        if self.pretty {
            print!("{}", found.iter().map(pretty).collect::<String>());
        } else {
            output::inspected_with("inspect", &found, &self.format, |secret, field, _| {
                // Not shown, it is a field all the same.
                (field == "SecretData" && secret.get(field).is_none()).then(|| "".into())
            })?;
        }
        first_of(missing)
    }
}

impl Inspect {
    fn show(&self, ctx: &Context, secret: &Secret) -> Result<Value> {
        let mut value = json!({
            "ID": secret.id,
            "CreatedAt": secret.created,
            "UpdatedAt": secret.updated,
            "Spec": {
                "Name": secret.name,
                "Driver": { "Name": secret.driver, "Options": secret.driver_options },
                "Labels": secret.labels,
            },
        });
        if self.showsecret {
            let data = driver::lookup(ctx, secret)?;
            value["SecretData"] = json!(String::from_utf8_lossy(&data));
        }
        Ok(value)
    }
}

/// For people.
fn pretty(value: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let spec = &value["Spec"];
    let mut lines = vec![
        format!("ID:              {}", text(&value["ID"])),
        format!("Name:              {}", text(&spec["Name"])),
    ];
    let labels = spec["Labels"].as_object().into_iter().flatten();
    for (number, (key, value)) in labels.enumerate() {
        if number == 0 {
            lines.push("Labels:".to_owned());
        }
        lines.push(match text(value).as_str() {
            "" => format!(" - {key}"),
            value => format!(" - {key}={value}"),
        });
    }
    lines.push(format!(
        "Driver:            {}",
        text(&spec["Driver"]["Name"])
    ));
    lines.push(format!("Created at:        {}", text(&value["CreatedAt"])));
    lines.push(format!("Updated at:        {}", text(&value["UpdatedAt"])));
    lines.join("\n") + "\n"
}
