//! Every key of podman-systemd.unit(5) becomes an option that rpod has, or refuses by name.

use std::fs;
use std::path::Path;

use tests::{Cmd, Context as _, Result, Scratch, ensure, ours, peer};

use crate::table::Verdict;
use crate::{help, options};

/// Units that between them have all keys, and the commands that they run.
const UNITS: &[(&str, &str, &[&str])] = &[
    (
        "all.container",
        "Image=localhost/x AddCapability=CAP_CHOWN AddDevice=/dev/null AddHost=a:1.2.3.4 Annotation=a=b AutoUpdate=local AppArmor=p \
         CgroupsMode=enabled ContainerName=c ContainersConfModule=m DNS=1.1.1.1 DNSOption=o DNSSearch=s DropCapability=CAP_CHOWN \
         Entrypoint=/e Environment=A=b EnvironmentFile=f EnvironmentHost=true Exec=x ExposeHostPort=80 GlobalArgs=--log-level=debug \
         User=1 Group=2 GroupAdd=3 HealthCmd=true HealthInterval=1s HealthLogDestination=local HealthMaxLogCount=1 HealthMaxLogSize=1 \
         HealthOnFailure=none HealthRetries=1 HealthStartPeriod=1s HealthStartupCmd=true HealthStartupInterval=1s \
         HealthStartupRetries=1 HealthStartupSuccess=1 HealthStartupTimeout=1s HealthTimeout=1s HostName=h HttpProxy=false IP=1.2.3.4 \
         IP6=::1 Label=a=b LogDriver=journald LogOpt=tag=x Mask=/proc/x Memory=1g Mount=type=tmpfs,destination=/t Network=host \
         NetworkAlias=n NoNewPrivileges=true Notify=true PidsLimit=1 PodmanArgs=--rm PublishPort=80:80 Pull=never ReadOnly=true \
         ReadOnlyTmpfs=true ReloadSignal=HUP Retry=1 RetryDelay=1s RunInit=true SeccompProfile=unconfined Secret=s \
         SecurityLabelDisable=true SecurityLabelFileType=t SecurityLabelLevel=s0 SecurityLabelNested=true SecurityLabelType=t \
         ShmSize=1m StartWithPod=true StopSignal=TERM StopTimeout=1 SubGIDMap=g SubUIDMap=u Sysctl=a=b Timezone=UTC Tmpfs=/t \
         Ulimit=core=0 Unmask=ALL Volume=/a:/a WorkingDir=/w",
        &["run", "rm", "kill"],
    ),
    (
        "rest.container",
        "Rootfs=/r GIDMap=0:1:2 UIDMap=0:1:2 VolatileTmp=true ReloadCmd=true UserNS=keep-id Pod=all.pod",
        &["run", "exec"],
    ),
    (
        "all.pod",
        "AddHost=a:1.2.3.4 ContainersConfModule=m DNS=1.1.1.1 DNSOption=o DNSSearch=s ExitPolicy=stop GIDMap=0:1:2 GlobalArgs=--log-level=debug \
         HostName=h IP=1.2.3.4 IP6=::1 Label=a=b Network=none NetworkAlias=n PodName=p PodmanArgs=--share=ipc PublishPort=80:80 \
         ServiceName=s ShmSize=1m StopTimeout=1 UIDMap=0:1:2 Volume=/a:/a",
        &["pod create", "pod start", "pod stop", "pod rm"],
    ),
    (
        "all.volume",
        "Copy=true Device=tmpfs Driver=local GlobalArgs=--log-level=debug Group=1 Label=a=b Options=size=1m PodmanArgs=--ignore Type=tmpfs \
         User=1 VolumeName=v",
        &["volume create"],
    ),
    (
        "all.network",
        "DisableDNS=true DNS=1.1.1.1 Driver=bridge Gateway=10.0.0.1 GlobalArgs=--log-level=debug Internal=true IPAMDriver=host-local \
         InterfaceName=i IPRange=10.0.0.0/30 IPv6=true Label=a=b NetworkDeleteOnStop=true NetworkName=n Options=isolate=true \
         PodmanArgs=--ignore Subnet=10.0.0.0/24",
        &["network create", "network rm"],
    ),
    (
        "all.image",
        "AllTags=true Arch=amd64 AuthFile=/a CertDir=/c Creds=a:b DecryptionKey=/k GlobalArgs=--log-level=debug Image=localhost/x \
         ImageTag=localhost/y OS=linux PodmanArgs=--quiet Policy=always Retry=1 RetryDelay=1s TLSVerify=true Variant=v",
        &["image pull"],
    ),
];

pub fn keys_of_quadlets_are_options_of_rpod() -> Result<()> {
    let scratch = Scratch::new()?;
    let generator = scratch.path("rpod-system-generator");
    std::os::unix::fs::symlink(ours("rpod")?, &generator)?;
    let services = services(&scratch, &generator)?;
    let mut wrong = Vec::new();
    let mut seen = Vec::new();
    for line in services.iter().flat_map(|(_, text)| text.lines()) {
        let Some((key, words)) = line
            .split_once('=')
            .filter(|(key, _)| key.starts_with("Exec"))
        else {
            continue;
        };
        let words: Vec<&str> = words.split_whitespace().skip(1).collect();
        if key != "Exec" {
            seen.extend(check(&words, &mut wrong)?);
        }
    }
    for verb in UNITS.iter().flat_map(|(_, _, verbs)| *verbs) {
        ensure!(seen.iter().any(|seen| seen == verb), "no unit runs {verb}");
    }
    ensure!(wrong.is_empty(), "{wrong:#?}");
    Ok(())
}

/// The installed podman's generator, which came with podman 4.4, makes the same of all keys that it knows.
pub fn services_are_podmans() -> Result<()> {
    let podmans = peer("quadlet")?;
    let scratch = Scratch::new()?;
    let generator = scratch.path("rpod-system-generator");
    std::os::unix::fs::symlink(ours("rpod")?, &generator)?;
    let (ours, theirs) = (
        services(&scratch, &generator)?,
        services(&scratch, &podmans)?,
    );
    ensure!(ours.len() == UNITS.len(), "{ours:?}");
    for (name, text) in &ours {
        let Some((_, other)) = theirs.iter().find(|(other, _)| other == name) else {
            // An older one knows not all of its keys.
            continue;
        };
        let (text, other) = (essence(text), essence(other));
        let only = |one: &[Vec<String>], other: &[Vec<String>]| -> Vec<Vec<String>> {
            one.iter()
                .filter(|line| !other.contains(line))
                .cloned()
                .collect()
        };
        ensure!(
            text == other,
            "{name}: ours {:?}, podman's {:?}",
            only(&text, &other),
            only(&other, &text)
        );
    }
    Ok(())
}

/// Lines of a service with their words in one order: some of podman's follow none.
fn essence(text: &str) -> Vec<Vec<String>> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let words = line.split_whitespace().map(|word| {
                let command = word
                    .split_once('=')
                    .filter(|(key, path)| key.starts_with("Exec") && path.contains('/'));
                let word = match command {
                    Some((key, _)) => format!("{key}=ENGINE"),
                    None => word.to_owned(),
                };
                word.replace("podman", "rpod")
            });
            let mut words: Vec<String> = words.collect();
            words.sort_unstable();
            words
        })
        .collect()
}

/// What a generator makes of [`UNITS`]: names and texts.
fn services(scratch: &Scratch, generator: &Path) -> Result<Vec<(String, String)>> {
    let (units, out) = (scratch.path("units"), scratch.path("out"));
    fs::create_dir_all(&units)?;
    for (name, keys, _) in UNITS {
        let kind = Path::new(name)
            .extension()
            .context("a unit without a kind")?;
        let group = kind.to_string_lossy();
        let (first, rest) = group.split_at(1);
        let group = first.to_uppercase() + rest;
        let lines = keys.split_whitespace().collect::<Vec<_>>().join("\n");
        scratch.write(&format!("units/{name}"), format!("[{group}]\n{lines}\n"))?;
    }
    fs::create_dir(&out)?;
    let said = Cmd::new(generator)
        .arg("-no-kmsg-log")
        .arg(&out)
        .env("QUADLET_UNIT_DIRS", &units)
        .run()?;
    let mut made = Vec::new();
    for entry in fs::read_dir(&out)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            let name = entry.file_name().to_string_lossy().into_owned();
            made.push((name, fs::read_to_string(entry.path())?));
        }
    }
    fs::remove_dir_all(&out)?;
    ensure!(!made.is_empty(), "{said}");
    Ok(made)
}

/// The command of a line, whose options are looked up.
fn check(words: &[&str], wrong: &mut Vec<String>) -> Result<Option<String>> {
    let at = words.iter().position(|word| !word.starts_with('-'));
    let (globals, rest) = words.split_at(at.unwrap_or(words.len()));
    look_up("", globals, wrong)?;
    let nouns = ["pod", "volume", "network", "image"];
    let verb = match rest {
        [noun, verb, ..] if nouns.contains(noun) => format!("{noun} {verb}"),
        [verb, ..] => (*verb).to_owned(),
        [] => return Ok(None),
    };
    let rest = &rest[verb.split(' ').count()..];
    // What follows the image is the container's.
    let end = rest.iter().position(|word| *word == "localhost/x");
    look_up(&verb, &rest[..end.unwrap_or(rest.len())], wrong)?;
    Ok(Some(verb))
}

fn look_up(verb: &str, words: &[&str], wrong: &mut Vec<String>) -> Result<()> {
    let command: Vec<String> = verb.split_whitespace().map(str::to_owned).collect();
    let listed = help::options(&help::rpod(&command)?);
    let table = match verb {
        "" => None,
        verb => options::table(verb)?,
    };
    for word in words.iter().filter(|word| word.starts_with("--")) {
        let option = word.split('=').next().unwrap_or_default();
        let refused = table.as_ref().and_then(|(_, table)| table.get(option));
        let is_refused = matches!(refused, Some(Verdict::Refused(_)));
        if !listed.contains_key(option) && !is_refused {
            wrong.push(format!("rpod {verb} has no {option}"));
        }
    }
    Ok(())
}
