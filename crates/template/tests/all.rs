//! One binary for all round trips.

mod properties;
mod round_trips;
mod support;
mod terraform;
