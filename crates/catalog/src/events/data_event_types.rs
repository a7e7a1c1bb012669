//! Data event resource types: `data/events/data-event-types-2026-11.txt`.

static TEXT: &str = include_str!("../../data/events/data-event-types-2026-11.txt");

/// Values of `resources.type`.
pub(super) fn read() -> Vec<&'static str> {
    TEXT.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect()
}
