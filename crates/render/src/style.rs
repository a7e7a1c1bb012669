//! Colour, or none. Output is understandable without it.

use owo_colors::{OwoColorize, Style};
use whittle_analysis::result::{Severity, Verdict};

/// ANSI colour, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Color {
    /// Plain text.
    #[default]
    Off,
    /// ANSI escape sequences.
    On,
}

impl Color {
    fn paint(self, text: &str, style: Style) -> String {
        match self {
            Self::Off => text.to_owned(),
            Self::On => text.style(style).to_string(),
        }
    }

    /// A heading.
    pub fn heading(self, text: &str) -> String {
        self.paint(text, Style::new().bold())
    }

    /// Something less important.
    pub fn faint(self, text: &str) -> String {
        self.paint(text, Style::new().dimmed())
    }

    /// A severity word.
    pub fn severity(self, severity: Severity, text: &str) -> String {
        let style = match severity {
            Severity::Critical => Style::new().bold().red(),
            Severity::High => Style::new().red(),
            Severity::Medium => Style::new().yellow(),
            Severity::Low => Style::new().cyan(),
            Severity::Info => Style::new().dimmed(),
        };
        self.paint(text, style)
    }

    /// A verdict word.
    pub fn verdict(self, verdict: Verdict, text: &str) -> String {
        let style = match verdict {
            Verdict::Used | Verdict::Required | Verdict::Companion | Verdict::Possible => Style::new().green(),
            Verdict::Unused => Style::new().red(),
            Verdict::Unobservable | Verdict::Unknown => Style::new().yellow(),
        };
        self.paint(text, style)
    }
}
