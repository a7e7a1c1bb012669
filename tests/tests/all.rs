//! One binary for all corpus and process tests.

mod apply;
mod architecture;
mod bad_input;
mod binary;
mod cases;
mod docs;
mod formats;
mod gate;
mod gate_template;
mod public_corpus;
mod resume;
mod seeing_less;
mod shop;
mod simulate;
mod store;
mod support;
mod tidy;

// The proxy of the system test, which has its own binary because it needs the emulator; its unit tests need
// nothing.
#[path = "../system/faults.rs"]
mod faults;
#[path = "../system/operation.rs"]
mod operation;
#[path = "../system/proxy.rs"]
mod proxy;
mod system_proxy;
#[path = "../system/wire.rs"]
mod wire;
