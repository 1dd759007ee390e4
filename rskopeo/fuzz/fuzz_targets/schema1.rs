//! Schema 1: its history, its signature, and what is made of it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rskopeo::fuzzing::schema1(bytes));
