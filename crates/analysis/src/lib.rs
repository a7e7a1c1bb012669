//! Grants × ledger × configuration → verdicts, findings, and suggestions with proofs.
//!
//! The path of one role: [`grants`] expands its Allow statements; [`usage`] splits its ledger by function;
//! [`required`] and [`needs`] say what must stay; [`observability`] says where absence of evidence is
//! evidence; [`decide`] gives each granted action a verdict and keeps grants or parts of them; [`suggest`]
//! makes policies of these; [`proof`] proves the policies against the originals; [`findings`] rates the
//! excess. [`analyze`] puts it together. Reasons are data ([`reason`]).
//!
//! In: an inventory, a ledger, coverage. Out: a [`result::Report`]. No clock: "now" is the end of the window.
//!
//! ```
//! use whittle_analysis::analyze::analyze;
//! use whittle_analysis::input::{AnalysisEvidence, AnalysisSettings};
//! use whittle_analysis::inventory::{Function, Inventory, Role, RolePolicy};
//! use whittle_analysis::reason::NoSuggestion;
//! use whittle_analysis::window::ObservationWindow;
//! use whittle_evidence::coverage::{Coverage, CoverageEvidence, DayWindow};
//! use whittle_evidence::ledger::Ledger;
//! use whittle_policy::PolicyDocument;
//!
//! let policy = r#"{"Version": "2012-10-17",
//!     "Statement": {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}}"#;
//! let mut inventory = Inventory::new("111122223333".parse()?, "aws");
//! // … with a function `orders` under a role of that policy
//! # let policies = vec![RolePolicy::inline("app", PolicyDocument::parse(policy)?)];
//! # let (arn, id) = ("arn:aws:iam::111122223333:role/orders", "AROAEXAMPLEEXAMPLE001");
//! # let role = Role { policies, ..Role::new(arn.parse()?, id.parse()?) };
//! # let function = Function {
//! #     arn: "arn:aws:lambda:eu-west-1:111122223333:function:orders".parse()?,
//! #     name: "orders".to_owned(),
//! #     region: "eu-west-1".parse()?,
//! #     role: role.arn.clone(),
//! #     versions: Vec::new(),
//! #     runtime: None,
//! #     last_modified: None,
//! #     config: Default::default(),
//! #     exposure: Default::default(),
//! # };
//! # inventory.functions.insert(function.arn.clone(), function);
//! # inventory.roles.insert(role.arn.clone(), role);
//! let ledger = Ledger::default();
//! let coverage = Coverage::new(CoverageEvidence {
//!     account: "111122223333",
//!     trails: None,
//!     history: None,
//!     facts: ledger.account(),
//!     window: DayWindow { start: 0, end: 0 },
//!     assume_quiet_days: false,
//! });
//! let report = analyze(
//!     &inventory,
//!     AnalysisEvidence {
//!         ledger: &ledger,
//!         coverage: &coverage,
//!         window: &ObservationWindow::default(),
//!         settings: &AnalysisSettings::default(),
//!         doubts: &[],
//!         density: 0.0,
//!     },
//! );
//! // No evidence is not evidence: nothing is called unused.
//! assert_eq!(report.functions[0].counts.unproven, 1);
//! assert_eq!(report.functions[0].no_suggestion, Some(NoSuggestion::NoEvidence.into()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod alert;
pub mod analyze;
mod callers;
pub mod confidence;
pub mod decide;
pub mod diff;
pub mod doubt;
pub mod drift;
pub mod findings;
pub mod function_history;
pub mod gate;
pub mod grants;
pub mod input;
pub mod inventory;
pub mod issue;
pub mod narrowable;
pub mod need;
pub mod needs;
pub mod observability;
mod pass_role;
pub mod proof;
pub mod proposal;
pub mod reason;
pub mod recently_granted;
pub mod required;
pub mod result;
pub mod risk;
pub mod stable_arn;
pub mod suggest;
mod unseen_code;
pub mod usage;
pub mod window;
