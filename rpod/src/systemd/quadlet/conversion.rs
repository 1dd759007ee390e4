//! One unit becomes a service: what all kinds have in common.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::kind::Kind;
use super::unit_file::UnitFile;
use super::units::{Unit, Units};

/// The keys of [Unit] that name other units.
const DEPENDENCIES: [&str; 15] = [
    "After",
    "Before",
    "BindsTo",
    "Conflicts",
    "OnFailure",
    "OnSuccess",
    "PartOf",
    "PropagatesReloadTo",
    "PropagatesStopTo",
    "ReloadPropagatedFrom",
    "Requires",
    "Requisite",
    "StopPropagatedFrom",
    "Upholds",
    "Wants",
];

#[derive(Debug)]
pub struct Conversion<'a> {
    pub source: &'a UnitFile,
    pub group: &'static str,
    pub units: &'a mut Units,
    pub service: UnitFile,
    pub warnings: Vec<String>,
}

/// How a key becomes an option.
#[derive(Clone, Copy, Debug)]
pub enum Takes {
    /// The last value, if it says something.
    Last,
    /// Each value.
    Each,
    /// `--option` or `--option=false`.
    Switch,
}

impl<'a> Conversion<'a> {
    pub fn begin(
        source: &'a UnitFile,
        kind: Kind,
        units: &'a mut Units,
        of_user: bool,
    ) -> Result<Self> {
        let group = kind.group();
        let place = || source.path.as_deref().unwrap_or(Path::new("")).display();
        for key in source.keys(group) {
            if !kind.has_key(key) {
                bail!("unsupported key '{key}' in group '{group}' in {}", place());
            }
        }
        for key in source.keys("Quadlet") {
            if key != "DefaultDependencies" {
                bail!("unsupported key '{key}' in group 'Quadlet' in {}", place());
            }
        }
        let mut service = source.clone();
        service.name = units.own(source)?.service_file();
        translate_dependencies(&mut service, units)?;
        if source
            .boolean("Quadlet", "DefaultDependencies")
            .unwrap_or(true)
        {
            // A user's systemd cannot wait for a target of the system's.
            let online = if of_user {
                "rpod-user-wait-network-online.service"
            } else {
                "network-online.target"
            };
            service.prepend("Unit", "After", online);
            service.prepend("Unit", "Wants", online);
        }
        if let Some(path) = &source.path {
            service.add("Unit", "SourcePath", path.to_string_lossy());
        }
        service.add("Unit", "RequiresMountsFor", "%t/containers");
        service.rename_group(group, &format!("X-{group}"));
        service.rename_group("Quadlet", "X-Quadlet");
        Ok(Conversion {
            source,
            group,
            units,
            service,
            warnings: Vec::new(),
        })
    }

    pub fn own(&mut self) -> Result<&mut Unit> {
        self.units.own(self.source)
    }

    pub fn get(&self, key: &str) -> Option<&'a str> {
        self.source.get(self.group, key)
    }

    /// The value of a key that says something.
    pub fn filled(&self, key: &str) -> Option<&'a str> {
        self.source.get_filled(self.group, key)
    }

    pub fn all(&self, key: &str) -> Vec<&'a str> {
        self.source.all(self.group, key)
    }

    pub fn list(&self, key: &str) -> Vec<String> {
        self.source.list(self.group, key)
    }

    pub fn arguments(&self, key: &str) -> Vec<String> {
        self.source.arguments(self.group, key)
    }

    pub fn is(&self, key: &str) -> bool {
        self.source.boolean(self.group, key).unwrap_or(false)
    }

    /// rpod, with the global options of the unit.
    pub fn command(&self) -> Command {
        let mut command = Command(vec![program()]);
        for module in self.all("ContainersConfModule") {
            command.add(format!("--module={module}"));
        }
        command.extend(self.arguments("GlobalArgs"));
        command
    }

    pub fn options(&self, command: &mut Command, table: &[(&str, &str, Takes)]) {
        for (key, option, takes) in table {
            match takes {
                Takes::Last => command.pairs(option, self.filled(key)),
                Takes::Each => command.pairs(option, self.all(key)),
                Takes::Switch => {
                    if let Some(value) = self.source.boolean(self.group, key) {
                        command.switch(option, value);
                    }
                }
            }
        }
    }

    /// Options of the form `NAME=VALUE`, each name once.
    pub fn assignments(&mut self, command: &mut Command, table: &[(&str, &str)]) {
        for (key, option) in table {
            let (all, warnings) = self.source.assignments(self.group, key);
            self.warnings.extend(warnings);
            for (name, value) in all {
                command.add(option);
                command.add(value.map_or(name.clone(), |value| format!("{name}={value}")));
            }
        }
    }

    /// The service needs another, and is started after it.
    pub fn needs(&mut self, service: &str) {
        self.service.add("Unit", "Requires", service);
        self.service.add("Unit", "After", service);
    }

    /// Something that runs once, and is there from then on.
    pub fn oneshot(&mut self, remains: bool) {
        self.default("SyslogIdentifier", "%N");
        self.default("Type", "oneshot");
        if remains {
            self.default("RemainAfterExit", "yes");
        }
    }

    /// A key of [Service] that is not set otherwise.
    pub fn default(&mut self, key: &str, value: &str) {
        if !self.service.has("Service", key) {
            self.service.set("Service", key, value);
        }
    }

    /// Nothing else lets a monitor do its work when the unit is stopped.
    pub fn kill_mode(&mut self) -> Result<()> {
        match self.service.get("Service", "KillMode") {
            Some("mixed" | "control-group") => {}
            Some(other) => bail!("invalid KillMode '{other}'"),
            None => self.service.set("Service", "KillMode", "mixed"),
        }
        Ok(())
    }

    /// What auto-update restarts.
    pub fn name_unit(&mut self) {
        self.service
            .add("Service", "Environment", "PODMAN_SYSTEMD_UNIT=%n");
    }

    /// A path that is not absolute is one beside the unit's file; a specifier is left to systemd.
    pub fn absolute(&self, path: &str) -> Result<String> {
        if has_specifier(path) || path.starts_with('/') {
            return Ok(path.to_owned());
        }
        let beside = match self.source.path.as_deref().and_then(Path::parent) {
            Some(directory) => directory.to_owned(),
            None => std::env::current_dir().context("the working directory")?,
        };
        Ok(clean(&beside.join(path)).to_string_lossy().into_owned())
    }
}

/// Names of Quadlet's units among the dependencies become those of their services.
fn translate_dependencies(service: &mut UnitFile, units: &Units) -> Result<()> {
    for key in DEPENDENCIES {
        let mut translated = false;
        let mut names = service.list("Unit", key);
        for name in &mut names {
            if Kind::of_name(name).is_none() {
                continue;
            }
            let unit = units.get(name);
            *name = unit
                .with_context(|| format!("unable to translate dependency for {name}"))?
                .service_file();
            translated = true;
        }
        if translated {
            service.unset("Unit", key);
            service.add("Unit", key, names.join(" "));
        }
    }
    Ok(())
}

/// `%h/x`, but not `%%x`.
pub fn has_specifier(path: &str) -> bool {
    path.starts_with('%') && !path.starts_with("%%")
}

/// Without `.`, and without what `..` goes back over.
pub fn clean(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if out.file_name().is_some() => {
                out.pop();
            }
            Component::ParentDir if out.has_root() => {}
            other => out.push(other),
        }
    }
    out
}

/// What the services start: `$PODMAN`, as podman's generator has it, or this program.
fn program() -> String {
    if let Ok(program) = std::env::var("PODMAN")
        && !program.is_empty()
    {
        return program;
    }
    let own = std::env::current_exe();
    own.map_or("/usr/bin/rpod".to_owned(), |path| {
        path.to_string_lossy().into_owned()
    })
}

/// A command line being written.
#[derive(Clone, Debug)]
pub struct Command(pub Vec<String>);

impl Command {
    pub fn add(&mut self, word: impl Display) {
        self.0.push(word.to_string());
    }

    pub fn extend<T: Display>(&mut self, words: impl IntoIterator<Item = T>) {
        self.0
            .extend(words.into_iter().map(|word| word.to_string()));
    }

    /// The option before each value.
    pub fn pairs<T: Display>(&mut self, option: &str, values: impl IntoIterator<Item = T>) {
        for value in values {
            self.extend([option, &value.to_string()]);
        }
    }

    pub fn switch(&mut self, option: &str, value: bool) {
        if value {
            self.add(option);
        } else {
            self.add(format_args!("{option}=false"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned() {
        for (given, expected) in [
            ("/a/./b/../c", "/a/c"),
            ("/../x", "/x"),
            ("a/..", ""),
            ("../a", "../a"),
        ] {
            assert_eq!(clean(Path::new(given)), Path::new(expected), "{given}");
        }
        assert!(has_specifier("%h/a") && !has_specifier("%%h") && !has_specifier("a%h"));
    }
}
