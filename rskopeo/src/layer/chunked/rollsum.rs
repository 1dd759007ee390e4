//! Where a file is cut, by what stands there and not by how far it is from the file's beginning: a change moves only the cuts
//! near it. The sum is bup's, as containers-storage uses it, so that layers written by either share pieces.

const WINDOW: usize = 64;
const OFFSET: u32 = 31;
/// A cut every 64 KiB, on average.
const MASK: u32 = (1 << 16) - 1;

#[derive(Debug)]
pub(super) struct RollSum {
    first: u32,
    second: u32,
    window: [u8; WINDOW],
    at: usize,
}

impl Default for RollSum {
    fn default() -> Self {
        let window = WINDOW as u32;
        Self {
            first: window * OFFSET,
            second: window * (window - 1) * OFFSET,
            window: [0; WINDOW],
            at: 0,
        }
    }
}

impl RollSum {
    /// Takes a byte; whether to cut behind it.
    pub(super) fn roll(&mut self, byte: u8) -> bool {
        let gone = u32::from(std::mem::replace(&mut self.window[self.at], byte));
        self.at = (self.at + 1) % WINDOW;
        self.first = self.first.wrapping_add(u32::from(byte)).wrapping_sub(gone);
        self.second = self
            .second
            .wrapping_add(self.first)
            .wrapping_sub(WINDOW as u32 * (gone + OFFSET));
        self.second & MASK == MASK
    }

    /// Takes so many zeros, among which nobody cuts. Once the window is full of them nothing changes any more.
    pub(super) fn zeros(&mut self, count: u64) {
        for _ in 0..count.min(2 * WINDOW as u64) {
            self.roll(0);
        }
    }
}
