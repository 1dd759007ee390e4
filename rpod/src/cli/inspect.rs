//! `rpod inspect` and `rpod container inspect`: podman-inspect(1).

use anyhow::{Context as _, Result, anyhow, bail};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::choice;
use super::selection::is_missing;
use super::{Globals, Verb, first_of};
use crate::engine::artifact::ArtifactError;
use crate::engine::container::{all, find, inspect};
use crate::engine::image::ImageError;
use crate::engine::network::NetworkError;
use crate::engine::volume::VolumeError;
use crate::engine::{Context, artifact, image, network, pod, volume};
use crate::output::template::{NIL, NIL_LIST, NIL_MAP};
use crate::output::{go_duration, inspected_with};
use crate::store::lookup::LookupError;
use crate::store::readable;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    All,
    Artifact,
    Container,
    Image,
    Network,
    Pod,
    Volume,
}

fn invalid_type(text: &str) -> String {
    format!(
        "invalid type {text:?}: must be \"image\", \"container\", \"pod\", \"network\", \"volume\", \"artifact\", or \"all\""
    )
}

#[derive(Args, Debug)]
pub struct Inspect {
    /// Format the output to a Go template or json
    #[arg(short, long, default_value = "json")]
    format: String,
    /// Act on the latest container
    #[arg(short, long)]
    latest: bool,
    /// Display total file size
    #[arg(short, long)]
    size: bool,
    /// Specify inspect-object type
    #[arg(short = 't', long = "type", default_value = "all", value_parser = choice::named::<Kind>(invalid_type))]
    kind: Kind,
    /// Names or IDs of anything, looked for among containers, images, volumes, networks, pods and artifacts in this order
    #[arg(value_name = "{ARTIFACT|CONTAINER|IMAGE|POD|NETWORK|VOLUME} [...]")]
    names: Vec<String>,
}

impl Verb for Inspect {
    const NAME: &'static str = "inspect";
    const ABOUT: &'static str = "Display the configuration of object denoted by ID";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let mut kind = self.kind;
        if self.latest && kind == Kind::All {
            kind = Kind::Container;
        }
        if self.latest && !matches!(kind, Kind::Container | Kind::Pod) {
            bail!("latest is not supported for type {:?}", word(kind));
        }
        if self.size && !matches!(kind, Kind::Container | Kind::All) {
            bail!("size is not supported for type {:?}", word(kind));
        }
        let names = match kind {
            Kind::Pod if self.latest && self.names.is_empty() => pod::all(&ctx)?
                .pop()
                .map(|pod| pod.id)
                .into_iter()
                .collect(),
            _ => named(&ctx, self.names, self.latest)?,
        };
        show(&ctx, &names, &self.format, kind, self.size)
    }
}

#[derive(Args, Debug)]
pub struct ContainerInspect {
    /// Format the output to a Go template or json
    #[arg(short, long, default_value = "json")]
    format: String,
    /// Act on the latest container
    #[arg(short, long)]
    latest: bool,
    /// Display total file size
    #[arg(short, long)]
    size: bool,
    /// Names or IDs of containers
    #[arg(value_name = "CONTAINER")]
    names: Vec<String>,
}

impl Verb for ContainerInspect {
    const NAME: &'static str = "inspect";
    const ABOUT: &'static str = "Display the configuration of a container";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let names = named(&ctx, self.names, self.latest)?;
        show(&ctx, &names, &self.format, Kind::Container, self.size)
    }
}

fn named(ctx: &Context, names: Vec<String>, latest: bool) -> Result<Vec<String>> {
    match (latest, names.is_empty()) {
        (true, false) => bail!("--latest and arguments cannot be used together"),
        (true, true) => {
            let newest = all(ctx)?.pop();
            Ok(vec![
                newest
                    .context("no containers to inspect: no such container")?
                    .id,
            ])
        }
        (false, _) => Ok(names),
    }
}

/// What is found is printed, then what was not is told.
fn show(ctx: &Context, names: &[String], format: &str, kind: Kind, with_size: bool) -> Result<u8> {
    if names.is_empty() {
        bail!("no names or ids specified");
    }
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for name in names {
        match object(ctx, name, kind, with_size) {
            Ok(object) => found.push(object),
            Err(error) if kind == Kind::Container && is_missing(&error) => {
                missing.push(anyhow!("no such container {name:?}"));
            }
            Err(error) if kind == Kind::Pod => missing.push(super::pod::not_found(name, error)),
            Err(error) if kind == Kind::Volume => {
                missing.push(super::volume::not_found(error));
            }
            Err(error) if kind == Kind::Network => {
                missing.push(error.context(format!("network {name}")));
            }
            Err(error) => missing.push(error),
        }
    }
    inspected_with("inspect", &found, format, methods)?;
    first_of(missing)
}

pub(super) fn object(ctx: &Context, name: &str, kind: Kind, with_size: bool) -> Result<Value> {
    match kind {
        Kind::All => any(ctx, name, with_size),
        Kind::Artifact => artifact::find(ctx, name).map(|found| super::artifact::shown(&found)),
        Kind::Container => container(ctx, name, with_size),
        Kind::Image => image::find(ctx, name).and_then(|found| image::inspect(&found)),
        Kind::Network => {
            network::find(ctx, name).and_then(|found| network::inspect::network(ctx, &found))
        }
        Kind::Pod => pod::find(ctx, name).and_then(|found| pod::inspect::inspect(ctx, &found)),
        Kind::Volume => {
            volume::find(ctx, name).and_then(|found| volume::inspect::inspect(ctx, &found))
        }
    }
}

/// The first thing that is called so. What keeps from looking closely is told: it may be what was meant.
fn any(ctx: &Context, name: &str, with_size: bool) -> Result<Value> {
    match container(ctx, name, with_size) {
        Err(error) if is_not_there(&error) => {}
        found => return found,
    }
    let others = [
        Kind::Image,
        Kind::Volume,
        Kind::Network,
        Kind::Pod,
        Kind::Artifact,
    ];
    let mut unclear = Vec::new();
    for kind in others {
        match object(ctx, name, kind, false) {
            Err(error) if is_not_there(&error) => {}
            Err(error) => unclear.push(error),
            Ok(found) => {
                unclear.iter().for_each(readable::tell);
                return Ok(found);
            }
        }
    }
    let no_other = || anyhow!("no such object: {name:?}");
    Err(unclear.into_iter().next().unwrap_or_else(no_other))
}

/// Nothing of its kind is called so.
fn is_not_there(error: &anyhow::Error) -> bool {
    let missing = [
        is_missing(error),
        matches!(error.downcast_ref(), Some(LookupError::NoPod(_))),
        matches!(error.downcast_ref(), Some(LookupError::Empty)),
        matches!(error.downcast_ref(), Some(ImageError::NotKnown(_))),
        matches!(error.downcast_ref(), Some(VolumeError::NotFound(_))),
        matches!(error.downcast_ref(), Some(NetworkError::NotFound(_))),
        matches!(error.downcast_ref(), Some(ArtifactError::None(_))),
    ];
    missing.contains(&true)
}

fn container(ctx: &Context, name: &str, with_size: bool) -> Result<Value> {
    let container = find(ctx, name)?;
    match with_size {
        true => inspect::with_size(ctx, &container),
        false => inspect::inspect(ctx, &container),
    }
}

fn word(kind: Kind) -> String {
    format!("{kind:?}").to_lowercase()
}

/// What the objects have beyond their JSON, and other names of what they have.
pub(super) fn methods(object: &Value, name: &str, arguments: &[Value]) -> Option<Value> {
    let key = match name {
        "ID" => "Id",
        "Src" => "Source",
        "Dst" => "Destination",
        "ImageID" => "Image",
        "HealthMaxLogCount" => "HealthcheckMaxLogCount",
        "HealthMaxLogSize" => "HealthcheckMaxLogSize",
        "Healthcheck" => "Health",
        "UIDMap" => "UidMap",
        "GIDMap" => "GidMap",
        "HostIP" => "HostIp",
        "DomainName" => "Domainname",
        "SdNotifyMode" => "sdNotifyMode",
        _ => "",
    };
    let other_name = || {
        object
            .get(key)
            .filter(|_| object.get(name).is_none())
            .cloned()
    };
    // Durations of Go's, which print themselves.
    if let "Interval" | "Timeout" | "StartPeriod" = name
        && object.get("Test").is_some()
        && let Some(nanoseconds) = object[name].as_u64()
    {
        return Some(go_duration(nanoseconds).into());
    }
    super::artifact::methods(object, name, arguments)
        .or_else(|| super::network::go_name(object, name, arguments))
        .or_else(other_name)
        .or_else(|| volume::inspect::omitted(object, name, arguments))
        .or_else(|| omitted(object, name))
        .or_else(|| nil(object, name))
}

/// What is null and is no pointer in Go.
fn nil(object: &Value, name: &str) -> Option<Value> {
    let typed = match name {
        "Entrypoint" | "Cmd" | "VolumesFrom" | "Links" => NIL_LIST,
        "EffectiveCaps" | "BoundingCaps" => NIL_LIST,
        "BlkioWeightDevice" | "BlkioDeviceReadBps" | "BlkioDeviceWriteBps" => NIL_LIST,
        "BlkioDeviceReadIOps" | "BlkioDeviceWriteIOps" => NIL_LIST,
        "Annotations" | "CgroupConf" | "Labels" | "Volumes" => NIL_MAP,
        "OnBuild" => NIL,
        _ => return None,
    };
    object.get(name)?.is_null().then(|| json!(typed))
}

/// What is left out of the JSON where it says nothing, and is a field all the same.
fn omitted(object: &Value, name: &str) -> Option<Value> {
    let (of, value) = match name {
        "Name" | "SubPath" => ("Destination", json!("")),
        "Checkpointed" | "Restored" | "StoppedByUser" => ("CheckpointedAt", json!(false)),
        "CheckpointLog" | "CheckpointPath" | "RestoreLog" | "CgroupPath" => {
            ("CheckpointedAt", json!(""))
        }
        "ConmonPid" => ("CheckpointedAt", json!(0)),
        "OCIConfigPath" => ("OCIRuntime", json!("")),
        // A pointer, and so not `<no value>`.
        "Healthcheck" | "StartupHealthCheck" => ("HealthLogDestination", json!(NIL)),
        "Health" => ("CheckpointedAt", json!(NIL)),
        "SizeRw" => ("OCIRuntime", json!(NIL)),
        "SizeRootFs" => ("OCIRuntime", json!(0)),
        "Timezone" | "SdNotifySocket" => ("HealthLogDestination", json!("")),
        "Secrets" | "ChrootDirs" => ("HealthLogDestination", json!([])),
        "ExposedPorts" => ("HealthLogDestination", json!({})),
        "Init" => ("UsernsMode", json!(false)),
        "IntelRdtClosID" => ("UsernsMode", json!("")),
        "MergedDir" => ("UpperDir", json!("")),
        "Cmd" | "Entrypoint" => ("Env", json!([])),
        "IDMappings" => ("UsernsMode", json!(NIL)),
        "Networks" => ("SandboxKey", json!({})),
        _ => return None,
    };
    (object.get(of).is_some() && object.get(name).is_none()).then_some(value)
}
