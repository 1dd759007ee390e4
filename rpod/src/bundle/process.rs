//! `process`: arguments, environment, user, capabilities, limits.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::rootfs::User;
use crate::engine::container::record::{Container, Process};
use crate::engine::{Context, rootless, runtime};
use crate::monitor::terminal;
use crate::output::warn;

pub(super) fn of(
    ctx: &Context,
    container: &Container,
    user: &User,
    capabilities: &[String],
    hostname: Option<&str>,
) -> Result<Value> {
    let asked = &container.process;
    if asked.args().is_empty() {
        return Err(runtime::error(
            "no command or entrypoint was given: \"\": executable file not found in $PATH",
        ));
    }
    let mut process = basics(asked, user);
    process["args"] = json!(arguments(container));
    let mut env = environment(asked, Some(user), hostname);
    if container.systemd
        && !env
            .iter()
            .any(|variable| variable.starts_with("container_uuid="))
    {
        // systemd makes its machine id of it, so that the container is the same machine at each start.
        env.push(format!(
            "container_uuid={}",
            container.id.get(..32).unwrap_or(&container.id)
        ));
    }
    process["env"] = json!(env);
    // What the monitor is told comes too late for a process that looks at once.
    if asked.tty
        && let Some((height, width)) = terminal::size()
    {
        process["consoleSize"] = json!({ "height": height, "width": width });
    }
    process["capabilities"] = capability_sets(capabilities, user.uid, &container.security.cap_add);
    process["rlimits"] = json!(super::rlimits(ctx, container)?);
    if container.security.no_new_privileges {
        process["noNewPrivileges"] = json!(true);
    }
    if let Some(score) = container.resources.oom_score_adj {
        process["oomScoreAdj"] = json!(allowed_score(score)?);
    }
    if let Some(profile) = container.security.apparmor_profile() {
        process["apparmorProfile"] = json!(profile);
    }
    if let Some(label) = &container.security.process_label {
        process["selinuxLabel"] = json!(label);
    }
    Ok(process)
}

/// What is executed: an init that runs the command, or the command.
pub fn arguments(container: &Container) -> Vec<String> {
    let mut args = container.process.args();
    if container.init.is_some() {
        args.splice(0..0, ["/run/podman-init".to_owned(), "--".to_owned()]);
    }
    args
}

/// Only root may make the kernel spare a process more than it spares its parent.
fn allowed_score(asked: i32) -> Result<i32> {
    if !rootless() {
        return Ok(asked);
    }
    let path = "/proc/self/oom_score_adj";
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {path}"))?;
    let own = text
        .trim()
        .parse()
        .with_context(|| format!("reading {path}"))?;
    if asked < own {
        warn(&format!(
            "Requested oom_score_adj={asked} is lower than the current one, changing to {own}"
        ));
    }
    Ok(asked.max(own))
}

/// What a container's first process and an exec session have in common.
pub fn basics(asked: &Process, user: &User) -> Value {
    let umask = asked
        .umask
        .as_deref()
        .and_then(|text| u32::from_str_radix(text, 8).ok())
        .unwrap_or(0o022);
    let mut json = json!({
        "terminal": asked.tty,
        "user": { "uid": user.uid, "gid": user.gid, "umask": umask },
        "cwd": if asked.workdir.is_empty() { "/" } else { asked.workdir.as_str() },
    });
    if !user.groups.is_empty() {
        json["user"]["additionalGids"] = json!(user.groups);
    }
    json
}

/// The user is root: all sets. Somebody else keeps only what was added by name, as podman does.
pub fn capability_sets(all: &[String], uid: u32, added: &[String]) -> Value {
    if uid == 0 {
        return json!({ "bounding": all, "effective": all, "permitted": all });
    }
    let is_added = |cap: &&String| added.iter().any(|name| name == "ALL" || name == *cap);
    let kept: Vec<&String> = all.iter().filter(is_added).collect();
    json!({ "bounding": all, "effective": kept, "permitted": kept, "inheritable": kept, "ambient": kept })
}

/// Image and command line first, then what is still missing.
pub fn environment(asked: &Process, user: Option<&User>, hostname: Option<&str>) -> Vec<String> {
    let mut all: Vec<(String, String)> = Vec::new();
    let mut place: BTreeMap<String, usize> = BTreeMap::new();
    let mut put = |key: &str, value: &str, replace: bool| match place.get(key) {
        Some(&at) if replace => all[at].1 = value.to_owned(),
        Some(_) => {}
        // What was unset is not set again by default.
        None if !replace
            && (asked.unset_all_env || asked.unset_env.iter().any(|name| name == key)) => {}
        None => {
            place.insert(key.to_owned(), all.len());
            all.push((key.to_owned(), value.to_owned()));
        }
    };
    for variable in &asked.env {
        let (key, value) = variable.split_once('=').unwrap_or((variable, ""));
        put(key, value, true);
    }
    put(
        "PATH",
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        false,
    );
    if asked.tty {
        put("TERM", "xterm", false);
    }
    put("container", "podman", false);
    if let Some(user) = user {
        put("HOME", &user.home, false);
    }
    if let Some(hostname) = hostname {
        put("HOSTNAME", hostname, false);
    }
    all.into_iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_else_keeps_what_was_added_by_name() {
        let all = ["CAP_KILL".to_owned(), "CAP_CHOWN".to_owned()];
        let ambient = |added: &[&str]| {
            let added: Vec<String> = added.iter().map(|name| (*name).to_owned()).collect();
            capability_sets(&all, 1000, &added)["ambient"].clone()
        };
        assert_eq!(ambient(&["CAP_KILL", "CAP_BPF"]), json!(["CAP_KILL"]));
        assert_eq!(ambient(&["ALL"]), json!(all));
        assert_eq!(ambient(&[]), json!([]));
    }

    #[test]
    fn asked_variables_win_and_order_stays() {
        let asked = Process {
            env: vec!["A=1".into(), "HOME=/x".into(), "A=2".into()],
            ..Process::default()
        };
        let user = User {
            uid: 0,
            gid: 0,
            groups: vec![],
            home: "/root".into(),
        };
        let env = environment(&asked, Some(&user), Some("h"));
        assert_eq!(env[..2], ["A=2", "HOME=/x"]);
        assert!(
            env.contains(&"HOSTNAME=h".to_owned()) && !env.iter().any(|e| e.starts_with("TERM="))
        );
    }
}
