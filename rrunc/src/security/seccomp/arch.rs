//! The architectures that a filter on this machine can be asked about.

use super::Error;

/// A calling convention with a system call table of its own; the order is that of the table's columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Abi {
    X86_64,
    X86,
    X32,
    Aarch64,
    Arm,
}

/// Set in the number of every x32 call; x32 shares its audit architecture with x86_64.
pub(super) const X32_BIT: u32 = 0x4000_0000;

#[cfg(target_arch = "x86_64")]
pub(super) const NATIVE: Abi = Abi::X86_64;
#[cfg(target_arch = "aarch64")]
pub(super) const NATIVE: Abi = Abi::Aarch64;

impl Abi {
    /// `seccomp_data.arch` of calls made through this ABI (AUDIT_ARCH_* of linux/audit.h).
    pub(super) fn audit(self) -> u32 {
        const LE: u32 = 0x4000_0000;
        const BITS64: u32 = 0x8000_0000;
        match self {
            Abi::X86_64 | Abi::X32 => 62 | LE | BITS64,
            Abi::X86 => 3 | LE,
            Abi::Aarch64 => 183 | LE | BITS64,
            Abi::Arm => 40 | LE,
        }
    }

    /// Whether a call's arguments are compared in all 64 bits; the 32-bit ABIs, x32 among them,
    /// compare the low word only, as libseccomp does.
    pub(super) fn wide(self) -> bool {
        matches!(self, Abi::X86_64 | Abi::Aarch64)
    }

    /// What is added to a table number to make `seccomp_data.nr`.
    pub(super) fn marker(self) -> u32 {
        if self == Abi::X32 { X32_BIT } else { 0 }
    }

    fn runs_here(self) -> bool {
        match NATIVE {
            Abi::Aarch64 | Abi::Arm => matches!(self, Abi::Aarch64 | Abi::Arm),
            _ => matches!(self, Abi::X86_64 | Abi::X86 | Abi::X32),
        }
    }
}

/// Architectures of other machines, as SCMP_ARCH_* names them.
const FOREIGN: [&str; 18] = [
    "LOONGARCH64",
    "M68K",
    "MIPS",
    "MIPS64",
    "MIPS64N32",
    "MIPSEL",
    "MIPSEL64",
    "MIPSEL64N32",
    "PARISC",
    "PARISC64",
    "PPC",
    "PPC64",
    "PPC64LE",
    "RISCV64",
    "S390",
    "S390X",
    "SH",
    "SHEB",
];

/// All that a profile may name.
pub(crate) fn names() -> Vec<String> {
    let mut names: Vec<String> = ["AARCH64", "ARM", "X32", "X86", "X86_64"]
        .iter()
        .chain(&FOREIGN)
        .map(|name| format!("SCMP_ARCH_{name}"))
        .collect();
    names.sort_unstable();
    names
}

/// The ABIs to filter: the native one, always, and those named that this kernel could run. A known
/// architecture that cannot run here is accepted and needs no code: no call of it can arrive.
pub(super) fn resolve(names: &[String]) -> Result<Vec<Abi>, Error> {
    let mut abis = vec![NATIVE];
    for name in names {
        let short = name.strip_prefix("SCMP_ARCH_").unwrap_or(name);
        let abi = match short {
            "X86_64" => Abi::X86_64,
            "X86" => Abi::X86,
            "X32" => Abi::X32,
            "AARCH64" => Abi::Aarch64,
            "ARM" => Abi::Arm,
            "NATIVE" => NATIVE,
            other if FOREIGN.contains(&other) => continue,
            _ => return Err(Error::Architecture(name.clone())),
        };
        if abi.runs_here() && !abis.contains(&abi) {
            abis.push(abi);
        }
    }
    Ok(abis)
}
