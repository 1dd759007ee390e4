//! Keys that mean the same in several kinds of unit: networks, volumes, images, users, working directories.

use anyhow::{Context as _, Result, bail};

use super::conversion::{Command, Conversion, has_specifier};
use super::words;

/// What may stand in `SetWorkingDirectory=` instead of a path.
const URLS: [&str; 3] = ["http://", "https://", "git://"];

pub fn is_url(text: &str) -> bool {
    let at_host = |rest: &str| !rest.is_empty();
    URLS.iter().any(|scheme| text.starts_with(scheme))
        || text
            .find("github.com/")
            .is_some_and(|at| at_host(&text[at + "github.com/".len()..]))
}

impl Conversion<'_> {
    pub fn networks(&mut self, command: &mut Command) -> Result<()> {
        for value in self.all("Network") {
            let (name, options) = match value.split_once(':') {
                Some((name, options)) => (name, Some(options)),
                None => (value, None),
            };
            let of_container = name.ends_with(".container");
            if !of_container && !name.ends_with(".network") {
                command.pairs("--network", [value]);
                continue;
            }
            let unit = self.units.get(name);
            let unit =
                unit.with_context(|| format!("requested Quadlet unit {name} was not found"))?;
            if unit.resource.is_empty() {
                bail!("cannot get the resource name of {name}");
            }
            let (resource, service) = (unit.resource.clone(), unit.service_file());
            self.needs(&service);
            let network = match (of_container, options) {
                (true, Some(_)) => {
                    bail!(
                        "extra options are not supported when joining another container's network"
                    )
                }
                (true, None) => format!("container:{resource}"),
                (false, Some(options)) => format!("{resource}:{options}"),
                (false, None) => resource,
            };
            command.pairs("--network", [network]);
        }
        Ok(())
    }

    pub fn volumes(&mut self, command: &mut Command) -> Result<()> {
        for value in self.all("Volume") {
            let volume = match value.split_once(':') {
                Some((source, rest)) if !source.is_empty() => {
                    format!("{}:{rest}", self.storage(source, false)?)
                }
                Some((_, rest)) => rest.split(':').next().unwrap_or_default().to_owned(),
                None => value.to_owned(),
            };
            command.pairs("-v", [volume]);
        }
        Ok(())
    }

    /// Where something is mounted from: a path, which has to be there, a unit's resource, or a name.
    pub fn storage(&mut self, source: &str, may_be_image: bool) -> Result<String> {
        if source.is_empty() {
            bail!("source cannot be empty");
        }
        let source = if source.starts_with('.') {
            self.absolute(source)?
        } else {
            source.to_owned()
        };
        if source.starts_with('/') {
            self.service
                .add("Unit", "RequiresMountsFor", words::quote(&source));
            return Ok(source);
        }
        let is_unit = source.ends_with(".volume")
            || source.ends_with(".artifact")
            || may_be_image && source.ends_with(".image");
        if !is_unit {
            return Ok(source);
        }
        let unit = self.units.get(&source);
        let unit =
            unit.with_context(|| format!("requested Quadlet source {source} was not found"))?;
        let (resource, service) = (unit.resource.clone(), unit.service_file());
        self.needs(&service);
        Ok(resource)
    }

    /// The name of an image, which may be that of a unit that brings it.
    pub fn image(&mut self, name: &str) -> Result<String> {
        if !name.ends_with(".build") && !name.ends_with(".image") {
            return Ok(name.to_owned());
        }
        let unit = self.units.get(name);
        let unit = unit.with_context(|| format!("requested Quadlet image {name} was not found"))?;
        let (resource, service) = (unit.resource.clone(), unit.service_file());
        self.needs(&service);
        Ok(resource)
    }

    /// User namespaces; with the keys of old only where none of the new ones is.
    pub fn user_mappings(&self, command: &mut Command, manual: bool) -> Result<()> {
        let before = command.0.len();
        command.pairs("--userns", self.filled("UserNS"));
        command.pairs("--uidmap", self.list("UIDMap"));
        command.pairs("--gidmap", self.list("GIDMap"));
        command.pairs("--subuidname", self.filled("SubUIDMap"));
        command.pairs("--subgidname", self.filled("SubGIDMap"));
        if command.0.len() == before {
            return self.remap(command, manual);
        }
        let old = ["RemapUid", "RemapGid", "RemapUsers"];
        if old.iter().any(|key| self.source.has(self.group, key)) {
            bail!("deprecated Remap keys are set along with explicit mapping keys");
        }
        Ok(())
    }

    fn remap(&self, command: &mut Command, manual: bool) -> Result<()> {
        let (uids, gids) = (self.list("RemapUid"), self.list("RemapGid"));
        match self
            .source
            .last(self.group, "RemapUsers")
            .unwrap_or_default()
        {
            "" if !uids.is_empty() => bail!("UidMap set without RemapUsers"),
            "" if !gids.is_empty() => bail!("GidMap set without RemapUsers"),
            "" => {}
            "manual" if !manual => bail!("RemapUsers=manual is not supported"),
            "manual" => {
                command.pairs("--uidmap", uids);
                command.pairs("--gidmap", gids);
            }
            "auto" => {
                let mut options: Vec<String> =
                    uids.iter().map(|map| format!("uidmapping={map}")).collect();
                options.extend(gids.iter().map(|map| format!("gidmapping={map}")));
                let size = self
                    .source
                    .number(self.group, "RemapUidSize")
                    .filter(|size| *size > 0);
                options.extend(size.map(|size| format!("size={size}")));
                command.pairs("--userns", [with_options("auto", &options)]);
            }
            "keep-id" => {
                let mut options = Vec::new();
                for (ids, kind, name) in [(&uids, "uid", "UID"), (&gids, "gid", "GID")] {
                    match &ids[..] {
                        [] => {}
                        [id] => options.push(format!("{kind}={id}")),
                        _ => bail!(
                            "RemapUsers=keep-id supports only a single value for {name} mapping"
                        ),
                    }
                }
                command.pairs("--userns", [with_options("keep-id", &options)]);
            }
            other => bail!("unsupported RemapUsers option '{other}'"),
        }
        Ok(())
    }

    /// Sets the service's working directory; what is none of the words is the context of a build.
    pub fn working_directory(&mut self) -> Result<Option<String>> {
        let Some(given) = self.filled("SetWorkingDirectory") else {
            return Ok(None);
        };
        let own = self
            .source
            .path
            .as_ref()
            .map(|path| path.to_string_lossy().into_owned());
        let (beside, context) = match given.to_ascii_lowercase().as_str() {
            "yaml" if self.group != "Kube" => {
                bail!("SetWorkingDirectory={given} is only supported in .kube files")
            }
            "yaml" => match &self.list("Yaml")[..] {
                [] => bail!("no Yaml key specified"),
                [yaml] => (Some(yaml.clone()), None),
                _ => bail!(
                    "SetWorkingDirectory=yaml is only supported when a single Yaml key is provided"
                ),
            },
            "file" if self.group != "Build" => {
                bail!("SetWorkingDirectory={given} is only supported in .build files")
            }
            "file" => (
                Some(
                    self.get("File")
                        .context("no File key specified")?
                        .to_owned(),
                ),
                None,
            ),
            "unit" => (own, None),
            _ if self.group != "Build" => bail!("unsupported value for WorkingDirectory: {given} "),
            _ if given.starts_with('/') || is_url(given) => (None, Some(given.to_owned())),
            _ => (own, Some(given.to_owned())),
        };
        let Some(beside) = beside else {
            return Ok(context);
        };
        if self
            .source
            .get_filled("Service", "WorkingDirectory")
            .is_some()
        {
            return Ok(None);
        }
        let file = self.absolute(&beside)?;
        let directory = std::path::Path::new(&file)
            .parent()
            .map(|path| path.to_string_lossy().into_owned());
        self.service
            .add("Service", "WorkingDirectory", directory.unwrap_or_default());
        Ok(context)
    }

    /// True for what the generator cannot say where it lies, or need not.
    pub fn is_placed(path: &str) -> bool {
        has_specifier(path) || path.starts_with('/') || is_url(path)
    }
}

fn with_options(kind: &str, options: &[String]) -> String {
    if options.is_empty() {
        kind.to_owned()
    } else {
        format!("{kind}:{}", options.join(","))
    }
}
