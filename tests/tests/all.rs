//! One binary for all corpus and process tests.

mod architecture;
mod bad_input;
mod binary;
mod cases;
mod docs;
mod public_corpus;
mod resume;
mod shop;
mod support;
