//! How the program is entered: by the kernel in a release build, by std's
//! runtime in a build that unwinds.

#[cfg(all(panic = "abort", not(test)))]
mod entry {
    use crate::sys::{self, Strings};

    #[cfg(target_arch = "x86_64")]
    core::arch::global_asm!(
        ".globl _start",
        "_start:",
        "xor ebp, ebp",
        "mov rdi, rsp",
        "and rsp, -16",
        "call {entry}",
        "ud2",
        entry = sym entry,
    );

    #[cfg(target_arch = "aarch64")]
    core::arch::global_asm!(
        ".globl _start",
        "_start:",
        "mov x29, #0",
        "mov x30, #0",
        "mov x0, sp",
        "bl {entry}",
        "brk #1",
        entry = sym entry,
    );

    /// `stack` is where the kernel left argc, argv…, NULL, envp…, NULL.
    extern "C" fn entry(stack: *const usize) -> ! {
        // SAFETY: the kernel's initial stack, laid out by the ELF ABI, which
        // stays in place for the life of the process.
        let (argv, envp) = unsafe {
            let argc = *stack;
            (stack.add(1).cast(), stack.add(argc + 2).cast())
        };
        // SAFETY: both arrays end with NULL and live as long as the process.
        let (argv, envp) = unsafe { (Strings::new(argv), Strings::new(envp)) };
        sys::exit(crate::run(argv, envp))
    }

    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
        sys::exit(101)
    }
}

/// Entry point of builds that unwind.
#[cfg(not(all(panic = "abort", not(test))))]
mod entry {
    use std::ffi::CString;
    use std::os::unix::ffi::OsStringExt;

    use crate::sys::Strings;

    #[cfg_attr(test, allow(dead_code))]
    pub(crate) fn main() {
        let argv = leak(std::env::args_os().map(OsStringExt::into_vec));
        let envp = leak(std::env::vars_os().map(|(name, value)| {
            let mut pair = name.into_vec();
            pair.push(b'=');
            pair.extend(value.into_vec());
            pair
        }));
        std::process::exit(crate::run(argv, envp));
    }

    pub(crate) fn leak(strings: impl Iterator<Item = Vec<u8>>) -> Strings {
        let mut array: Vec<*const u8> = strings
            .filter_map(|s| CString::new(s).ok())
            .map(|s| s.into_raw().cast_const().cast())
            .collect();
        array.push(core::ptr::null());
        // SAFETY: the array is leaked, ends with NULL, and so do its strings.
        unsafe { Strings::new(array.leak().as_ptr()) }
    }
}

#[cfg(test)]
pub(crate) use entry::leak;
#[cfg(not(all(panic = "abort", not(test))))]
pub(crate) use entry::main;
