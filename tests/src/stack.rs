//! The five tools put together: which program plays which part, and where its files are.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::command::Cmd;
use crate::programs::ours;
use crate::registry::{Access, Registry};
use crate::scratch::Scratch;

/// Which programs play the parts of one stack.
#[derive(Debug, Clone)]
pub struct Parts {
    pub engine: PathBuf,
    pub runtime: PathBuf,
    pub monitor: PathBuf,
    pub pause: PathBuf,
    pub copier: PathBuf,
}

impl Parts {
    pub fn ours() -> Result<Parts> {
        Ok(Parts {
            engine: ours("rpod")?,
            runtime: ours("rrunc")?,
            monitor: ours("rconmon")?,
            pause: ours("rpause")?,
            copier: ours("rskopeo")?,
        })
    }
}

/// An engine with a root of its own, and a registry from which short names resolve.
///
/// The fields are in the order in which they have to end.
#[derive(Debug)]
pub struct Stack {
    pub parts: Parts,
    pub registry: Registry,
    pub scratch: Scratch,
}

impl Stack {
    /// Our five tools and a registry without TLS.
    pub fn new() -> Result<Stack> {
        Stack::of(Parts::ours()?, Access::Plain)
    }

    /// The same, with `alpine:latest` pulled: from then on its short name is this local image.
    pub fn with_alpine() -> Result<Stack> {
        let stack = Stack::new()?;
        stack.pull("alpine:latest")?;
        Ok(stack)
    }

    /// Pulls an image from the registry into the engine's store.
    pub fn pull(&self, name: &str) -> Result<()> {
        self.rpod(&format!("pull {}/{name}", self.registry.address))
            .ok()?;
        Ok(())
    }

    pub fn of(parts: Parts, access: Access) -> Result<Stack> {
        let scratch = Scratch::new()?;
        let registry = Registry::start(&scratch, access)?;
        let insecure = access == Access::Plain;
        scratch.write(
            "registries.conf",
            format!(
                "unqualified-search-registries = [\"{0}\"]\nshort-name-mode = \"permissive\"\n\
                 [[registry]]\nlocation = \"{0}\"\ninsecure = {insecure}\n",
                registry.address
            ),
        )?;
        let stack = Stack {
            parts,
            registry,
            scratch,
        };
        stack.configure()?;
        Ok(stack)
    }

    /// The engine (rpod, or podman), ready for a command's words.
    pub fn rpod(&self, line: &str) -> Cmd {
        let engine = self.environment(Cmd::new(&self.parts.engine));
        engine
            .arg("--root")
            .arg(self.root())
            .arg("--runroot")
            .arg(self.scratch.path("runroot"))
            .args(["--cgroup-manager", "cgroupfs"])
            .arg("--runtime")
            .arg(&self.parts.runtime)
            .arg("--conmon")
            .arg(&self.parts.monitor)
            .words(line)
    }

    /// The copier (rskopeo, or skopeo), in the scratch directory.
    pub fn rskopeo(&self, line: &str) -> Cmd {
        let copier = self.environment(Cmd::new(&self.parts.copier));
        // The real one does not read CONTAINERS_REGISTRIES_CONF.
        let theirs = self.parts.copier.ends_with("skopeo");
        let conf = self.scratch.path("registries.conf");
        let copier = if theirs {
            copier.arg("--registries-conf").arg(conf)
        } else {
            copier
        };
        copier.words(line)
    }

    /// The runtime (rrunc, runc or crun) with a state directory of its own.
    pub fn rrunc(&self, line: &str) -> Cmd {
        let runtime = self.environment(Cmd::new(&self.parts.runtime));
        runtime
            .arg("--root")
            .arg(self.scratch.path("runtime"))
            .words(line)
    }

    pub fn root(&self) -> PathBuf {
        self.scratch.path("root")
    }

    /// `docker://ADDRESS/NAME`
    pub fn remote(&self, name: &str) -> String {
        format!("docker://{}/{name}", self.registry.address)
    }

    fn environment(&self, cmd: Cmd) -> Cmd {
        cmd.dir(self.scratch.path(""))
            .env("CONTAINERS_CONF", self.scratch.path("containers.conf"))
            .env(
                "CONTAINERS_REGISTRIES_CONF",
                self.scratch.path("registries.conf"),
            )
            .env("REGISTRY_AUTH_FILE", self.scratch.path("auth.json"))
            .env("TMPDIR", self.scratch.path("tmp"))
            .env("XDG_CACHE_HOME", self.scratch.path("cache"))
    }

    /// The infra container's program is found as `catatonit` or `rpause` in a directory that holds nothing else.
    fn configure(&self) -> Result<()> {
        let parts = self.scratch.path("parts");
        fs::create_dir(&parts)?;
        fs::create_dir(self.scratch.path("tmp"))?;
        let name = self
            .parts
            .pause
            .file_name()
            .context("the pause program has no name")?;
        fs::copy(&self.parts.pause, parts.join(name))?;
        // What every stack would make on the one host that they share, only the network stories make, on a host of their own.
        let netns = match self.parts.engine.ends_with("rpod") {
            true => "netns = \"none\"\n",
            false => "",
        };
        let conf = format!(
            "[containers]\n{netns}default_ulimits = []\ninit_path = \"{init}\"\n\
             [engine]\nhelper_binaries_dir = [\"{dir}\", \"/usr/lib/podman\"]\nevents_logger = \"file\"\ncgroup_manager = \"cgroupfs\"\n\
             tmp_dir = \"{tmp}\"\n[network]\nnetwork_backend = \"netavark\"\n",
            init = parts.join(name).display(),
            dir = parts.display(),
            tmp = self.scratch.path("libpod").display(),
        );
        self.scratch.write("containers.conf", conf)?;
        self.scratch.write("auth.json", "{}")?;
        Ok(())
    }
}
