#![allow(clippy::unwrap_used)]
//! The compiled program against a direct reading of the profile.

use super::arch::Abi;
use super::*;
use proptest::prelude::*;

/// The filter as it is compiled where there is no cache.
fn compile(profile: &Profile, receiver: Option<&Path>) -> Result<Filter, Error> {
    Filter::new(profile, receiver, |compile| compile())
}

/// One system call, as `struct seccomp_data` gives it.
#[derive(Clone, Copy, Debug)]
struct Call {
    abi: Abi,
    nr: u32,
    args: [u64; 6],
}

/// Runs classic BPF; returns the verdict and the number of instructions it took.
fn interpret(program: &[libc::sock_filter], arch: u32, call: &Call) -> (u32, usize) {
    let mut data = [0u8; 64];
    data[0..4].copy_from_slice(&call.nr.to_le_bytes());
    data[4..8].copy_from_slice(&arch.to_le_bytes());
    for (i, arg) in call.args.iter().enumerate() {
        data[16 + 8 * i..24 + 8 * i].copy_from_slice(&arg.to_le_bytes());
    }
    let (mut a, mut pc) = (0u32, 0usize);
    for steps in 1.. {
        let i = program[pc];
        pc += 1;
        let branch = |taken: bool| usize::from(if taken { i.jt } else { i.jf });
        match i.code {
            0x20 => a = u32::from_le_bytes(data[i.k as usize..][..4].try_into().unwrap()),
            0x54 => a &= i.k,
            0x05 => pc += i.k as usize,
            0x15 => pc += branch(a == i.k),
            0x25 => pc += branch(a > i.k),
            0x35 => pc += branch(a >= i.k),
            0x06 => return (i.k, steps),
            other => panic!("instruction {other:#x} is not one of this compiler's"),
        }
    }
    unreachable!()
}

/// What the profile says of a call, read naively.
fn evaluate(profile: &Profile, call: &Call) -> u32 {
    let action = |name: &str, ret| Action::parse(name, ret).unwrap();
    let default = action(&profile.default_action, profile.default_errno_ret);
    if call.nr == u32::MAX {
        return default.0;
    }
    let nr = call.nr & !arch::X32_BIT;
    let known = |name: &String| syscalls::number(call.abi, name);
    let mut conditional = None;
    for rule in &profile.syscalls {
        let action = action(&rule.action, rule.errno_ret);
        if action == default || !rule.names.iter().any(|name| known(name) == Some(nr)) {
            continue;
        }
        let args = rule.args.as_deref().unwrap_or_default();
        if args.is_empty() {
            return action.0;
        }
        let holds: Vec<bool> = args.iter().map(|arg| holds(arg, call)).collect();
        let repeated = args
            .iter()
            .enumerate()
            .any(|(i, a)| args[..i].iter().any(|b| a.index == b.index));
        let matches = if repeated {
            holds.contains(&true)
        } else {
            !holds.contains(&false)
        };
        if matches && conditional.is_none() {
            conditional = Some(action);
        }
    }
    let newest = profile
        .syscalls
        .iter()
        .flat_map(|rule| &rule.names)
        .filter_map(known)
        .max();
    match conditional {
        Some(action) => action.0,
        None if newest.is_some_and(|newest| nr > newest) && !default.permits() => {
            Action::errno(libc::ENOSYS).0
        }
        None => default.0,
    }
}

fn holds(arg: &Arg, call: &Call) -> bool {
    let word = |v: u64| if call.abi.wide() { v } else { v & 0xffff_ffff };
    let (is, want) = (word(call.args[arg.index as usize]), word(arg.value));
    match arg.op.as_str() {
        "SCMP_CMP_EQ" => is == want,
        "SCMP_CMP_NE" => is != want,
        "SCMP_CMP_GT" => is > want,
        "SCMP_CMP_GE" => is >= want,
        "SCMP_CMP_LT" => is < want,
        "SCMP_CMP_LE" => is <= want,
        "SCMP_CMP_MASKED_EQ" => is & want == word(arg.value_two) & want,
        other => panic!("{other}"),
    }
}

fn word() -> impl Strategy<Value = u64> {
    prop_oneof![
        0u64..4,
        Just(u64::MAX),
        Just(0xffff_ffff),
        (0u64..3, 0u64..3).prop_map(|(h, l)| h << 32 | l),
        any::<u64>()
    ]
}

fn arg() -> impl Strategy<Value = Arg> {
    const OPS: &[&str] = &["EQ", "NE", "GT", "GE", "LT", "LE", "MASKED_EQ"];
    (0u32..6, word(), word(), prop::sample::select(OPS)).prop_map(
        |(index, value, value_two, op)| Arg {
            index,
            value,
            value_two,
            op: format!("SCMP_CMP_{op}"),
        },
    )
}

fn action() -> impl Strategy<Value = (String, Option<u32>)> {
    const NAMES: &[&str] = &[
        "ALLOW",
        "ERRNO",
        "KILL",
        "KILL_PROCESS",
        "TRAP",
        "TRACE",
        "LOG",
    ];
    (prop::sample::select(NAMES), prop::option::of(1u32..200))
        .prop_map(|(name, ret)| (format!("SCMP_ACT_{name}"), ret))
}

/// Names that no multiplexer carries, so that the naive reading needs no second table.
const NAMES: &[&str] = &[
    "read",
    "write",
    "open",
    "close",
    "openat",
    "clone",
    "personality",
    "mount",
    "ptrace",
    "keyctl",
    "bpf",
    "clone3",
    "futex",
    "rt_sigaction",
    "execve",
    "readv",
    "ioctl",
    "preadv",
    "mseal",
    "no_such_call",
    "arm_fadvise64_64",
    "getuid32",
    "mmap2",
    "quotactl",
    "epoll_wait",
    "fstat64",
];

fn syscall() -> impl Strategy<Value = Syscall> {
    let args = prop_oneof![2 => Just(None), 3 => prop::collection::vec(arg(), 0..4).prop_map(Some)];
    (
        prop::collection::vec(prop::sample::select(NAMES), 1..8),
        action(),
        args,
    )
        .prop_map(|(names, (action, errno_ret), args)| Syscall {
            names: names.into_iter().map(str::to_owned).collect(),
            action,
            errno_ret,
            args,
        })
}

fn profile() -> impl Strategy<Value = Profile> {
    let arches = prop::sample::subsequence(vec!["X86_64", "X86", "X32", "MIPS", "AARCH64"], 0..5);
    (action(), arches, prop::collection::vec(syscall(), 0..40)).prop_map(
        |((default_action, default_errno_ret), arches, syscalls)| {
            let architectures = arches
                .into_iter()
                .map(|a| format!("SCMP_ARCH_{a}"))
                .collect();
            Profile {
                default_action,
                default_errno_ret,
                architectures,
                flags: None,
                listener_path: None,
                listener_metadata: None,
                syscalls,
            }
        },
    )
}

fn calls(profile: &Profile) -> Vec<(Abi, u32)> {
    let mut calls = Vec::new();
    for abi in arch::resolve(&profile.architectures).unwrap() {
        let named = NAMES.iter().filter_map(|name| syscalls::number(abi, name));
        calls.extend(
            named
                .flat_map(|nr| [nr, nr + 1])
                .map(|nr| (abi, nr | abi.marker())),
        );
        calls.extend([
            (abi, abi.marker()),
            (abi, 100_000 | abi.marker()),
            (abi, u32::MAX),
        ]);
    }
    calls
}

proptest! {
    #[test]
    fn program_agrees_with_the_profile(profile in profile(), args in prop::array::uniform6(word())) {
        let filter = compile(&profile, None).unwrap();
        for (abi, nr) in calls(&profile) {
            // 0xffffffff is a cancelled call only where x32 shares the number space.
            if nr == u32::MAX && !matches!(abi, Abi::X86_64 | Abi::X32) { continue }
            let call = Call { abi, nr, args };
            let (got, _) = interpret(&filter.program, abi.audit(), &call);
            prop_assert_eq!(got, evaluate(&profile, &call), "{:?}", call);
        }
        let foreign = Call { abi: Abi::X86_64, nr: 0, args };
        prop_assert_eq!(interpret(&filter.program, 0x1234, &foreign).0, libc::SECCOMP_RET_KILL_THREAD);
    }
}

fn allow(names: &[&str]) -> Syscall {
    Syscall {
        names: names.iter().map(|n| (*n).to_owned()).collect(),
        action: "SCMP_ACT_ALLOW".into(),
        errno_ret: None,
        args: None,
    }
}

fn refusing(architectures: &[&str], syscalls: Vec<Syscall>) -> Profile {
    Profile {
        default_action: "SCMP_ACT_ERRNO".into(),
        default_errno_ret: None,
        architectures: architectures.iter().map(|a| (*a).to_owned()).collect(),
        flags: None,
        listener_path: None,
        listener_metadata: None,
        syscalls,
    }
}

#[test]
#[cfg(target_arch = "x86_64")]
fn x32_calls_are_killed_where_the_profile_lacks_x32() {
    let filter = compile(&refusing(&[], vec![allow(&["read"])]), None).unwrap();
    let call = Call {
        abi: Abi::X32,
        nr: arch::X32_BIT,
        args: [0; 6],
    };
    assert_eq!(
        interpret(&filter.program, Abi::X32.audit(), &call).0,
        libc::SECCOMP_RET_KILL_THREAD
    );
}

#[test]
#[cfg(target_arch = "x86_64")]
fn socketcall_carries_socket_on_x86() {
    let filter = compile(
        &refusing(&["SCMP_ARCH_X86"], vec![allow(&["socket"])]),
        None,
    )
    .unwrap();
    let socketcall = |which| Call {
        abi: Abi::X86,
        nr: 102,
        args: [which, 0, 0, 0, 0, 0],
    };
    assert_eq!(
        interpret(&filter.program, Abi::X86.audit(), &socketcall(1)).0,
        libc::SECCOMP_RET_ALLOW
    );
    assert_eq!(
        interpret(&filter.program, Abi::X86.audit(), &socketcall(2)).0,
        Action::errno(libc::EPERM).0
    );
}

#[test]
fn what_cannot_be_meant_is_refused_by_name() {
    let mut profile = refusing(&["SCMP_ARCH_Z80"], vec![]);
    assert!(
        matches!(compile(&profile, None), Err(Error::Architecture(name)) if name == "SCMP_ARCH_Z80")
    );
    profile.architectures.clear();
    profile.default_action = "SCMP_ACT_NOTIFY".into();
    assert!(matches!(
        compile(&profile, None),
        Err(Error::NotifyForbidden(_))
    ));
    profile.default_action = "SCMP_ACT_ALLOW".into();
    profile.flags = Some(vec!["NO_SUCH_FLAG".into()]);
    assert!(matches!(compile(&profile, None), Err(Error::Flag(_))));
    profile.flags = None;
    profile.syscalls = vec![Syscall {
        action: "SCMP_ACT_NOTIFY".into(),
        ..allow(&["mkdir"])
    }];
    assert!(matches!(compile(&profile, None), Err(Error::NoListener)));
}

#[test]
fn the_kernel_takes_and_enforces_the_filter() {
    let mut profile = refusing(
        &[],
        vec![Syscall {
            action: "SCMP_ACT_ERRNO".into(),
            errno_ret: Some(77),
            ..allow(&["getppid"])
        }],
    );
    profile.default_action = "SCMP_ACT_ALLOW".into();
    let filter = compile(&profile, None).unwrap();
    // A filter binds the loading thread only, so a thread of its own keeps the test runner free.
    let errno = std::thread::spawn(move || {
        // SAFETY: no memory is involved in either call.
        unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
        filter.load().unwrap();
        // SAFETY: as above.
        Errno::result(unsafe { libc::syscall(libc::SYS_getppid) }).unwrap_err() as i32
    });
    assert_eq!(errno.join().unwrap(), 77);
}

/// A program that comes out differently must not be taken for one that was kept by an earlier rrunc.
#[test]
fn what_is_kept_is_what_is_compiled() {
    use sha2::{Digest, Sha256};
    let calls: Vec<&str> = syscalls::TABLE.iter().map(|(name, _)| *name).collect();
    let names: Vec<&str> = calls.iter().copied().step_by(3).collect();
    let profile: Profile = serde_json::from_value(serde_json::json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
        "syscalls": [
            {"names": names, "action": "SCMP_ACT_ALLOW"},
            {"names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_NE"}]},
            {"names": ["clone"], "action": "SCMP_ACT_LOG",
             "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]},
        ],
    }))
    .unwrap();
    let mut digest = Sha256::new();
    digest.update(format!("{:?}", syscalls::TABLE));
    for abis in [
        &[Abi::X86_64, Abi::X86, Abi::X32][..],
        &[Abi::Aarch64, Abi::Arm][..],
    ] {
        for step in compile::compile(&profile, abis).unwrap() {
            digest.update(format!(
                "{} {} {} {}\n",
                step.code, step.jt, step.jf, step.k
            ));
        }
    }
    let found: String = digest.finalize()[..8]
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    assert_eq!(
        (cache::REVISION, found.as_str()),
        (1, "e0530c54a559aed0"),
        "raise cache::REVISION, and note the new digest here"
    );
}
