//! What `fuzz/` feeds with arbitrary bytes: none of it may panic. Without `--cfg fuzzing` there is nothing here.
#![cfg(fuzzing)]
#![allow(dead_code, reason = "the rest is the program's")]

mod args;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

pub fn arguments(bytes: &[u8]) {
    let words = bytes.split(|byte| *byte == 0).map(<[u8]>::to_vec);
    let _ = args::parse(words.map(OsString::from_vec));
}
