//! The suite that all stores pass.

use whittle_testkit::store_suite::{StorePlace, every_plain_store, every_store};

use super::*;

struct Folder(TempDir);

impl StorePlace for Folder {
    type Store = SqliteStore;

    fn open(&self) -> SqliteStore {
        SqliteStore::open(self.0.path().join("whittle.db")).unwrap()
    }
}

#[test]
fn it_does_what_every_store_does() {
    let new = || Folder(tempfile::tempdir().unwrap());
    every_store(new);
    every_plain_store(new);
}
