//! Which labels a container has: podman-run(1), "--security-opt"; containers.conf(5), `label` and `label_users`.

use anyhow::{Context as _, Result, bail};

use super::policy::Policy;
use super::{Label, is_enabled, level, own_label};
use crate::engine::Context;
use crate::engine::container::load;
use crate::engine::container::record::{Container, Namespace};
use crate::engine::pod;

/// Fails for what `--security-opt label=` cannot be.
pub fn check_option(option: &str) -> Result<()> {
    const KEYS: [&str; 5] = ["user", "role", "level", "type", "filetype"];
    match option.split_once(':') {
        _ if option == "disable" => Ok(()),
        Some((key, _)) if KEYS.contains(&key) => Ok(()),
        _ => bail!(
            "bad label option {option:?}, valid options 'disable' or 'user, role, level, type, filetype' followed by ':' and a value"
        ),
    }
}

/// Gives a container that is being made its labels. It has none where the host has no SELinux, or has no labels for containers.
pub fn settle(ctx: &Context, container: &mut Container) -> Result<()> {
    let (mut process, mut file) = (None, None);
    if is_enabled() {
        let asked = asked(ctx, container)?;
        let draw = || level::draw(&ctx.store, &container.id);
        (process, file) = labels(&Policy::read(), &asked, container.systemd, draw)?;
    }
    let text = |label: Option<Label>| label.map(|label| label.to_string());
    container.security.process_label = text(process);
    container.security.mount_label = text(file);
    Ok(())
}

/// The label of a file that every container may have; none where there are no labels.
pub fn shared_file_label() -> Option<String> {
    let file = is_enabled().then(Policy::read)?.file?;
    Some(file.at(Label::SHARED).to_string())
}

/// What the container was asked to be, or what it is by the namespaces that it shares.
fn asked(ctx: &Context, container: &Container) -> Result<Vec<String>> {
    let conf = &ctx.config.containers_conf.containers;
    let security = &container.security;
    let mut options = match security.label_options.as_slice() {
        [] if conf.label == Some(false) || security.privileged => vec!["disable".to_owned()],
        [] => of_the_shared(ctx, container)?,
        given => given.to_vec(),
    };
    if conf.label_users == Some(true) {
        let own: Label = own_label().context("reading rpod's own label")?.parse()?;
        // Whatever else is asked for comes after it.
        options.splice(0..0, own.options().into_iter().take(2));
    }
    Ok(options)
}

/// Who shares processes or memory with others has their label; with the host's, none.
fn of_the_shared(ctx: &Context, container: &Container) -> Result<Vec<String>> {
    let mut options = Vec::new();
    for namespace in [&container.namespaces.pid, &container.namespaces.ipc] {
        match namespace {
            Namespace::Host => return Ok(vec!["disable".to_owned()]),
            Namespace::Container(owner) => options.extend(same_as(ctx, owner)?),
            Namespace::Private | Namespace::Path(_) => {}
        }
    }
    if options.is_empty()
        && !container.infra
        && let Some(pod) = &container.pod
        && let Some(infra) = pod::load(ctx, pod)?.infra
    {
        options = same_as(ctx, &infra)?;
    }
    Ok(options)
}

fn same_as(ctx: &Context, owner: &str) -> Result<Vec<String>> {
    let label = load(ctx, owner)?.security.process_label;
    let label = label.map(|label| label.parse::<Label>()).transpose()?;
    Ok(label.map(Label::options).unwrap_or_default())
}

/// The label of the process, and that of its files.
fn labels(
    policy: &Policy,
    options: &[String],
    is_init: bool,
    draw: impl FnOnce() -> Result<String>,
) -> Result<(Option<Label>, Option<Label>)> {
    let (process, file) = (policy.process.clone(), policy.file.clone());
    if options.iter().any(|option| option == "disable") {
        return Ok((None, file.map(|label| label.at(&level::of_nobody()))));
    }
    let (Some(mut process), Some(mut file)) = (process, file) else {
        return Ok((None, policy.file.clone()));
    };
    let asks_for = |key: &str| options.iter().any(|option| option.starts_with(key));
    if is_init
        && !asks_for("type:")
        && let Some(init) = &policy.init
    {
        process = init.clone();
    }
    if process.level.is_some() && !asks_for("level:") {
        let level = draw()?;
        (process, file) = (process.at(&level), file.at(&level));
    }
    for option in options {
        check_option(option)?;
        let (key, value) = option.split_once(':').unwrap_or_default();
        let value = value.to_owned();
        match key {
            "user" => (process.user, file.user) = (value.clone(), value),
            "role" => process.role = value,
            "type" => process.kind = value,
            "filetype" => file.kind = value,
            _ => (process.level, file.level) = (Some(value.clone()), Some(value)),
        }
    }
    Ok((Some(process), Some(file)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn policy() -> Policy {
        Policy {
            process: "system_u:system_r:container_t:s0".parse().ok(),
            init: "system_u:system_r:container_init_t:s0".parse().ok(),
            file: "system_u:object_r:container_file_t:s0".parse().ok(),
            read_only_file: None,
        }
    }

    fn of(options: &[&str], is_init: bool) -> (String, String) {
        let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        let draw = || Ok("s0:c1,c2".to_owned());
        let (process, file) = labels(&policy(), &options, is_init, draw).unwrap();
        let text = |label: Option<Label>| label.map(|label| label.to_string()).unwrap_or_default();
        (text(process), text(file))
    }

    #[test]
    fn labels_are_the_policys_at_a_level_of_their_own() {
        let file = "system_u:object_r:container_file_t:s0:c1,c2";
        let pair = |process: &str, file: &str| (process.to_owned(), file.to_owned());
        assert_eq!(
            of(&[], false),
            pair("system_u:system_r:container_t:s0:c1,c2", file)
        );
        assert_eq!(
            of(&[], true),
            pair("system_u:system_r:container_init_t:s0:c1,c2", file)
        );
        assert_eq!(
            of(&["type:spc_t"], true),
            pair("system_u:system_r:spc_t:s0:c1,c2", file)
        );
        assert_eq!(
            of(&["disable"], false),
            pair("", "system_u:object_r:container_file_t:s0:c1022,c1023")
        );
        assert_eq!(
            of(
                &["user:u", "role:r", "type:t", "level:s0:c5", "filetype:f"],
                false
            ),
            pair("u:r:t:s0:c5", "u:object_r:f:s0:c5")
        );
    }

    #[test]
    fn a_label_is_asked_for_again_as_it_is() {
        let label: Label = "u:r:t:s0:c1,c2".parse().unwrap();
        let options: Vec<String> = label.clone().options();
        assert_eq!(options, ["user:u", "role:r", "type:t", "level:s0:c1,c2"]);
        let (process, _) = labels(&policy(), &options, false, || unreachable!()).unwrap();
        assert_eq!(process.unwrap(), label);
    }

    #[test]
    fn without_a_policy_for_containers_there_is_no_label() {
        let (process, file) = labels(&Policy::default(), &[], false, || unreachable!()).unwrap();
        assert_eq!((process, file), (None, None));
        assert!(check_option("kind:x").is_err() && check_option("nested").is_err());
    }
}
