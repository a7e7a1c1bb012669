//! The deployment package: the program alone in a zip file, as `sam build` makes it.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use flate2::Crc;

/// Sizes in bytes.
pub struct Package {
    pub program: usize,
    pub zip: usize,
}

/// Measures the package of a program, which is called `bootstrap` in it.
pub fn measure(program: &Path) -> Result<Package> {
    let bytes = fs::read(program).with_context(|| format!("cannot read `{}`", program.display()))?;
    let zip = zip(b"bootstrap", &bytes)?;
    Ok(Package { program: bytes.len(), zip: zip.len() })
}

/// A zip file with one deflated file (APPNOTE.TXT - .ZIP File Format Specification, 4.3).
fn zip(name: &[u8], content: &[u8]) -> Result<Vec<u8>> {
    // Level 6 is what packagers use.
    let deflated = miniz_oxide::deflate::compress_to_vec(content, 6);
    let mut crc = Crc::new();
    crc.update(content);
    let mut common = Vec::new();
    // Version needed, flags, method "deflated", time and date.
    for field in [20_u16, 0, 8, 0, 0x21] {
        common.extend(field.to_le_bytes());
    }
    for field in [crc.sum(), u32::try_from(deflated.len())?, u32::try_from(content.len())?] {
        common.extend(field.to_le_bytes());
    }
    common.extend(u16::try_from(name.len())?.to_le_bytes());
    common.extend([0, 0]);
    let mut out = b"PK\x03\x04".to_vec();
    out.extend(&common);
    out.extend(name);
    out.extend(&deflated);
    let directory = u32::try_from(out.len())?;
    // Made by: Unix. Then no comment, disk 0, no internal attributes, mode 0755, offset 0.
    out.extend(b"PK\x01\x02\x14\x03");
    out.extend(&common);
    out.extend([0; 6]);
    out.extend((0o100_755_u32 << 16).to_le_bytes());
    out.extend([0; 4]);
    out.extend(name);
    let size = u32::try_from(out.len())? - directory;
    out.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    out.extend(size.to_le_bytes());
    out.extend(directory.to_le_bytes());
    out.extend([0, 0]);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn the_zip_file_holds_the_program() {
        let content = b"program ".repeat(1_000);
        let zip = zip(b"bootstrap", &content).unwrap();
        let length = u32::from_le_bytes(zip[18..22].try_into().unwrap()) as usize;
        assert_eq!(&zip[30..39], b"bootstrap");
        let mut inflated = Vec::new();
        flate2::read::DeflateDecoder::new(&zip[39..39 + length]).read_to_end(&mut inflated).unwrap();
        assert_eq!(inflated, content);
        // End of the central directory: where that begins.
        let directory = u32::from_le_bytes(zip[zip.len() - 6..zip.len() - 2].try_into().unwrap()) as usize;
        assert_eq!(directory, 39 + length);
        assert_eq!(&zip[directory..directory + 4], b"PK\x01\x02");
    }
}
