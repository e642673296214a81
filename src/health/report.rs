//! How the objects of an environment do: as text for people, as JSON for programs, as Markdown. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::address::{Address, EnvironmentName};
use crate::diagnostic::printable;
use crate::kinds::health::{Health, Measure, Symptom, Verdict};
use crate::kinds::quantity::count;
use crate::plan::render::markdown::{code, escaped};

/// The most bytes of a comment on GitHub, with some room for the last line.
const LIMIT: usize = 65_000;

/// How the objects of an environment do.
#[derive(Debug, Clone)]
pub struct Report {
    /// The environment.
    pub environment: EnvironmentName,
    /// The state's serial.
    pub serial: u64,
    /// How each object does that can do well or badly.
    pub found: BTreeMap<Address, Health>,
    /// How many other objects there are.
    pub others: usize,
    /// Objects of the project that are not applied.
    pub unapplied: BTreeSet<Address>,
    /// How often it was looked.
    pub looks: u32,
    /// How long the looks span.
    pub window: Duration,
}

impl Report {
    /// Returns the worst verdict; `None` where there is none at all.
    pub fn worst(&self) -> Option<Verdict> {
        self.found.values().map(|health| health.verdict).max()
    }

    /// Returns the objects of each kind, those of concern first.
    fn sections(&self) -> BTreeMap<&str, Vec<(&Address, &Health)>> {
        let mut sections: BTreeMap<&str, Vec<(&Address, &Health)>> = BTreeMap::new();
        for (address, health) in &self.found {
            sections
                .entry(&address.kind)
                .or_default()
                .push((address, health));
        }
        for section in sections.values_mut() {
            // The sort is stable: the order of the addresses is kept.
            section.sort_by_key(|(_, health)| std::cmp::Reverse(health.verdict));
        }
        sections
    }

    /// Returns the line that counts: `1 unhealthy, 12 healthy`.
    fn counts(&self) -> String {
        let verdicts = [
            Verdict::Unhealthy,
            Verdict::Unknown,
            Verdict::Progressing,
            Verdict::Healthy,
        ];
        let counted = verdicts.into_iter().filter_map(|verdict| {
            let number = self
                .found
                .values()
                .filter(|health| health.verdict == verdict);
            let number = number.count();
            (number > 0).then(|| format!("{number} {verdict}"))
        });
        let mut counted: Vec<String> = counted.collect();
        if self.others > 0 {
            counted.push(format!("{} more of other kinds", self.others));
        }
        counted.join(", ")
    }

    /// Returns how the lag's trend is known.
    fn span(&self) -> String {
        let looks = count(u64::from(self.looks), "look");
        if self.looks < 2 {
            return looks;
        }
        format!("{looks} in {:.1} s", self.window.as_secs_f64())
    }
}

/// Whether an object needs a line: one that is well and was not measured is only counted.
fn is_shown(health: &Health) -> bool {
    health.verdict != Verdict::Healthy || !health.symptoms.is_empty() || !health.measures.is_empty()
}

/// Returns the text; coloured with ANSI sequences if asked for.
pub fn text(report: &Report, colour: bool) -> String {
    // Writing to a String cannot fail.
    let mut out = String::new();
    for (kind, section) in report.sections() {
        let (shown, quiet): (Vec<_>, Vec<_>) = section
            .into_iter()
            .partition(|(_, health)| is_shown(health));
        table(&mut out, &shown, colour);
        if !quiet.is_empty() {
            let more = if shown.is_empty() { "" } else { " more" };
            let _ = writeln!(out, "{kind}: {}{more} healthy", quiet.len());
        }
        out.push('\n');
    }
    if !report.unapplied.is_empty() {
        let objects = count(report.unapplied.len() as u64, "object");
        let _ = writeln!(out, "Not applied yet: {objects} of the project.");
    }
    let counts = match report.counts() {
        counts if counts.is_empty() => "nothing is applied".to_owned(),
        counts => counts,
    };
    let _ = writeln!(
        out,
        "{} at serial {}: {counts} ({}).",
        report.environment,
        report.serial,
        report.span()
    );
    out
}

/// Writes a line for each object, its columns aligned, and its symptoms below.
fn table(out: &mut String, rows: &[(&Address, &Health)], colour: bool) {
    let mut names: Vec<&str> = Vec::new();
    for measure in rows.iter().flat_map(|(_, health)| &health.measures) {
        if !names.contains(&measure.name) {
            names.push(measure.name);
        }
    }
    let cells = |address: &Address, health: &Health| -> Vec<String> {
        let mut cells = vec![address.to_string(), health.verdict.to_string()];
        cells.extend(names.iter().map(|name| {
            let measure = health.measures.iter().find(|measure| measure.name == *name);
            measure.map_or(String::new(), |measure| {
                format!("{name} {}", printable(&measure.text))
            })
        }));
        cells
    };
    let lines: Vec<(Vec<String>, &Health)> = rows
        .iter()
        .map(|(address, health)| (cells(address, health), *health))
        .collect();
    let widths: Vec<usize> = (0..names.len() + 2)
        .map(|at| {
            let column = lines.iter().map(|(cells, _)| cells[at].chars().count());
            column.max().unwrap_or_default()
        })
        .collect();
    for (cells, health) in &lines {
        let mut line = String::new();
        for (at, (cell, width)) in cells.iter().zip(&widths).enumerate() {
            let padded = format!("{cell:width$}");
            let painted = if at == 1 {
                paint(&padded, health.verdict, colour)
            } else {
                padded
            };
            let _ = write!(line, "{painted}  ");
        }
        let _ = writeln!(out, "{}", line.trim_end());
        for symptom in &health.symptoms {
            let _ = writeln!(out, "    {}", printable(&symptom.text));
        }
    }
}

fn paint(text: &str, verdict: Verdict, colour: bool) -> String {
    if !colour {
        return text.to_owned();
    }
    let code = match verdict {
        Verdict::Healthy => "32",
        Verdict::Progressing | Verdict::Unknown => "33",
        Verdict::Unhealthy => "1;31",
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}

/// Returns the document for programs: JSON, and a line feed.
#[expect(clippy::missing_panics_doc, reason = "the keys are all texts")]
pub fn json(report: &Report) -> String {
    let document = Document {
        environment: &report.environment,
        format_version: "1.0",
        looks: report.looks,
        objects: Objects(&report.found),
        others: report.others,
        serial: report.serial,
        unapplied: &report.unapplied,
        verdict: report.worst(),
        window_ms: u64::try_from(report.window.as_millis()).unwrap_or(u64::MAX),
    };
    let mut text = serde_json::to_string_pretty(&document).expect("addresses are texts");
    text.push('\n');
    text
}

/// What programs read. Written without a tree of values, since environments have thousands of objects.
#[derive(Serialize)]
struct Document<'a> {
    environment: &'a EnvironmentName,
    format_version: &'static str,
    looks: u32,
    objects: Objects<'a>,
    others: usize,
    serial: u64,
    unapplied: &'a BTreeSet<Address>,
    verdict: Option<Verdict>,
    window_ms: u64,
}

/// How objects do, by address, for programs.
pub struct Objects<'a>(pub &'a BTreeMap<Address, Health>);

impl Serialize for Objects<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let objects = self.0.iter();
        serializer.collect_map(objects.map(|(address, health)| (address, Object::of(health))))
    }
}

#[derive(Serialize)]
struct Object<'a> {
    measures: Measures<'a>,
    symptoms: &'a [Symptom],
    verdict: Verdict,
}

impl<'a> Object<'a> {
    fn of(health: &'a Health) -> Self {
        Self {
            measures: Measures(&health.measures),
            symptoms: &health.symptoms,
            verdict: health.verdict,
        }
    }
}

/// Measures by name, in the order of the names.
struct Measures<'a>(&'a [Measure]);

impl Serialize for Measures<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut measures: Vec<&Measure> = self.0.iter().collect();
        measures.sort_by_key(|measure| measure.name);
        let each = measures.into_iter();
        serializer.collect_map(each.map(|measure| (measure.name, &measure.value)))
    }
}

/// Returns the comment for a pull request or the summary of a CI job.
pub fn markdown(report: &Report) -> String {
    let mut out = format!("### Streamform: health of `{}`\n\n", report.environment);
    let counts = match report.counts() {
        counts if counts.is_empty() => "Nothing is applied".to_owned(),
        counts => counts,
    };
    let _ = writeln!(out, "{counts} ({}).", report.span());
    rows(&mut out, &report.found, LIMIT);
    out
}

/// Writes a table of the objects that need a line, as far as there is room.
pub fn rows(out: &mut String, found: &BTreeMap<Address, Health>, limit: usize) {
    let mut shown: Vec<_> = found
        .iter()
        .filter(|(_, health)| is_shown(health))
        .collect();
    shown.sort_by_key(|(_, health)| std::cmp::Reverse(health.verdict));
    if shown.is_empty() {
        return;
    }
    out.push_str("\n| object | health | |\n|---|---|---|\n");
    for (at, (address, health)) in shown.iter().enumerate() {
        let measures = health.measures.iter();
        let measures = measures.map(|measure| format!("{} {}", measure.name, measure.text));
        let symptoms = health.symptoms.iter().map(|symptom| symptom.text.clone());
        let words: Vec<String> = measures
            .chain(symptoms)
            .map(|text| escaped(&text))
            .collect();
        let verdict = match health.verdict {
            Verdict::Unhealthy => format!("**{}**", health.verdict),
            verdict => verdict.to_string(),
        };
        let line = format!(
            "| {} | {verdict} | {} |\n",
            code(&address.to_string()),
            words.join("<br>")
        );
        if out.len() + line.len() > limit {
            let _ = writeln!(
                out,
                "\n… and {} more: the comment would be too long.",
                shown.len() - at
            );
            return;
        }
        out.push_str(&line);
    }
}

#[cfg(test)]
mod tests;
