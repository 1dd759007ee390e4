//! From a profile to what each system call number of an ABI gets.

use super::arch::{Abi, X32_BIT};
use super::profile::{Action, Arg, Profile, Syscall};
use super::{Error, syscalls};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Comparison of one argument. `NE`, `LT` and `LE` are the negations of `EQ`, `GE` and `GT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Comparison {
    /// `(arg & mask) == value`
    MaskedEq {
        mask: u64,
    },
    Greater,
    GreaterEq,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Condition {
    pub(super) index: u8,
    pub(super) comparison: Comparison,
    pub(super) value: u64,
    pub(super) negated: bool,
}

/// All conditions hold → the action.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Rule {
    pub(super) conditions: Vec<Condition>,
    pub(super) action: Action,
}

/// What a range of numbers gets: one action, or the first rule that matches, else the default.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Verdict {
    Always(Action),
    First { rules: Rc<Vec<Rule>>, wide: bool },
}

/// Verdicts of one audit architecture: each holds from its number up to the next entry's.
pub(super) type Ranges = Vec<(u32, Verdict)>;

/// The whole number space of the ABIs that share one audit architecture.
pub(super) fn ranges(profile: &Profile, abis: &[Abi]) -> Result<Ranges, Error> {
    let default = Action::parse(&profile.default_action, profile.default_errno_ret)?;
    let mut ranges = Ranges::new();
    for &abi in abis {
        let calls = calls(profile, abi, default)?;
        append(&mut ranges, abi, calls, default, last_known(profile, abi));
    }
    if abis.contains(&Abi::X86_64) {
        if !abis.contains(&Abi::X32) {
            push(&mut ranges, X32_BIT, Verdict::Always(Action::KILL_THREAD));
        }
        // -1 is a call that a tracer cancelled, not one of x32.
        push(&mut ranges, u32::MAX, Verdict::Always(default));
    }
    Ok(ranges)
}

/// The highest number that the profile's author knew of, whatever its action.
fn last_known(profile: &Profile, abi: Abi) -> Option<u32> {
    let names = profile.syscalls.iter().flat_map(|call| &call.names);
    names.filter_map(|name| syscalls::number(abi, name)).max()
}

/// Lays an ABI's calls out as ranges. Calls newer than the profile get ENOSYS in place of a default
/// that refuses, as in runc, so that a libc falls back to an older call.
fn append(
    ranges: &mut Ranges,
    abi: Abi,
    calls: BTreeMap<u32, Verdict>,
    default: Action,
    last_known: Option<u32>,
) {
    let mut next = abi.marker();
    for (nr, verdict) in calls {
        let nr = nr + abi.marker();
        if nr > next {
            push(ranges, next, Verdict::Always(default));
        }
        push(ranges, nr, verdict);
        next = nr + 1;
    }
    push(ranges, next, Verdict::Always(default));
    if let Some(last) = last_known.filter(|_| !default.permits()) {
        push(
            ranges,
            last + abi.marker() + 1,
            Verdict::Always(Action::errno(libc::ENOSYS)),
        );
    }
}

/// Adds a range, replacing an empty one and joining an equal neighbour.
fn push(ranges: &mut Ranges, start: u32, verdict: Verdict) {
    if ranges.last().is_some_and(|last| last.0 == start) {
        ranges.pop();
    }
    if ranges.last().is_none_or(|last| last.1 != verdict) {
        ranges.push((start, verdict));
    }
}

/// The verdict of every call that the profile names and the ABI has. As in libseccomp: a rule whose
/// action is the default's says nothing, an unknown name is skipped, and a rule without conditions
/// outweighs all rules with them.
fn calls(profile: &Profile, abi: Abi, default: Action) -> Result<BTreeMap<u32, Verdict>, Error> {
    let mut rules: BTreeMap<u32, Vec<Rule>> = BTreeMap::new();
    for call in &profile.syscalls {
        let action = Action::parse(&call.action, call.errno_ret)?;
        let alternatives = alternatives(call)?;
        if action == default {
            continue;
        }
        for name in &call.names {
            if let Some(nr) = syscalls::number(abi, name) {
                let added = alternatives.iter().map(|conditions| Rule {
                    conditions: conditions.clone(),
                    action,
                });
                rules.entry(nr).or_default().extend(added);
            }
            if let (Abi::X86, true, Some((nr, selector))) =
                (abi, call.has_no_args(), multiplexed(name))
            {
                rules.entry(nr).or_default().push(Rule {
                    conditions: vec![selector],
                    action,
                });
            }
        }
    }
    let verdict = |rules: Vec<Rule>| match rules.iter().find(|rule| rule.conditions.is_empty()) {
        Some(rule) => Verdict::Always(rule.action),
        None => Verdict::First {
            rules: Rc::new(rules),
            wide: abi.wide(),
        },
    };
    Ok(rules
        .into_iter()
        .map(|(nr, rules)| (nr, verdict(rules)))
        .collect())
}

/// The condition sets of a call, any one of which suffices. Two conditions on one argument are
/// alternatives, not a conjunction: runc and crun both read profiles so.
fn alternatives(call: &Syscall) -> Result<Vec<Vec<Condition>>, Error> {
    let args = call.args.as_deref().unwrap_or_default();
    let conditions = args.iter().map(condition).collect::<Result<Vec<_>, _>>()?;
    let mut seen = [false; 6];
    let repeated = conditions
        .iter()
        .any(|c| std::mem::replace(&mut seen[usize::from(c.index)], true));
    Ok(if repeated {
        conditions.into_iter().map(|c| vec![c]).collect()
    } else {
        vec![conditions]
    })
}

fn condition(arg: &Arg) -> Result<Condition, Error> {
    let index = u8::try_from(arg.index)
        .ok()
        .filter(|i| *i < 6)
        .ok_or(Error::ArgumentIndex(arg.index))?;
    let equal = Comparison::MaskedEq { mask: u64::MAX };
    let (comparison, value, negated) = match arg.op.as_str() {
        "SCMP_CMP_EQ" => (equal, arg.value, false),
        "SCMP_CMP_NE" => (equal, arg.value, true),
        "SCMP_CMP_GT" => (Comparison::Greater, arg.value, false),
        "SCMP_CMP_LE" => (Comparison::Greater, arg.value, true),
        "SCMP_CMP_GE" => (Comparison::GreaterEq, arg.value, false),
        "SCMP_CMP_LT" => (Comparison::GreaterEq, arg.value, true),
        "SCMP_CMP_MASKED_EQ" => (
            Comparison::MaskedEq { mask: arg.value },
            arg.value_two & arg.value,
            false,
        ),
        _ => return Err(Error::Operator(arg.op.clone())),
    };
    Ok(Condition {
        index,
        comparison,
        value,
        negated,
    })
}

/// On x86 the socket and System V calls also come through socketcall(2) and ipc(2), which name the
/// call in their first argument.
fn multiplexed(name: &str) -> Option<(u32, Condition)> {
    const SOCKETCALL: (u32, &[&str]) = (
        102,
        &[
            "socket",
            "bind",
            "connect",
            "listen",
            "accept",
            "getsockname",
            "getpeername",
            "socketpair",
            "send",
            "recv",
            "sendto",
            "recvfrom",
            "shutdown",
            "setsockopt",
            "getsockopt",
            "sendmsg",
            "recvmsg",
            "accept4",
            "recvmmsg",
            "sendmmsg",
        ],
    );
    const IPC: (u32, &[(&str, u64)]) = (
        117,
        &[
            ("semop", 1),
            ("semget", 2),
            ("semctl", 3),
            ("semtimedop", 4),
            ("msgsnd", 11),
            ("msgrcv", 12),
            ("msgget", 13),
            ("msgctl", 14),
            ("shmat", 21),
            ("shmdt", 22),
            ("shmget", 23),
            ("shmctl", 24),
        ],
    );
    let socket = SOCKETCALL
        .1
        .iter()
        .position(|n| *n == name)
        .map(|at| (SOCKETCALL.0, at as u64 + 1));
    let ipc = || {
        IPC.1
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, selector)| (IPC.0, *selector))
    };
    let (nr, value) = socket.or_else(ipc)?;
    let comparison = Comparison::MaskedEq { mask: u64::MAX };
    Some((
        nr,
        Condition {
            index: 0,
            comparison,
            value,
            negated: false,
        },
    ))
}

impl Syscall {
    fn has_no_args(&self) -> bool {
        self.args.as_ref().is_none_or(Vec::is_empty)
    }
}
