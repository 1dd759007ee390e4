//! What a Go template of `--format` may name.
//!
//! Fields of the first level are in tables: podman's man pages list them as placeholders. What is in them is asked of the object
//! that was named, or of a container.

use anyhow::Result;
use serde_json::Value;

use super::answer::{Answer, Candidate};
use super::source::Source;
use crate::cli::inspect::{Kind, object};
use crate::engine::host;

/// Of lists and of what there is one of; a name that ends with a dot has fields of its own.
const LISTED: &[(&str, &str)] = &[
    (
        "artifact ls",
        "Created CreatedAt Digest Repository Size Tag VirtualSize",
    ),
    (
        "auto-update",
        "Container ContainerID ContainerName Image Policy Unit Updated",
    ),
    (
        "events",
        "Attributes ContainerExitCode HealthStatus ID Image Name Network PodID Status Time TimeNano Type",
    ),
    (
        "history",
        "Comment Created CreatedAt CreatedBy CreatedSince ID Size Tags",
    ),
    ("image list", IMAGES),
    ("images", IMAGES),
    ("info", "Host. Plugins. Registries Store. Version."),
    (
        "network ls",
        "Created DNSEnabled Driver ID IPAMOptions IPv6Enabled Internal Labels Name NetworkDNSServers NetworkInterface Options Routes Subnets",
    ),
    (
        "pod ps",
        "Cgroup ContainerIds ContainerNames ContainerStatuses Created ID InfraID Label Labels Name Networks NumberOfContainers Restarts Status",
    ),
    (
        "pod stats",
        "BlockIO CID CPU Mem MemUsage MemUsageBytes Name NetIO PIDS Pod",
    ),
    ("ps", CONTAINERS),
    ("container list", CONTAINERS),
    ("quadlet list", "App Name Path Pod Status UnitName"),
    (
        "search",
        "Automated Description Index Name Official Stars Tag",
    ),
    ("secret ls", "CreatedAt Driver ID Name UpdatedAt"),
    (
        "stats",
        "AVGCPU AvgCPU BlockIO BlockInput BlockOutput CPU CPUNano CPUPerc CPUSystemNano ContainerID Duration ID MemLimit MemPerc MemUsage MemUsageBytes Name NetIO PIDS PIDs SystemNano Up UpTime",
    ),
    (
        "system connection list",
        "Default Identity Name ReadWrite TLSCA TLSCert TLSKey URI",
    ),
    (
        "system df",
        "Active RawReclaimable RawSize Reclaimable Size Total Type",
    ),
    ("version", "Client."),
    ("volume ls", VOLUME),
];

const CONTAINERS: &str = "AutoRemove CIDFile Command Created CreatedAt CreatedHuman ExitCode Exited ExitedAt ExposedPorts ID Image ImageID IsInfra Label Labels Mounts Names Networks Pid Pod PodName Ports Restarts RunningFor Size StartedAt State Status";
const IMAGES: &str = "Containers Created CreatedAt CreatedSince CreatedTime Dangling Digest History ID Id Labels Names ParentId ReadOnly RepoDigests RepoTags Repository SharedSize Size Tag VirtualSize";
const VOLUME: &str = "Anonymous CreatedAt Driver GID Labels LockNumber MountCount Mountpoint Name NeedsChown NeedsCopyUp Options Scope Status StorageID Timeout UID";

/// By the words of usage lines, in the order in which `inspect` looks for a name.
const INSPECTED: &[(&str, Kind, &str)] = &[
    (
        "CONTAINER",
        Kind::Container,
        "AppArmorProfile Args BoundingCaps Config. ConmonPidFile Created Dependencies Driver EffectiveCaps ExecIDs GraphDriver. HostConfig. HostnamePath HostsPath ID Image ImageDigest ImageName IsInfra IsService LockNumber MountLabel Mounts Name Namespace NetworkSettings. OCIConfigPath OCIRuntime Path PidFile Pod ProcessLabel ResolvConfPath RestartCount Rootfs SizeRootFs SizeRw State. StaticDir",
    ),
    (
        "IMAGE",
        Kind::Image,
        "Annotations Architecture Author Comment Config. Created Digest GraphDriver. HealthCheck History ID Labels ManifestType NamesHistory Os Parent RepoDigests RepoTags RootFS. Size User Version VirtualSize",
    ),
    ("VOLUME", Kind::Volume, VOLUME),
    (
        "NETWORK",
        Kind::Network,
        "Containers Created DNSEnabled Driver ID IPAMOptions IPv6Enabled Internal Labels Name NetworkDNSServers NetworkInterface Options Routes Subnets",
    ),
    (
        "POD",
        Kind::Pod,
        "BlkioDeviceReadBps BlkioDeviceWriteBps BlkioWeight BlkioWeightDevice CPUPeriod CPUQuota CPUSetCPUs CPUSetMems CPUShares CgroupParent CgroupPath Containers CreateCgroup CreateCommand CreateInfra Created Devices ExitPolicy Hostname ID InfraConfig. InfraContainerID Labels LockNumber MemoryLimit MemorySwap Mounts Name Namespace NumContainers RestartPolicy SecurityOpts SharedNamespaces State VolumesFrom",
    ),
    (
        "ARTIFACT",
        Kind::Artifact,
        "Artifact. Digest Manifest. Name TotalSizeBytes",
    ),
];

/// `{{.Na` becomes `{{.Name}}`.
pub(super) fn complete(source: &Source, typed: &str) -> Result<Answer> {
    let path = source.line.path.join(" ");
    let of_list = LISTED.iter().find(|(command, _)| path.ends_with(command));
    let mut answer = Answer::default();
    if "json".starts_with(typed) {
        answer.candidates.push(Candidate::new("json", ""));
    }
    if of_list.is_some() && "table".starts_with(typed) {
        answer.candidates.push(Candidate::new("table", ""));
    }
    let Some((before, begun)) = open_action(typed) else {
        if "{{.".starts_with(typed) {
            answer.candidates.push(Candidate::new("{{.", ""));
            answer.goes_on = true;
        }
        return Ok(answer);
    };
    let (parents, begun) = begun.rsplit_once('.').unwrap_or(("", begun));
    let before = format!(
        "{before}{parents}{}",
        if parents.is_empty() { "" } else { "." }
    );
    let fields = match of_list {
        Some((_, fields)) if parents.is_empty() => words(fields),
        Some(_) => inside(of_all(source, &path)?, parents),
        None if path.ends_with("inspect") => inspected(source, &path, parents)?,
        None => Vec::new(),
    };
    for field in fields.iter().filter(|field| field.starts_with(begun)) {
        let end = if field.ends_with('.') { "" } else { "}}" };
        let word = format!("{before}{field}{end}");
        answer.candidates.push(Candidate::new(word, ""));
    }
    answer.goes_on = true;
    Ok(answer)
}

/// What stands before the last dot of an open `{{`, and the names from there.
fn open_action(typed: &str) -> Option<(&str, &str)> {
    let open = typed.rfind("{{")?;
    let names = typed.rfind(|c: char| !c.is_alphanumeric() && c != '.')? + 1;
    let is_open = !typed[open..].contains("}}") && typed[names..].starts_with('.');
    is_open.then(|| typed.split_at(names + 1))
}

/// The fields of what `inspect` was asked for: of the first thing whose name begins as the argument does, or of any container.
fn inspected(source: &Source, path: &str, parents: &str) -> Result<Vec<String>> {
    let noun = path.split(' ').next().unwrap_or_default().to_uppercase();
    let is_meant = |(word, ..): &&(&str, Kind, &str)| noun == "INSPECT" || *word == noun;
    let mut meant: Vec<_> = INSPECTED.iter().filter(is_meant).collect();
    let begun = source.line.arguments.first().map_or("", String::as_str);
    if begun.is_empty() {
        meant.truncate(1);
    }
    for (word, kind, fields) in &meant {
        let Some(found) = source.of(word, begun)?.candidates.into_iter().next() else {
            continue;
        };
        if parents.is_empty() {
            return Ok(words(fields));
        }
        let object = object(source.context()?, &found.word, *kind, false)?;
        return Ok(inside(object, parents));
    }
    let fields = meant.first().filter(|_| parents.is_empty());
    Ok(fields.map_or(Vec::new(), |(.., fields)| words(fields)))
}

/// What `info` and `version` tell as a whole.
fn of_all(source: &Source, path: &str) -> Result<Value> {
    Ok(match path {
        "info" | "system info" => crate::cli::info::capitals(&host::info(source.context()?)?),
        "version" => serde_json::json!({ "Client": host::version() }),
        _ => Value::Null,
    })
}

/// The keys of an object in an object: `State.Health`.
fn inside(value: Value, parents: &str) -> Vec<String> {
    let found = parents
        .split('.')
        .try_fold(&value, |value, name| value.get(name));
    let fields = found.and_then(Value::as_object).into_iter().flatten();
    let named = fields.map(|(name, value)| match value {
        Value::Object(_) => format!("{name}."),
        _ => name.clone(),
    });
    named.collect()
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_an_open_action_is_completed() {
        assert_eq!(open_action("{{."), Some(("{{.", "")));
        assert_eq!(
            open_action("a {{.Id}} {{json .Sta"),
            Some(("a {{.Id}} {{json .", "Sta"))
        );
        assert_eq!(open_action("{{.State.He"), Some(("{{.", "State.He")));
        for closed in ["", "json", "{{", "{{.Id}}", "{{.Id}}.", "{{json"] {
            assert_eq!(open_action(closed), None, "{closed}");
        }
    }

    #[test]
    fn objects_have_fields() {
        let value = serde_json::json!({"State": {"Health": {"Log": []}, "Pid": 1}});
        assert_eq!(inside(value.clone(), "State"), ["Health.", "Pid"]);
        assert_eq!(inside(value, "State.Pid"), [""; 0]);
    }
}
