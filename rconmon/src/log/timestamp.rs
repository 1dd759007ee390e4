//! Local time with nanoseconds and zone, as CRI logs want it.
#![expect(unsafe_code, reason = "localtime_r, whose zone rules are libc's")]

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

/// `2024-01-31T23:59:59.123456789+01:00`
pub(crate) const LENGTH: usize = 35;
const NANOSECONDS: std::ops::Range<usize> = 20..29;

/// Writes timestamps; what is the same for a second is computed once.
pub(crate) struct Clock {
    second: i64,
    text: [u8; LENGTH],
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self {
            second: i64::MIN,
            text: [0; LENGTH],
        }
    }

    pub(crate) fn now(&mut self) -> &[u8; LENGTH] {
        // A clock before 1970 shows 1970.
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        self.at(now.as_secs().cast_signed(), now.subsec_nanos())
    }

    fn at(&mut self, second: i64, nanosecond: u32) -> &[u8; LENGTH] {
        if second != self.second {
            self.text = whole_second(second);
            self.second = second;
        }
        let mut rest = nanosecond;
        for digit in self.text[NANOSECONDS].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        &self.text
    }
}

fn whole_second(second: i64) -> [u8; LENGTH] {
    let mut time = std::mem::MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are valid; a failure leaves zeroes, which are a
    // valid `tm`.
    let time = unsafe {
        libc::localtime_r(&raw const second, time.as_mut_ptr());
        time.assume_init()
    };
    let sign = if time.tm_gmtoff < 0 { '-' } else { '+' };
    let offset = time.tm_gmtoff.unsigned_abs();
    let mut text = [0; LENGTH];
    let written = write!(
        &mut text[..],
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.000000000{sign}{:02}:{:02}",
        time.tm_year + 1900,
        time.tm_mon + 1,
        time.tm_mday,
        time.tm_hour,
        time.tm_min,
        time.tm_sec,
        offset / 3600,
        offset % 3600 / 60,
    );
    debug_assert!(written.is_ok(), "a year of more than four digits");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nanoseconds_are_filled_in() {
        let mut clock = Clock::new();
        let first = *clock.at(1_700_000_000, 5);
        let second = *clock.at(1_700_000_000, 123_456_789);
        assert_eq!(&first[..20], &second[..20]);
        assert_eq!(&first[NANOSECONDS], b"000000005");
        assert_eq!(&second[NANOSECONDS], b"123456789");
        assert!(matches!(first[29], b'+' | b'-'));
    }
}
