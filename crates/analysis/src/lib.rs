//! Grants × ledger × configuration → verdicts, findings, and suggestions with proofs.
//!
//! The path of one role: [`grants`] expands its Allow statements; [`usage`] splits its ledger by function; [`required`] and
//! [`needs`] say what must stay; [`observe`] says where absence of evidence is evidence; [`decide`] gives each granted
//! action a verdict and keeps pieces of grants; [`suggest`] makes policies of them; [`proof`] proves these against the
//! originals; [`findings`] rates the excess. [`analyze`] puts it together.
//!
//! In: an inventory, a ledger, coverage. Out: a [`result::Report`]. No clock: "now" is the end of the window.

pub mod alert;
pub mod analyze;
pub mod confidence;
pub mod decide;
pub mod diff;
pub mod drift;
pub mod enduring;
pub mod findings;
pub mod gate;
pub mod grants;
pub mod inventory;
pub mod issue;
pub mod narrowable;
pub mod need;
pub mod needs;
pub mod observe;
mod pass_role;
pub mod proof;
pub mod proposal;
pub mod required;
pub mod result;
pub mod risk;
pub mod suggest;
pub mod usage;
