//! CRC-64 as ISO 3309 has it (polynomial x⁶⁴+x⁴+x³+x+1, bits reversed), eight bytes at a time.

const POLYNOMIAL: u64 = 0xD800_0000_0000_0000;

const TABLES: [[u64; 256]; 8] = tables();

const fn tables() -> [[u64; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u64;
        let mut bit = 0;
        while bit < 8 {
            crc = match crc & 1 {
                1 => (crc >> 1) ^ POLYNOMIAL,
                _ => crc >> 1,
            };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut byte = 0;
    while byte < 256 {
        let mut crc = tables[0][byte];
        let mut table = 1;
        while table < 8 {
            crc = tables[0][(crc & 0xff) as usize] ^ (crc >> 8);
            tables[table][byte] = crc;
            table += 1;
        }
        byte += 1;
    }
    tables
}

/// A running sum.
#[derive(Clone, Debug)]
pub struct Crc64(u64);

impl Crc64 {
    pub fn new() -> Self {
        Self(!0)
    }

    pub fn update(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        let mut crc = self.0;
        for word in words {
            let mixed = (crc ^ u64::from_le_bytes(*word)).to_le_bytes();
            crc = 0;
            for (at, byte) in mixed.iter().enumerate() {
                crc ^= TABLES[7 - at][usize::from(*byte)];
            }
        }
        for byte in rest {
            crc = TABLES[0][usize::from(crc as u8 ^ byte)] ^ (crc >> 8);
        }
        self.0 = crc;
    }

    /// The sum's bytes, the highest first.
    pub fn sum(&self) -> [u8; 8] {
        (!self.0).to_be_bytes()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sum(bytes: &[u8]) -> u64 {
        let mut crc = Crc64::new();
        crc.update(bytes);
        u64::from_be_bytes(crc.sum())
    }

    #[test]
    fn known_sums() {
        assert_eq!(sum(b""), 0);
        assert_eq!(sum(b"123456789"), 0xB909_56C7_75A4_1001);
        // From Go's own tests of hash/crc64.
        assert_eq!(sum(b"a"), 0x3420_0000_0000_0000);
    }

    proptest! {
        #[test]
        fn the_same_in_pieces(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0_usize..200) {
            let (first, second) = bytes.split_at(at.min(bytes.len()));
            let mut crc = Crc64::new();
            crc.update(first);
            crc.update(second);
            prop_assert_eq!(u64::from_be_bytes(crc.sum()), sum(&bytes));
        }
    }
}
