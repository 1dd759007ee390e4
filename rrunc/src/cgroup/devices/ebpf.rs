//! The device program of a cgroup v2 group (bpf(2), BPF_PROG_TYPE_CGROUP_DEVICE).

use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

use anyhow::{Context, Result};
use nix::errno::Errno;

use super::{Kind, MKNOD, Policy, READ, WRITE};

/// One eBPF instruction (`struct bpf_insn`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub(super) struct Instruction {
    pub(super) code: u8,
    /// Destination in the low half, source in the high half.
    pub(super) registers: u8,
    pub(super) offset: i16,
    pub(super) immediate: i32,
}

pub(super) mod code {
    pub(in super::super) const LOAD_WORD: u8 = 0x61;
    pub(in super::super) const AND: u8 = 0x54;
    pub(in super::super) const SHIFT_RIGHT: u8 = 0x74;
    pub(in super::super) const MOVE: u8 = 0xb4;
    pub(in super::super) const MOVE_REGISTER: u8 = 0xbc;
    pub(in super::super) const JUMP_UNEQUAL: u8 = 0x56;
    pub(in super::super) const JUMP_UNEQUAL_REGISTER: u8 = 0x5e;
    pub(in super::super) const JUMP_EQUAL: u8 = 0x16;
    pub(in super::super) const EXIT: u8 = 0x95;
}
use code::*;

/// R1 is the context: a word of type and access, the major and the minor number.
const CONTEXT: u8 = 1;
const VERDICT: u8 = 0;
const TYPE: u8 = 2;
const ACCESS: u8 = 3;
const MAJOR: u8 = 4;
const MINOR: u8 = 5;

fn on(code: u8, register: u8, immediate: i32) -> Instruction {
    Instruction {
        code,
        registers: register,
        offset: 0,
        immediate,
    }
}

fn load(register: u8, offset: i16) -> Instruction {
    Instruction {
        code: LOAD_WORD,
        registers: register | CONTEXT << 4,
        offset,
        immediate: 0,
    }
}

/// The program: the mode's verdict, save where an exception matches.
pub(super) fn program(policy: &Policy) -> Vec<Instruction> {
    let mut program = vec![
        load(TYPE, 0),
        on(AND, TYPE, 0xffff),
        load(ACCESS, 0),
        on(SHIFT_RIGHT, ACCESS, 16),
        load(MAJOR, 4),
        load(MINOR, 8),
    ];
    for (devices, access) in &policy.exceptions {
        let kind = if devices.kind == Kind::Block { 1 } else { 2 };
        let mut tests = vec![on(JUMP_UNEQUAL, TYPE, kind)];
        if let Some(major) = devices.major {
            tests.push(on(JUMP_UNEQUAL, MAJOR, major.cast_signed()));
        }
        if let Some(minor) = devices.minor {
            tests.push(on(JUMP_UNEQUAL, MINOR, minor.cast_signed()));
        }
        if *access != READ | WRITE | MKNOD {
            tests.push(Instruction {
                code: MOVE_REGISTER,
                registers: CONTEXT | ACCESS << 4,
                offset: 0,
                immediate: 0,
            });
            tests.push(on(AND, CONTEXT, i32::from(*access)));
            // To allow, the exception must hold every access asked for; to deny, any of them.
            tests.push(match policy.allowed {
                false => Instruction {
                    code: JUMP_UNEQUAL_REGISTER,
                    registers: CONTEXT | ACCESS << 4,
                    offset: 0,
                    immediate: 0,
                },
                true => on(JUMP_EQUAL, CONTEXT, 0),
            });
        }
        let length = tests.len();
        for (at, test) in tests.iter_mut().enumerate() {
            if matches!(test.code, JUMP_UNEQUAL | JUMP_UNEQUAL_REGISTER | JUMP_EQUAL) {
                // Past the remaining tests and the two instructions of the verdict.
                test.offset = (length - at - 1 + 2) as i16;
            }
        }
        program.extend(tests);
        program.extend([
            on(MOVE, VERDICT, i32::from(!policy.allowed)),
            on(EXIT, 0, 0),
        ]);
    }
    program.extend([on(MOVE, VERDICT, i32::from(policy.allowed)), on(EXIT, 0, 0)]);
    program
}

/// Loads the policy's program and makes it the group's only one of ours: programs attached before
/// are replaced, so that an update leaves no older rule in force and no moment without any.
pub(crate) fn attach(policy: &Policy, group: &Path) -> Result<()> {
    let directory = File::open(group).with_context(|| format!("open {}", group.display()))?;
    let program = load_program(&program(policy)).context("load the device program (bpf)")?;
    let attached = attached(&directory)
        .with_context(|| format!("ask for the device programs of {}", group.display()))?;
    let single = if let [old] = attached.as_slice() {
        Some(old)
    } else {
        None
    };
    attach_program(&directory, &program, single)
        .with_context(|| format!("attach the device program to {}", group.display()))?;
    if single.is_none() {
        for old in &attached {
            detach_program(&directory, old).with_context(|| {
                format!("detach the older device program of {}", group.display())
            })?;
        }
    }
    Ok(())
}

const PROG_LOAD: libc::c_int = 5;
const PROG_ATTACH: libc::c_int = 8;
const PROG_DETACH: libc::c_int = 9;
const PROG_GET_FD_BY_ID: libc::c_int = 13;
const PROG_QUERY: libc::c_int = 16;
const PROG_TYPE_CGROUP_DEVICE: u32 = 15;
const ATTACH_TYPE_CGROUP_DEVICE: u32 = 6;
const ALLOW_MULTI: u32 = 2;
const REPLACE: u32 = 4;

/// The part of `union bpf_attr` that a command uses, as words; what is left out is zero.
fn bpf<const N: usize>(command: libc::c_int, attributes: &mut [u32; N]) -> nix::Result<i32> {
    // SAFETY: the kernel reads and writes at most the given size, which is the array's.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            attributes.as_mut_ptr(),
            size_of_val(attributes),
        )
    };
    Errno::result(result).map(|value| value as i32)
}

/// An address as the two words of a 64-bit field.
fn address<T>(pointer: *const T) -> [u32; 2] {
    let address = pointer as u64;
    let words = [address as u32, (address >> 32) as u32];
    if cfg!(target_endian = "little") {
        words
    } else {
        [words[1], words[0]]
    }
}

/// Owns a descriptor that bpf(2) returned.
fn owned(fd: i32) -> OwnedFd {
    // SAFETY: the descriptor is new and nobody else's.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

fn load_program(program: &[Instruction]) -> nix::Result<OwnedFd> {
    let [code_low, code_high] = address(program.as_ptr());
    let [license_low, license_high] = address(c"Apache".as_ptr());
    let mut attributes = [
        PROG_TYPE_CGROUP_DEVICE,
        program.len() as u32,
        code_low,
        code_high,
        license_low,
        license_high,
    ];
    bpf(PROG_LOAD, &mut attributes).map(owned)
}

fn attach_program(group: &File, program: &OwnedFd, old: Option<&OwnedFd>) -> nix::Result<()> {
    let flags = if old.is_some() {
        ALLOW_MULTI | REPLACE
    } else {
        ALLOW_MULTI
    };
    let old = old.map_or(0, |old| old.as_raw_fd() as u32);
    let mut attributes = [
        group.as_raw_fd() as u32,
        program.as_raw_fd() as u32,
        ATTACH_TYPE_CGROUP_DEVICE,
        flags,
        old,
    ];
    bpf(PROG_ATTACH, &mut attributes).map(drop)
}

fn detach_program(group: &File, program: &OwnedFd) -> nix::Result<()> {
    let mut attributes = [
        group.as_raw_fd() as u32,
        program.as_raw_fd() as u32,
        ATTACH_TYPE_CGROUP_DEVICE,
    ];
    bpf(PROG_DETACH, &mut attributes).map(drop)
}

/// The device programs attached to the group itself.
fn attached(group: &File) -> nix::Result<Vec<OwnedFd>> {
    // The kernel takes no more than 64 programs in one group.
    let mut ids = [0u32; 64];
    let [low, high] = address(ids.as_mut_ptr());
    // The whole structure of the query, as some kernels write its last field unasked.
    let mut query = [0u32; 16];
    query[..7].copy_from_slice(&[
        group.as_raw_fd() as u32,
        ATTACH_TYPE_CGROUP_DEVICE,
        0,
        0,
        low,
        high,
        ids.len() as u32,
    ]);
    bpf(PROG_QUERY, &mut query)?;
    let count = query[6] as usize;
    ids[..count]
        .iter()
        .map(|id| bpf(PROG_GET_FD_BY_ID, &mut [*id]).map(owned))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::tests::rule;
    use super::*;

    /// Runs the few instructions that `program` uses.
    fn run(program: &[Instruction], kind: u32, access: u32, major: u32, minor: u32) -> u32 {
        let context = [access << 16 | kind, major, minor];
        let (mut registers, mut at) = ([0u32; 11], 0usize);
        loop {
            let i = program[at];
            at += 1;
            let (to, from) = (usize::from(i.registers & 15), usize::from(i.registers >> 4));
            let (immediate, jump) = (i.immediate as u32, i.offset as usize);
            match i.code {
                LOAD_WORD => registers[to] = context[i.offset as usize / 4],
                AND => registers[to] &= immediate,
                SHIFT_RIGHT => registers[to] >>= immediate,
                MOVE => registers[to] = immediate,
                MOVE_REGISTER => registers[to] = registers[from],
                JUMP_UNEQUAL if registers[to] != immediate => at += jump,
                JUMP_UNEQUAL_REGISTER if registers[to] != registers[from] => at += jump,
                JUMP_EQUAL if registers[to] == immediate => at += jump,
                JUMP_UNEQUAL | JUMP_UNEQUAL_REGISTER | JUMP_EQUAL => {}
                EXIT => return registers[0],
                other => panic!("{other:#x}"),
            }
        }
    }

    const BLOCK: u32 = 1;
    const CHAR: u32 = 2;

    #[test]
    fn a_closed_policy_allows_what_one_exception_covers() {
        let rules = [rule(false, "a", -1, -1, "rwm"), rule(true, "b", 8, -1, "r")];
        let program = program(&Policy::new(&rules).unwrap());
        let ask = |kind, access: u8, major, minor| run(&program, kind, access.into(), major, minor);
        assert_eq!(ask(BLOCK, READ, 8, 3), 1);
        assert_eq!(ask(BLOCK, READ | WRITE, 8, 3), 0);
        assert_eq!(ask(CHAR, READ | WRITE, 1, 3), 1);
        assert_eq!(ask(CHAR, READ, 1, 4), 0);
        assert_eq!(ask(CHAR, MKNOD, 77, 7), 1);
        assert_eq!(ask(CHAR, READ | WRITE, 136, 99), 1);
    }

    #[test]
    fn an_open_policy_denies_what_any_exception_touches() {
        let rules = [rule(true, "a", -1, -1, "rwm"), rule(false, "c", 9, 9, "w")];
        let program = program(&Policy::new(&rules).unwrap());
        assert_eq!(run(&program, CHAR, u32::from(READ | WRITE), 9, 9), 0);
        assert_eq!(run(&program, CHAR, u32::from(READ), 9, 9), 1);
        assert_eq!(run(&program, BLOCK, u32::from(WRITE), 9, 9), 1);
    }

    #[test]
    fn the_kernels_verifier_takes_the_programs() {
        let open = [rule(true, "a", -1, -1, "rwm"), rule(false, "c", 9, 9, "w")];
        for rules in [&open[..], &[]] {
            match load_program(&program(&Policy::new(rules).unwrap())) {
                Err(Errno::EPERM) => return,
                result => drop(result.unwrap()),
            }
        }
    }
}
