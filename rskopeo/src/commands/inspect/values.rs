//! What `--format` gives a template: the output's structs, by the names that their fields have in Go.

use anyhow::Result;

use super::{LayerData, Summary};
use crate::go_template::Value;
use crate::manifest::{History, ImageConfig, Process};

pub(super) fn summary(summary: &Summary<'_>) -> Result<Value> {
    let labels = summary.labels.into_iter().flatten();
    let data = summary
        .layers_data
        .iter()
        .map(layer)
        .collect::<Result<_>>()?;
    Ok(Value::Struct {
        fields: vec![
            ("Name", Value::text(&summary.name)),
            (
                "Tag",
                Value::text(summary.tag.as_deref().unwrap_or_default()),
            ),
            ("Digest", Value::text(summary.digest.as_str())),
            (
                "RepoTags",
                Value::list(summary.repo_tags.iter().map(String::as_str)),
            ),
            ("Created", Value::time(summary.created)),
            ("DockerVersion", Value::text(summary.docker_version)),
            (
                "Labels",
                Value::map(labels.map(|(key, text)| (key, text.as_str()))),
            ),
            ("Architecture", Value::text(summary.architecture)),
            ("Os", Value::text(summary.os)),
            (
                "Layers",
                Value::list(summary.layers.iter().map(|digest| digest.as_str())),
            ),
            ("LayersData", Value::List(data)),
            (
                "Env",
                Value::list(summary.env.into_iter().flatten().map(String::as_str)),
            ),
        ],
        json: serde_json::to_string(summary)?,
    })
}

fn layer(layer: &LayerData<'_>) -> Result<Value> {
    let annotations = layer.annotations.into_iter().flatten();
    Ok(Value::Struct {
        fields: vec![
            ("MIMEType", Value::text(layer.mime_type)),
            ("Digest", Value::text(layer.digest.as_str())),
            ("Size", Value::Number(layer.size)),
            (
                "Annotations",
                Value::map(annotations.map(|(key, text)| (key, text.as_str()))),
            ),
        ],
        json: serde_json::to_string(layer)?,
    })
}

pub(super) fn config(config: &ImageConfig) -> Result<Value> {
    let history = config.history.iter().map(line).collect::<Result<_>>()?;
    let diff_ids = config.rootfs.diff_ids.iter().map(|digest| digest.as_str());
    let rootfs = Value::Struct {
        fields: vec![
            ("Type", Value::text(&config.rootfs.kind)),
            ("DiffIDs", Value::list(diff_ids)),
        ],
        json: serde_json::to_string(&config.rootfs)?,
    };
    Ok(Value::Struct {
        fields: vec![
            ("Created", Value::time(config.created.as_deref())),
            (
                "Author",
                Value::text(config.author.as_deref().unwrap_or_default()),
            ),
            ("Architecture", Value::text(&config.architecture)),
            (
                "Variant",
                Value::text(config.variant.as_deref().unwrap_or_default()),
            ),
            ("OS", Value::text(&config.os)),
            (
                "OSVersion",
                Value::text(config.os_version.as_deref().unwrap_or_default()),
            ),
            (
                "OSFeatures",
                Value::list(config.os_features.iter().map(String::as_str)),
            ),
            ("Config", process(&config.config)?),
            ("RootFS", rootfs),
            ("History", Value::List(history)),
        ],
        json: serde_json::to_string(config)?,
    })
}

fn process(process: &Process) -> Result<Value> {
    let list = |texts: &[String]| Value::list(texts.iter().map(String::as_str));
    Ok(Value::Struct {
        fields: vec![
            ("User", Value::text(&process.user)),
            (
                "ExposedPorts",
                Value::map(process.exposed_ports.keys().map(|key| (key, "{}"))),
            ),
            ("Env", list(&process.env)),
            ("Entrypoint", list(&process.entrypoint)),
            ("Cmd", list(&process.cmd)),
            (
                "Volumes",
                Value::map(process.volumes.keys().map(|key| (key, "{}"))),
            ),
            ("WorkingDir", Value::text(&process.working_dir)),
            (
                "Labels",
                Value::map(
                    process
                        .labels
                        .iter()
                        .map(|(key, text)| (key, text.as_str())),
                ),
            ),
            ("StopSignal", Value::text(&process.stop_signal)),
        ],
        json: serde_json::to_string(process)?,
    })
}

fn line(line: &History) -> Result<Value> {
    Ok(Value::Struct {
        fields: vec![
            ("Created", Value::time(line.created.as_deref())),
            ("CreatedBy", Value::text(&line.created_by)),
            ("Author", Value::text(&line.author)),
            ("Comment", Value::text(&line.comment)),
            ("EmptyLayer", Value::Bool(line.empty_layer)),
        ],
        json: serde_json::to_string(line)?,
    })
}
