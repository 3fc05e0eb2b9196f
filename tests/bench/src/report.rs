//! Tables of what was measured, as text that is also Markdown.

use crate::measure::{Measured, Spread};

/// What a workload must not exceed, and what it came to.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) what: &'static str,
    pub(crate) most: f64,
    pub(crate) found: f64,
    pub(crate) unit: &'static str,
}

/// One workload.
#[derive(Debug, Clone, Default)]
pub(crate) struct Section {
    pub(crate) title: String,
    /// What is done, in a sentence or two.
    pub(crate) about: String,
    pub(crate) table: Table,
    pub(crate) targets: Vec<Target>,
    pub(crate) remarks: Vec<String>,
}

/// Rows of cells below a heading.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    pub(crate) heading: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Target {
    fn is_met(&self) -> bool {
        self.found <= self.most
    }

    fn sentence(&self) -> String {
        let unit = if self.unit.is_empty() {
            String::new()
        } else {
            format!(" {}", self.unit)
        };
        format!(
            "{}: at most {}{unit}, found {}{unit}",
            self.what,
            figure(self.most),
            figure(self.found)
        )
    }
}

impl Section {
    /// A sentence for each target that was not met.
    pub(crate) fn missed(&self) -> impl Iterator<Item = String> + '_ {
        let missed = self.targets.iter().filter(|target| !target.is_met());
        missed.map(|target| format!("{} — {}", self.title, target.sentence()))
    }

    /// The section in Markdown.
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("## {}\n\n{}\n\n", self.title, self.about);
        text.push_str(&self.table.markdown());
        if !self.targets.is_empty() {
            text.push('\n');
        }
        for target in &self.targets {
            let verdict = if target.is_met() {
                "met"
            } else {
                "**not met**"
            };
            text.push_str(&format!("- {}: {verdict}.\n", target.sentence()));
        }
        if !self.remarks.is_empty() {
            text.push('\n');
        }
        for remark in &self.remarks {
            text.push_str(remark);
            text.push('\n');
        }
        text
    }
}

impl Table {
    pub(crate) fn markdown(&self) -> String {
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
        };
        let mut text = line(&mut self.heading.iter().copied());
        text.push_str(&line(&mut self.heading.iter().map(|_| "---")));
        for row in &self.rows {
            text.push_str(&line(&mut row.iter().map(String::as_str)));
        }
        text
    }
}

/// The columns that all workloads have; the first contender is Cairn.
pub(crate) fn compared(measured: &[Measured]) -> Table {
    let mut table = Table {
        heading: vec![
            "",
            "wall ms (min / median / max)",
            "CPU ms (min / median / max)",
            "bytes",
            "messages",
            "one-way trips (until visible / all)",
            "Cairn's CPU ×",
            "Cairn's bytes ×",
        ],
        rows: Vec::new(),
    };
    let own = measured.first();
    for of in measured {
        let ratio = |of: f64, own: Option<f64>| match own {
            Some(own) if of > 0.0 && own / of < 0.01 => format!("{:.4}", own / of),
            Some(own) if of > 0.0 => format!("{:.2}", own / of),
            _ => String::new(),
        };
        let last = of.runs.last().cloned().unwrap_or_default();
        let (cpu, bytes) = (of.cpu_millis().median, of.bytes());
        table.rows.push(vec![
            of.name.to_owned(),
            spread(of.wall_millis()),
            spread(of.cpu_millis()),
            figure(bytes),
            last.traffic.messages.to_string(),
            format!("{} / {}", last.trips_to_visible, last.traffic.one_way_trips),
            ratio(cpu, own.map(|own| own.cpu_millis().median)),
            ratio(bytes, own.map(Measured::bytes)),
        ]);
    }
    table
}

/// Least, middle and most.
pub(crate) fn spread(spread: Spread) -> String {
    format!(
        "{} / {} / {}",
        figure(spread.min),
        figure(spread.median),
        figure(spread.max)
    )
}

/// A number with as many places as it is worth, and its thousands set apart.
pub(crate) fn figure(value: f64) -> String {
    if value < 10.0 && value.fract() != 0.0 {
        return format!("{value:.2}");
    }
    if value < 100.0 && value.fract() != 0.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_places_they_are_worth() {
        let check = |value, text| assert_eq!(figure(value), text);
        check(0.123, "0.12");
        check(3.0, "3");
        check(45.67, "45.7");
        check(156_151.0, "156,151");
        check(1_210_120.4, "1,210,120");
    }

    #[test]
    fn a_missed_target_is_said_so() {
        let section = Section {
            title: "W".into(),
            targets: vec![Target {
                what: "bytes",
                most: 10.0,
                found: 11.0,
                unit: "B",
            }],
            ..Section::default()
        };
        let text = section.markdown();
        assert!(text.contains("found 11 B: **not met**"), "{text}");
    }
}
