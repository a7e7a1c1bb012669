//! Files that are no catalog. Packing and damaged files: `xtask/src/refresh_catalog/encode/tests.rs`.

use crate::Catalog;

#[test]
fn other_files_are_refused_with_a_reason() {
    let load = |file: &[u8]| Catalog::from_bytes(file.to_vec()).map(|_| ()).map_err(|error| error.to_string());
    assert_eq!(load(b""), Err("not a catalog file".into()));
    assert_eq!(load(b"WCAT"), Err("not a catalog file".into()));
    assert_eq!(load(b"WCAT\x09\0\0\0"), Err("catalog format 9 is not supported, expected 1".into()));
    assert_eq!(load(b"WCAT\x01\0\0\0"), Err("catalog file is damaged: section lengths".into()));
    assert_eq!(load(b"{}"), Err("not a catalog file".into()));
}
