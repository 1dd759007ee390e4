//! What the kernel's schedulers are told of the process: names are resolved
//! before the process is born, and it applies them to itself.

mod affinity;
mod io;
mod memory;
mod personality;
mod policy;

use anyhow::{Context, Result};

pub(crate) use affinity::Cpus;
pub(crate) use memory::{FLAGS as MEMORY_FLAGS, MODES as MEMORY_MODES};

use crate::spec::{Linux, Process};

/// On which CPUs the process runs once it is in its cgroup.
#[derive(Debug)]
pub(crate) enum Affinity {
    /// Wherever the cgroup allows it.
    OfGroup,
    /// Where it has been so far.
    Inherited,
    Only(Cpus),
}

/// Everything of the configuration that is a scheduler's.
#[derive(Debug)]
pub(crate) struct Tuning {
    affinity: Affinity,
    policy: Option<policy::Policy>,
    io: Option<io::Priority>,
    memory: Option<memory::Policy>,
    personality: Option<personality::Domain>,
}

impl Tuning {
    /// Resolve all names.
    ///
    /// # Errors
    /// A name or number that means nothing, by its JSON path.
    pub(crate) fn prepare(process: &Process, linux: &Linux, affinity: Affinity) -> Result<Tuning> {
        Ok(Tuning {
            affinity,
            policy: process
                .scheduler
                .as_ref()
                .map(policy::Policy::new)
                .transpose()
                .context("process.scheduler")?,
            io: process
                .io_priority
                .as_ref()
                .map(io::Priority::new)
                .transpose()
                .context("process.ioPriority")?,
            memory: linux
                .memory_policy
                .as_ref()
                .map(memory::Policy::new)
                .transpose()
                .context("linux.memoryPolicy")?,
            personality: linux
                .personality
                .as_ref()
                .map(personality::Domain::new)
                .transpose()
                .context("linux.personality")?,
        })
    }

    /// Apply it to this process, which still has the runtime's powers.
    ///
    /// # Errors
    /// The kernel refuses a setting.
    pub(crate) fn apply(&self) -> Result<()> {
        match &self.affinity {
            Affinity::OfGroup => affinity::reset()?,
            Affinity::Inherited => {}
            Affinity::Only(cpus) => cpus.apply().context("process.execCPUAffinity.final")?,
        }
        if let Some(policy) = &self.policy {
            policy.apply().context("process.scheduler")?;
        }
        if let Some(priority) = &self.io {
            priority.apply().context("process.ioPriority")?;
        }
        if let Some(policy) = &self.memory {
            policy.apply().context("linux.memoryPolicy")?;
        }
        if let Some(domain) = &self.personality {
            domain.apply().context("linux.personality")?;
        }
        Ok(())
    }
}
