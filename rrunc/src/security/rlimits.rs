//! `process.rlimits`.

use anyhow::{Context, Result, anyhow};
use nix::errno::Errno;

use crate::spec::Rlimit;

/// Limits with their names resolved.
#[derive(Debug, Clone)]
pub(crate) struct Limits(Vec<Limit>);

#[derive(Debug, Clone)]
struct Limit {
    name: String,
    resource: libc::__rlimit_resource_t,
    value: libc::rlimit,
}

impl Limits {
    /// Resolves the names.
    ///
    /// # Errors
    /// A name is not one of setrlimit(2)'s.
    pub(crate) fn prepare(wanted: &[Rlimit]) -> Result<Limits> {
        let resolve = |limit: &Rlimit| {
            let resource = resource(&limit.kind)
                .ok_or_else(|| anyhow!("process.rlimits: unknown limit {:?}", limit.kind))?;
            let value = libc::rlimit {
                rlim_cur: limit.soft,
                rlim_max: limit.hard,
            };
            Ok(Limit {
                name: limit.kind.clone(),
                resource,
                value,
            })
        };
        Ok(Limits(wanted.iter().map(resolve).collect::<Result<_>>()?))
    }

    /// Raises hard limits of the calling process to those wanted, where they are lower and it may: once a child is in a user namespace of
    /// its own, it may not. What stays too low is the child's error.
    pub(crate) fn make_room(&self) {
        for limit in &self.0 {
            let mut own = libc::rlimit {
                rlim_cur: 0,
                rlim_max: 0,
            };
            // SAFETY: getrlimit writes the structure and setrlimit reads it; it lives through both calls.
            unsafe {
                if libc::getrlimit(limit.resource, &raw mut own) == 0
                    && own.rlim_max < limit.value.rlim_max
                {
                    own.rlim_max = limit.value.rlim_max;
                    libc::setrlimit(limit.resource, &raw const own);
                }
            }
        }
    }

    /// Sets the limits of the calling process.
    ///
    /// # Errors
    /// The kernel refuses one: most often a hard limit above the caller's, without CAP_SYS_RESOURCE.
    pub(crate) fn apply(&self) -> Result<()> {
        for limit in &self.0 {
            // SAFETY: setrlimit reads the structure, which lives through the call.
            let result = unsafe { libc::setrlimit(limit.resource, &raw const limit.value) };
            Errno::result(result).with_context(|| {
                format!(
                    "set {} to {}:{}",
                    limit.name, limit.value.rlim_cur, limit.value.rlim_max
                )
            })?;
        }
        Ok(())
    }
}

fn resource(name: &str) -> Option<libc::__rlimit_resource_t> {
    Some(match name {
        "RLIMIT_AS" => libc::RLIMIT_AS,
        "RLIMIT_CORE" => libc::RLIMIT_CORE,
        "RLIMIT_CPU" => libc::RLIMIT_CPU,
        "RLIMIT_DATA" => libc::RLIMIT_DATA,
        "RLIMIT_FSIZE" => libc::RLIMIT_FSIZE,
        "RLIMIT_LOCKS" => libc::RLIMIT_LOCKS,
        "RLIMIT_MEMLOCK" => libc::RLIMIT_MEMLOCK,
        "RLIMIT_MSGQUEUE" => libc::RLIMIT_MSGQUEUE,
        "RLIMIT_NICE" => libc::RLIMIT_NICE,
        "RLIMIT_NOFILE" => libc::RLIMIT_NOFILE,
        "RLIMIT_NPROC" => libc::RLIMIT_NPROC,
        "RLIMIT_RSS" => libc::RLIMIT_RSS,
        "RLIMIT_RTPRIO" => libc::RLIMIT_RTPRIO,
        "RLIMIT_RTTIME" => libc::RLIMIT_RTTIME,
        "RLIMIT_SIGPENDING" => libc::RLIMIT_SIGPENDING,
        "RLIMIT_STACK" => libc::RLIMIT_STACK,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_unknown_limit_is_named() {
        let wanted = Rlimit {
            kind: "RLIMIT_LUCK".into(),
            hard: 1,
            soft: 1,
        };
        assert!(
            Limits::prepare(&[wanted])
                .unwrap_err()
                .to_string()
                .contains("RLIMIT_LUCK")
        );
    }

    #[test]
    fn making_room_leaves_soft_limits_and_what_is_high_enough() {
        use nix::sys::resource::{Resource, getrlimit};
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        let wanted = |hard| Rlimit {
            kind: "RLIMIT_NOFILE".into(),
            hard,
            soft: 1,
        };
        for lower in [hard - 1, hard] {
            Limits::prepare(&[wanted(lower)]).unwrap().make_room();
            assert_eq!(getrlimit(Resource::RLIMIT_NOFILE).unwrap(), (soft, hard));
        }
    }

    #[test]
    fn a_soft_limit_takes_effect() {
        let (_, hard) =
            nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_CORE).unwrap();
        let wanted = Rlimit {
            kind: "RLIMIT_CORE".into(),
            hard,
            soft: 0,
        };
        Limits::prepare(&[wanted]).unwrap().apply().unwrap();
        assert_eq!(
            nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_CORE)
                .unwrap()
                .0,
            0
        );
    }
}
