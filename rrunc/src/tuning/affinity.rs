//! On which CPUs the process runs (sched_setaffinity(2)).

use anyhow::{Context, Result, anyhow, ensure};
use nix::errno::Errno;

/// More than any machine has.
const CPUS: usize = 8192;
const WORD: usize = u64::BITS as usize;

/// CPUs as a mask.
#[derive(Debug)]
pub(crate) struct Cpus(Box<[u64; CPUS / WORD]>);

impl Cpus {
    /// Read a list in the form of cpuset(7): `0-3,7`.
    ///
    /// # Errors
    /// It is not of that form, or names no CPU.
    pub(crate) fn parse(list: &str) -> Result<Cpus> {
        let mut mask = Box::new([0; CPUS / WORD]);
        for cpu in numbers(list, CPUS).with_context(|| format!("CPU list {list:?}"))? {
            mask[cpu / WORD] |= 1 << (cpu % WORD);
        }
        ensure!(mask.iter().any(|word| *word != 0), "no CPU in {list:?}");
        Ok(Cpus(mask))
    }

    /// Run this process there from now on.
    ///
    /// # Errors
    /// None of them may be used.
    pub(crate) fn apply(&self) -> Result<()> {
        set(&self.0[..]).context("sched_setaffinity")
    }
}

/// Forget what was inherited: run wherever the cgroup allows it.
///
/// # Errors
/// The kernel refuses.
pub(crate) fn reset() -> Result<()> {
    match set(&[u64::MAX; CPUS / WORD]) {
        // A sandbox may forbid it; then what was inherited stays.
        Err(Errno::EPERM | Errno::EINVAL) => Ok(()),
        other => other.context("reset the CPU affinity"),
    }
}

fn set(mask: &[u64]) -> Result<(), Errno> {
    // SAFETY: the kernel reads as many bytes as the mask has.
    let done = unsafe {
        libc::syscall(
            libc::SYS_sched_setaffinity,
            0,
            size_of_val(mask),
            mask.as_ptr(),
        )
    };
    Errno::result(done).map(drop)
}

/// The numbers of a list like `0-3,7`, all below a bound.
///
/// # Errors
/// It is not of that form, or a number is too large.
pub(super) fn numbers(list: &str, bound: usize) -> Result<Vec<usize>> {
    let mut numbers = Vec::new();
    for range in list
        .split(',')
        .map(str::trim)
        .filter(|range| !range.is_empty())
    {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let number = |text: &str| {
            text.parse::<usize>()
                .map_err(|_| anyhow!("{range:?} is not a number or a range"))
        };
        let (first, last) = (number(first)?, number(last)?);
        ensure!(first <= last, "{range:?} is backwards");
        ensure!(last < bound, "{range:?} is out of range");
        numbers.extend(first..=last);
    }
    Ok(numbers)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lists_have_ranges() {
        assert_eq!(numbers("0-2, 7,", 8).unwrap(), [0, 1, 2, 7]);
        for list in ["a", "1-", "-1", "3-1", "8", "0-8"] {
            numbers(list, 8).unwrap_err();
        }
        Cpus::parse("").unwrap_err();
    }

    proptest! {
        #[test]
        fn no_list_makes_the_parser_panic(list in "[0-9,\\- a]{0,12}") {
            for number in numbers(&list, 64).unwrap_or_default() {
                prop_assert!(number < 64);
            }
        }
    }
}
