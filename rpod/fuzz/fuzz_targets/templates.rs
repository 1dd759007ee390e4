//! Go templates over a small document.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rpod_fuzzing::templates(bytes));
