//! A layer, written to a tree of its own.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rskopeo::fuzzing::unpack(bytes));
