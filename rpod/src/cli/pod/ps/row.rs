//! A pod as `pod ps` tells it: podman's JSON, and what templates make of it.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::engine::Context;
use crate::engine::container::restart;
use crate::engine::pod::record::Pod;
use crate::engine::pod::status::{self, Member};
use crate::output::ago;
use crate::store::id;

pub(super) fn of(ctx: &Context, pod: &Pod, members: &[Member]) -> Value {
    let infra = members.iter().map(|m| &m.container).find(|c| c.infra);
    let containers: Vec<_> = members
        .iter()
        .map(|member| {
            json!({
                "Id": member.container.id,
                "Names": member.container.name,
                "Status": member.status.word(),
                "RestartCount": restart::count(ctx, &member.container),
            })
        })
        .collect();
    json!({
        "Cgroup": pod.cgroup_parent(ctx),
        "Containers": containers,
        "Created": pod.created,
        "Id": pod.id,
        "InfraId": infra.map_or("", |infra| &infra.id),
        "Name": pod.name,
        "Namespace": "",
        "Networks": infra.map_or(&[][..], |infra| &infra.network.names),
        "Status": status::word(members),
        "Labels": pod.labels,
    })
}

pub(super) fn heading(name: &str) -> Option<&'static str> {
    Some(match name {
        "Id" | "ID" => "POD ID",
        "InfraID" | "InfraId" => "INFRA ID",
        "NumberOfContainers" => "# OF CONTAINERS",
        "ContainerIds" => "IDS",
        "ContainerNames" => "NAMES",
        "ContainerStatuses" => "STATUS",
        "Namespace" => "NAMESPACES",
        _ => return None,
    })
}

pub(super) fn short(row: &Value, name: &str, arguments: &[Value]) -> Option<Value> {
    let cut = |value: &Value| value.as_str().map(|text| id::short(text).to_owned());
    match name {
        "Id" | "ID" => cut(&row["Id"]).map(Value::from),
        "InfraID" | "InfraId" => cut(&row["InfraId"]).map(Value::from),
        "ContainerIds" => Some(of_containers(row, |container| cut(&container["Id"]))),
        _ => whole(row, name, arguments),
    }
}

pub(super) fn whole(row: &Value, name: &str, arguments: &[Value]) -> Option<Value> {
    let text =
        |key: &'static str| move |container: &Value| container[key].as_str().map(str::to_owned);
    Some(match name {
        "ID" => row["Id"].clone(),
        "InfraID" => row["InfraId"].clone(),
        "Created" => row["Created"]
            .as_str()?
            .parse::<Timestamp>()
            .ok()
            .map(ago)?
            .into(),
        "ContainerIds" => of_containers(row, text("Id")),
        "ContainerNames" => of_containers(row, text("Names")),
        "ContainerStatuses" => of_containers(row, text("Status")),
        "NumberOfContainers" => row["Containers"].as_array()?.len().into(),
        "Restarts" => row["Containers"]
            .as_array()?
            .iter()
            .filter_map(|container| container["RestartCount"].as_u64())
            .sum::<u64>()
            .to_string()
            .into(),
        "Networks" => joined(
            row["Networks"]
                .as_array()?
                .iter()
                .filter_map(|name| name.as_str().map(str::to_owned)),
        ),
        "Label" => row["Labels"]
            .get(arguments.first()?.as_str()?)
            .cloned()
            .unwrap_or_else(|| "".into()),
        "Labels" => joined(
            row["Labels"]
                .as_object()?
                .iter()
                .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())),
        ),
        _ => return None,
    })
}

fn of_containers(row: &Value, what: impl Fn(&Value) -> Option<String>) -> Value {
    joined(
        row["Containers"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(what),
    )
}

fn joined(parts: impl Iterator<Item = String>) -> Value {
    parts.collect::<Vec<_>>().join(",").into()
}
