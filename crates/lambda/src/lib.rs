//! The scheduled function. So far: the events that it will be invoked with.
//!
//! The handler comes with the AWS adapters; what an operator may send, and how a wrong event is refused, is decided here.

pub mod event;
