//! RSA signatures: verification with a public key, nothing else.
//!
//! RFC 8017: the key in section A.1.1, the encoding of the hash in 9.2, verification in 8.2.2. The signed
//! block is made anew and compared as a whole, so nothing in a forged block is parsed. Only public values are
//! at work.

use num_bigint::BigUint;
use sha2::{Digest as _, Sha256};

/// DER of the `DigestInfo` of SHA-256 before the hash (RFC 8017, section 9.2, note 1).
const SHA256_PREFIX: [u8; 19] =
    [0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

/// Bits of a modulus: below, a signature proves nothing; above, a hostile file would cost minutes.
const MODULUS_BITS: std::ops::RangeInclusive<u64> = 2048..=8192;

/// An RSA public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RsaPublicKey {
    modulus: BigUint,
    exponent: BigUint,
}

impl RsaPublicKey {
    /// Reads `RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }`.
    pub(super) fn from_der(der: &[u8]) -> Option<Self> {
        let (sequence, rest) = element(der, 0x30)?;
        let (modulus, after) = element(sequence, 0x02)?;
        let (exponent, end) = element(after, 0x02)?;
        // A leading bit would make a DER integer negative.
        let is_positive = |integer: &[u8]| integer.first().is_some_and(|&byte| byte < 0x80);
        if !rest.is_empty() || !end.is_empty() || !is_positive(modulus) || !is_positive(exponent) {
            return None;
        }
        let key = Self { modulus: BigUint::from_bytes_be(modulus), exponent: BigUint::from_bytes_be(exponent) };
        let is_usable = MODULUS_BITS.contains(&key.modulus.bits())
            && key.modulus.bit(0)
            && key.exponent.bit(0)
            && (2..=33).contains(&key.exponent.bits());
        is_usable.then_some(key)
    }

    /// True if the holder of the key signed the message (RSASSA-PKCS1-v1_5 with SHA-256).
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let length = usize::try_from(self.modulus.bits().div_ceil(8)).unwrap_or_default();
        let number = BigUint::from_bytes_be(signature);
        if signature.len() != length || number >= self.modulus {
            return false;
        }
        let hash = Sha256::digest(message);
        let padding = length.saturating_sub(3 + SHA256_PREFIX.len() + hash.len());
        let mut block = vec![0x00, 0x01];
        block.resize(2 + padding, 0xff);
        block.push(0x00);
        block.extend(SHA256_PREFIX);
        block.extend(hash);
        block.len() == length && number.modpow(&self.exponent, &self.modulus) == BigUint::from_bytes_be(&block)
    }
}

/// The content of the DER element at the start of `der`, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = der.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        ..=0x7f => (usize::from(length), rest),
        0x81..=0x83 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        // No length of its own, or one that no key has.
        0x80 | 0x84.. => return None,
    };
    (first == tag).then(|| rest.split_at_checked(length))?
}
