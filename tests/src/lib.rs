//! Corpus and process tests; the code is under `tests/`.
