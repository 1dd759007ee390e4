//! Which values options and arguments take, in the words of [`super::grammar`].
//!
//! An argument is of the kind that the usage line calls it: `IMAGE [COMMAND [ARG...]]`. So is an option's value
//! (`--pod <POD>`), where neither its parser lists what it takes nor a table here says more.

use super::grammar::is_kind;
use super::line::{Line, takes_value};
use crate::cli::help::argument;

/// By an option's long name, whatever the command.
const VALUES: &[(&str, &str)] = &[
    ("annotation", ""),
    (
        "arch",
        "386 amd64 arm arm64 loong64 mips64le ppc64le riscv64 s390x",
    ),
    ("attach", "stdin stdout stderr"),
    ("authfile", "FILE"),
    ("cap-add", "all CAPABILITY"),
    ("cap-drop", "all CAPABILITY"),
    ("cgroupns", "container:CONTAINER host ns:PATH private"),
    ("cgroups", "enabled disabled no-conmon split"),
    (
        "change",
        "CMD= ENTRYPOINT= ENV= EXPOSE= LABEL= ONBUILD= STOPSIGNAL= USER= VOLUME= WORKDIR=",
    ),
    (
        "condition",
        "configured created exited healthy initialized paused removing running stopped stopping unhealthy",
    ),
    ("device", "FILE"),
    ("disable-dns", "true false"),
    ("driver", "bridge ipvlan macvlan"),
    ("env", "VARIABLE"),
    ("env-merge", "VARIABLE"),
    ("exit-policy", "continue stop"),
    ("format", "TEMPLATE"),
    ("health-on-failure", "none kill restart stop"),
    ("hosts-file", "image none FILE"),
    ("image-volume", "anonymous bind ignore tmpfs"),
    ("infra-image", "IMAGE"),
    ("init-ctr", "always once"),
    ("interface-name", "INTERFACE"),
    ("ipam-driver", "dhcp host-local none"),
    (
        "ipc",
        "container:CONTAINER host none ns:PATH private shareable",
    ),
    (
        "log-level",
        "trace debug info warn warning error fatal panic",
    ),
    ("log-opt", "max-size= path=FILE tag="),
    (
        "mount",
        ",type=artifact|bind|devpts|glob|image|ramfs|tmpfs|volume source= destination= ro readonly",
    ),
    (
        "network",
        "bridge: container:CONTAINER host none ns:PATH pasta: private slirp4netns: NETWORK",
    ),
    ("network-alias", ""),
    ("os", "linux windows"),
    ("pid", "container:CONTAINER host ns:PATH private"),
    (
        "platform",
        "linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/ppc64le linux/riscv64 linux/s390x",
    ),
    ("pull", "always missing never newer"),
    ("restart", "always no on-failure: unless-stopped"),
    (
        "restart-policy",
        "no on-success on-failure on-abnormal on-watchdog on-abort always",
    ),
    ("sdnotify", "conmon container healthy ignore"),
    ("seccomp-policy", "default image"),
    ("secret", ",type=env|mount target= uid= gid= mode= SECRET"),
    (
        "security-opt",
        "apparmor= label= mask= no-new-privileges proc-opts= seccomp=FILE|unconfined unmask=",
    ),
    ("share", ",cgroup ipc net none pid user uts"),
    ("sysctl", "SYSCTL"),
    ("systemd", "always false true"),
    ("tz", "local TIMEZONE"),
    (
        "ulimit",
        "host core= cpu= data= fsize= locks= memlock= msgqueue= nice= nofile= nproc= rss= rtprio= rttime= sigpending= stack=",
    ),
    ("unsetenv", "VARIABLE"),
    (
        "userns",
        "auto auto: container:CONTAINER host keep-id keep-id: nomap ns:PATH private",
    ),
    ("uts", "container:CONTAINER host ns:PATH private"),
    ("volume", "VOLUME PATH"),
    ("volumes-from", "CONTAINER"),
];

/// By the last command's name and the option's.
const OF_COMMAND: &[(&str, &str, &str)] = &[
    ("volume create", "driver", "local image"),
    ("volume create", "opt", "type= device=FILE o="),
    (
        "network create",
        "opt",
        "bclim= com.docker.network.driver.mtu= isolate=true|false|strict metric= mode= mtu= no_default_route= vlan= vrf=",
    ),
    ("secret create", "driver", "file pass shell"),
    ("generate systemd", "format", "json"),
    ("diff", "format", "json"),
    ("image diff", "format", "json"),
    ("container diff", "format", "json"),
    ("container list", "filter", CONTAINERS),
    ("restart", "filter", CONTAINERS),
    ("start", "filter", CONTAINERS),
    ("stop", "filter", CONTAINERS),
    ("rm", "filter", CONTAINERS),
    ("ps", "filter", CONTAINERS),
    (
        "events",
        "filter",
        "artifact=ARTIFACT container=CONTAINER event= image=IMAGE label= pod=POD type=artifact|container|image|network|pod|secret|system|volume volume=VOLUME",
    ),
    ("images", "filter", IMAGES),
    ("image list", "filter", IMAGES),
    (
        "network ls",
        "filter",
        "dangling=true|false driver=bridge|ipvlan|macvlan id=NETWORK label= label!= name=NETWORK until=",
    ),
    (
        "pod ps",
        "filter",
        "ctr-ids=CONTAINER ctr-names=CONTAINER ctr-number= ctr-status=created|running|paused|exited id=POD label= label!= name=POD network=NETWORK status=created|degraded|exited|paused|running|stopped until=",
    ),
    ("quadlet list", "filter", "name=QUADLET status="),
    (
        "search",
        "filter",
        "is-automated=true|false is-official=true|false stars=",
    ),
    ("secret ls", "filter", "id=SECRET name=SECRET"),
    (
        "volume ls",
        "filter",
        "after=VOLUME anonymous=true|false dangling=true|false driver=local|image label= label!= name=VOLUME opt= scope=local since=VOLUME until=",
    ),
    (
        "volume prune",
        "filter",
        "after=VOLUME anonymous=true|false label= label!= since=VOLUME until=",
    ),
    ("prune", "filter", "label= label!= until="),
];

const IMAGES: &str = "after=IMAGE before=IMAGE containers=true|false dangling=true|false id=IMAGE intermediate=true|false label= label!= manifest=true|false readonly=true|false reference=IMAGE since=IMAGE until=";
const CONTAINERS: &str = "ancestor=IMAGE before=CONTAINER command= exited= health=healthy|starting|unhealthy id=CONTAINER label= label!= name=CONTAINER network=NETWORK pod=POD restart-policy=always|no|on-failure|unless-stopped should-start-on-boot=true|false since=CONTAINER status=created|running|paused|exited|stopping until= volume=VOLUME";

/// What the usage line's words mean, where they are no kinds themselves.
const ARGUMENTS: &[(&str, &str)] = &[
    ("ARG", "INNER"),
    ("ARGS", "DESCRIPTOR"),
    ("COMMAND", "INNER"),
    (
        "DESTINATION",
        "docker-archive:FILE docker-daemon: oci-archive:FILE oci:DIR dir:DIR IMAGE",
    ),
    ("DIGEST", "MEMBER"),
    ("FORMAT-DESCRIPTORS", "DESCRIPTOR"),
    ("HOST::", "CONNECTION"),
    ("IMAGEORARTIFACT", "IMAGE"),
    ("SOURCE", "FILE"),
    ("TARGET_NAME", "IMAGE"),
];

/// The value of the option with this long name.
pub(super) fn of_option(line: &Line, name: &str) -> String {
    let options = || line.command.get_arguments();
    let Some(option) = options().find(|option| option.get_long() == Some(name)) else {
        return String::new();
    };
    let listed: Vec<_> = option.get_possible_values();
    let listed: Vec<_> = listed.iter().map(|value| value.get_name()).collect();
    if !takes_value(option) && listed.is_empty() {
        return "true false".to_owned();
    }
    if !listed.is_empty() {
        return listed.join(" ");
    }
    let path = format!(" {}", line.path.join(" "));
    // The longest name says the most: `volume ls`, then `ls`.
    let of_command = OF_COMMAND
        .iter()
        .filter(|(command, of, _)| *of == name && path.ends_with(&format!(" {command}")))
        .max_by_key(|(command, ..)| command.len());
    let anywhere = VALUES.iter().find(|(of, _)| *of == name);
    let table = (of_command.map(|(.., values)| *values)).or(anywhere.map(|(_, values)| *values));
    let named = option.get_value_names().and_then(|names| names.first());
    match (table, named) {
        (Some(values), _) => values.to_owned(),
        (None, Some(named)) => meaning(named),
        (None, None) => String::new(),
    }
}

/// The argument that comes next.
pub(super) fn of_argument(line: &Line) -> String {
    let usage = line.command.get_positionals().map(argument);
    let usage = usage.collect::<Vec<_>>().join(" ");
    let mut word = "";
    for (place, next) in usage.split(' ').enumerate() {
        // `[...]` is more of the same.
        word = if next == "[...]" { word } else { next };
        let is_last = place + 1 == usage.split(' ').count();
        if place == line.arguments.len() || is_last && next.contains("...") {
            return kinds(word);
        }
    }
    String::new()
}

/// `[{CONTAINER|IMAGE}...]`, `PORT[/PROTOCOL]`
fn kinds(word: &str) -> String {
    // `[CONTAINER:]SRC_PATH` may be either.
    if word.ends_with("_PATH") {
        return "COPIED".to_owned();
    }
    let word = word.trim_start_matches(['[', '{']);
    let end = word.find(['[', ']', '}', '.']).unwrap_or(word.len());
    let kinds = word[..end].split('|').map(meaning);
    kinds.collect::<Vec<_>>().join(" ")
}

/// Nothing for words that name nothing of which there are several: `SECONDS`, `KEY=VALUE`.
fn meaning(word: &str) -> String {
    let known = ARGUMENTS.iter().find(|(name, _)| *name == word);
    match known {
        Some((_, meaning)) => (*meaning).to_owned(),
        None if is_kind(word) => word.to_owned(),
        None => String::new(),
    }
}
