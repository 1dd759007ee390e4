//! How the program is entered: by the kernel in a release build, by std's
//! runtime in a build that unwinds.

#[cfg(panic = "abort")]
mod entry {
    use rpause::{Strings, exit};

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
        exit(rpause::run(argv, envp))
    }

    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
        exit(101)
    }
}

/// Entry point of builds that unwind.
#[cfg(not(panic = "abort"))]
mod entry {
    use std::os::unix::ffi::OsStringExt;

    use rpause::Strings;

    // Clippy looks at a test of the program, too, which has a main of its own.
    #[cfg_attr(test, allow(dead_code))]
    pub(crate) fn main() {
        let argv = Strings::leak(std::env::args_os().map(OsStringExt::into_vec));
        let envp = Strings::leak(std::env::vars_os().map(|(name, value)| {
            let mut pair = name.into_vec();
            pair.push(b'=');
            pair.extend(value.into_vec());
            pair
        }));
        std::process::exit(rpause::run(argv, envp));
    }
}

#[cfg(not(panic = "abort"))]
pub(crate) use entry::main;
