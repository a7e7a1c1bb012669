//! SplitMix64 (Steele, Lea, Flood 2014): small, and the same on each machine.

use super::SEED;

/// A stream of pseudo-random numbers, one for each purpose, so that a change to one leaves the others as they
/// were.
pub struct Prng(u64);

impl Prng {
    /// The stream for `purpose` on `day`.
    pub fn new(purpose: &str, day: u32) -> Self {
        // FNV-1a over the purpose, then one step of the generator to spread it.
        let hash = purpose
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mut seeded = Self(SEED ^ hash);
        let start = seeded.next();
        Self(start ^ u64::from(day).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which must not be zero.
    pub fn below(&mut self, bound: u32) -> u32 {
        u32::try_from(self.next() % u64::from(bound)).unwrap_or(0)
    }

    /// A number in `low..=high`.
    pub fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high - low + 1)
    }

    /// True once in `times` on average.
    pub fn once_in(&mut self, times: u32) -> bool {
        self.below(times) == 0
    }

    /// One of `choices`.
    pub fn pick(&mut self, choices: &[&'static str]) -> &'static str {
        let count = u32::try_from(choices.len()).unwrap_or(1).max(1);
        let index = usize::try_from(self.below(count)).unwrap_or(0);
        choices.get(index).copied().unwrap_or_default()
    }

    /// `length` characters of `alphabet` (ASCII).
    pub fn text(&mut self, length: usize, alphabet: &str) -> String {
        let alphabet: Vec<char> = alphabet.chars().collect();
        let count = u32::try_from(alphabet.len()).unwrap_or(1).max(1);
        (0..length).filter_map(|_| alphabet.get(usize::try_from(self.below(count)).unwrap_or(0)).copied()).collect()
    }

    /// A random (version 4) UUID.
    pub fn uuid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        let high = (high & !0xf000) | 0x4000;
        let low = (low & !(0b11 << 62)) | (0b10 << 62);
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        )
    }
}

/// Alphabet of access key ids and role ids.
pub const BASE32: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Alphabet of DynamoDB's request ids.
pub const BASE32_HEX: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUV";
/// Upper-case hexadecimal digits, as in S3 request ids.
pub const HEX: &str = "0123456789ABCDEF";
/// Alphabet of the random part of trail file names.
pub const ALPHANUMERIC: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
