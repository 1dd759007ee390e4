//! What there is of a kind: names in the store, on the host, in an image.

use std::cell::OnceCell;
use std::fs;
use std::path::Path;

use anyhow::Result;

use super::answer::{Answer, Candidate, Files};
use super::files;
use super::line::Line;
use super::template;
use crate::bundle;
use crate::cli::{Globals, chosen, root};
use crate::engine::container::status::Status;
use crate::engine::{Context, artifact, container, image, network, pod, secret, system, volume};
use crate::rootless::{self, Needs};
use crate::store::id;
use crate::systemd::quadlet;

/// Ids are offered from this many characters on.
const ID_BEGINNING: usize = 2;

pub(super) struct Source<'l> {
    pub(super) line: &'l Line,
    context: OnceCell<Context>,
}

impl<'l> Source<'l> {
    pub(super) fn new(line: &'l Line) -> Source<'l> {
        Source {
            line,
            context: OnceCell::new(),
        }
    }

    /// What is of a kind and begins so.
    pub(super) fn of(&self, kind: &str, typed: &str) -> Result<Answer> {
        match kind {
            "COPIED" => return self.copied(typed),
            "INNER" => return self.inner(typed),
            "TEMPLATE" => return template::complete(self, typed),
            _ => {}
        }
        let mut candidates = match kind {
            "ARTIFACT" => {
                let all = artifact::all(self.context()?)?.into_iter();
                all.map(|artifact| Candidate::new(artifact.name, ""))
                    .collect()
            }
            "CAPABILITY" => plain(bundle::capability_names().iter().copied()),
            "CONNECTION" => {
                let all = system::connection::all()?.connections.into_iter();
                all.map(|(name, place)| Candidate::new(name, place.uri))
                    .collect()
            }
            "CONTAINER" => self.containers(typed)?,
            "DESCRIPTOR" => plain(container::top::descriptors()),
            "IMAGE" => self.images(typed)?,
            "INTERFACE" => plain(names_in(Path::new("/sys/class/net"))),
            "LIST" => {
                let lists = image::list::all(self.context()?)?.into_iter();
                plain(lists.flat_map(|list| list.names))
            }
            "MEMBER" => self.members()?,
            "NETWORK" => {
                let all = network::all(self.context()?)?.into_iter();
                with_ids(
                    all.map(|network| (network.name, network.id, network.driver)),
                    typed,
                )
            }
            "POD" => self.pods(typed)?,
            "QUADLET" => plain(quadlet::installed::all()?.into_iter().map(|unit| unit.name)),
            "REGISTRY" => plain(image::search_registries()?),
            "SECRET" => {
                let all = secret::all(self.context()?)?.into_iter();
                with_ids(
                    all.map(|secret| (secret.name, secret.id, secret.driver)),
                    typed,
                )
            }
            "SIGNAL" => plain(nix::sys::signal::Signal::iterator().map(|s| s.as_str())),
            "SYSCTL" => plain(sysctls()),
            "TIMEZONE" => plain(below(Path::new("/usr/share/zoneinfo"))),
            "TOPIC" => self.topics(),
            "VARIABLE" => {
                plain(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()))
            }
            "VOLUME" => {
                let all = volume::all(self.context()?)?.into_iter();
                all.map(|volume| Candidate::new(volume.name, volume.driver))
                    .collect()
            }
            _ => Vec::new(),
        };
        candidates.retain(|candidate| candidate.word.starts_with(typed));
        candidates.sort();
        candidates.dedup_by(|a, b| a.word == b.word);
        Ok(Answer {
            candidates,
            ..Answer::default()
        })
    }

    /// Where things are kept, by the options before.
    pub(super) fn context(&self) -> Result<&Context> {
        if let Some(context) = self.context.get() {
            return Ok(context);
        }
        let words = ["rpod".into()].into_iter().chain(self.line.globals.clone());
        let matches = root().try_get_matches_from(words.chain(["ps".into()]))?;
        let (.., behind) = chosen(&matches);
        let globals = Globals::from_matches(&matches, behind)?;
        rootless::enter(Needs::Namespace, "ps", globals.runroot.as_deref())?;
        globals.apply()?;
        let context = Context::new(&globals)?;
        Ok(self.context.get_or_init(|| context))
    }

    /// Those to which the command can be given.
    fn containers(&self, typed: &str) -> Result<Vec<Candidate>> {
        let ctx = self.context()?;
        let verb = self.line.path.last().map_or("", String::as_str);
        let is_meant = |status: &Status| match verb {
            "attach" | "checkpoint" | "exec" | "kill" | "pause" | "stop" | "top" => {
                status.is_running()
            }
            "init" => *status == Status::Created,
            "start" => matches!(
                status,
                Status::Created | Status::Initialized(_) | Status::Exited(_)
            ),
            "unpause" => matches!(status, Status::Paused(_)),
            _ => true,
        };
        let mut statuses = ctx.store.statuses()?;
        let all = container::each(ctx)?.filter_map(|container| {
            let status = statuses.of(&container.id).ok()?;
            let about = format!("{}, {}", container.image.name, status.word());
            is_meant(&status).then_some((container.name, container.id, about))
        });
        Ok(with_ids(all, typed))
    }

    fn pods(&self, typed: &str) -> Result<Vec<Candidate>> {
        let ctx = self.context()?;
        let all = pod::all(ctx)?.into_iter().map(|pod| {
            let members = pod::status::of(ctx, &pod).unwrap_or_default();
            (pod.name, pod.id, pod::status::word(&members).to_owned())
        });
        Ok(with_ids(all, typed))
    }

    /// `quay.io/a/b:tag`, of which a person may type `a/b:tag` or `b:tag`, too.
    fn images(&self, typed: &str) -> Result<Vec<Candidate>> {
        let mut found = Vec::new();
        for image in image::readable(self.context()?)?.whole {
            let about = id::short(&image.id);
            for name in &image.names {
                found.push(Candidate::new(name, about));
                if !typed.is_empty() {
                    let shorter = name.match_indices('/').map(|(at, _)| &name[at + 1..]);
                    found.extend(shorter.map(|name| Candidate::new(name, about)));
                }
            }
            if typed.len() >= ID_BEGINNING {
                found.push(Candidate::new(about, image.names.join(", ")));
            }
        }
        Ok(found)
    }

    /// Digests of what is in the manifest list that was named.
    fn members(&self) -> Result<Vec<Candidate>> {
        let Some(list) = self.line.arguments.first() else {
            return Ok(Vec::new());
        };
        let list = image::list::find(self.context()?, list)?;
        let members = list.value["manifests"].as_array().into_iter().flatten();
        let digests = members.filter_map(|member| member["digest"].as_str());
        Ok(plain(digests))
    }

    fn topics(&self) -> Vec<Candidate> {
        let mut command = root();
        for word in &self.line.arguments {
            match command.find_subcommand(word) {
                Some(found) => command = found.clone(),
                None => return Vec::new(),
            }
        }
        super::subcommands(&command)
    }

    /// An end of a copy: a file here, or `CONTAINER:` and a file in there.
    fn copied(&self, typed: &str) -> Result<Answer> {
        if let Some((name, path)) = typed.split_once(':') {
            let found = files::in_container(self.context()?, name, path)?;
            return Ok(found.behind(&format!("{name}:")));
        }
        let mut found = self.of("CONTAINER", typed)?;
        for candidate in &mut found.candidates {
            candidate.word.push(':');
        }
        found.goes_on = !found.candidates.is_empty();
        found.files = Files::Any;
        Ok(found)
    }

    /// A command, or a file that it is given, of the image or the container that was named.
    fn inner(&self, typed: &str) -> Result<Answer> {
        let verb = self.line.path.last().map_or("", String::as_str);
        let mut found = match (verb, self.line.arguments.first()) {
            ("run" | "create", Some(image)) => files::in_image(self.context()?, image, typed)?,
            ("exec", Some(name)) => files::in_container(self.context()?, name, typed)?,
            _ => Answer::default(),
        };
        found.files = Files::Any;
        Ok(found)
    }
}

fn plain(words: impl IntoIterator<Item = impl Into<String>>) -> Vec<Candidate> {
    words
        .into_iter()
        .map(|word| Candidate::new(word, ""))
        .collect()
}

/// Names, and ids as soon as one is begun.
fn with_ids(all: impl Iterator<Item = (String, String, String)>, typed: &str) -> Vec<Candidate> {
    let mut found = Vec::new();
    for (name, id, about) in all {
        if typed.len() >= ID_BEGINNING {
            found.push(Candidate::new(id::short(&id), &name));
        }
        found.push(Candidate::new(name, about));
    }
    found
}

fn names_in(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().into_string());
    names.filter_map(Result::ok).collect()
}

/// The paths of all files below a directory, from there.
fn below(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for name in names_in(directory) {
        let path = directory.join(&name);
        if path.is_dir() {
            found.extend(
                below(&path)
                    .into_iter()
                    .map(|rest| format!("{name}/{rest}")),
            );
        } else {
            found.push(name);
        }
    }
    found
}

/// What of the kernel's parameters a container can have of its own.
fn sysctls() -> Vec<String> {
    let parameters = Path::new("/proc/sys");
    let mut found = Vec::new();
    for part in ["net", "kernel", "fs"] {
        let names = below(&parameters.join(part)).into_iter();
        found.extend(names.map(|name| format!("{part}.{}=", name.replace('/', "."))));
    }
    let is_own = |name: &String| {
        let of_ipc = ["kernel.msg", "kernel.sem", "kernel.shm", "fs.mqueue."];
        name.starts_with("net.") || of_ipc.iter().any(|part| name.starts_with(part))
    };
    found.retain(is_own);
    found
}
