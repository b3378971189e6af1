//! The text that Prometheus reads, in its own format and in OpenMetrics.
//!
//! Own code, where a crate would be expected: `prometheus-client` can't be given an exemplar of a histogram that is not
//! its own, whose histograms take a lock at each record, and it writes labels as they are, so that a model's name with a
//! quotation mark makes the whole page unreadable.

use std::fmt::{Display, Write as _};
use std::time::UNIX_EPOCH;

use crate::families;
use crate::histogram::{BOUNDS, Counted};
use crate::snapshot::Snapshot;

/// A format of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus' own, 0.0.4.
    Text,
    /// OpenMetrics 1.0.0: with exemplars.
    OpenMetrics,
}

impl Format {
    /// The one that a request asks for in its `Accept`.
    pub fn accepted(accept: Option<&str>) -> Format {
        match accept {
            Some(accept) if accept.contains("application/openmetrics-text") => Format::OpenMetrics,
            _ => Format::Text,
        }
    }

    /// Its `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Text => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The text.
pub fn encode(snapshot: &Snapshot, format: Format) -> String {
    let mut writer = Writer {
        text: String::with_capacity(64 * 1024),
        format,
    };
    families::write(snapshot, &mut writer);
    if format == Format::OpenMetrics {
        writer.text.push_str("# EOF\n");
    }
    writer.text
}

/// The labels of a sample, in their order.
pub(crate) type Labels<'a> = &'a [(&'a str, &'a str)];

pub(crate) struct Writer {
    text: String,
    format: Format,
}

/// The kind of a family of samples.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// A family of samples of one name. The samples of a family follow each other without another's between them.
pub(crate) struct Family<'w> {
    writer: &'w mut Writer,
    name: &'static str,
}

impl Writer {
    /// Begins a family. `name`: without the `_total` of counters.
    pub(crate) fn family(&mut self, name: &'static str, kind: Kind, help: &str) -> Family<'_> {
        let suffix = match (self.format, kind) {
            // In Prometheus' own format the family has the name of its samples.
            (Format::Text, Kind::Counter) => "_total",
            _ => "",
        };
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        // Writing to a String never fails.
        let _ = writeln!(self.text, "# HELP {name}{suffix} {help}.");
        let _ = writeln!(self.text, "# TYPE {name}{suffix} {kind}");
        Family { writer: self, name }
    }
}

impl Family<'_> {
    fn sample(&mut self, suffix: &str, labels: Labels<'_>, le: Option<&str>, value: impl Display) {
        let text = &mut self.writer.text;
        text.push_str(self.name);
        text.push_str(suffix);
        let le = le.map(|le| ("le", le));
        let mut open = false;
        for (name, value) in labels.iter().copied().chain(le) {
            text.push(if open { ',' } else { '{' });
            open = true;
            text.push_str(name);
            text.push_str("=\"");
            escape(value, text);
            text.push('"');
        }
        if open {
            text.push('}');
        }
        let _ = write!(text, " {value}");
    }

    /// What has been counted.
    pub(crate) fn counter(&mut self, labels: Labels<'_>, count: u64) {
        self.sample("_total", labels, None, count);
        self.writer.text.push('\n');
    }

    /// What is so now.
    pub(crate) fn gauge(&mut self, labels: Labels<'_>, value: impl Display) {
        self.sample("", labels, None, value);
        self.writer.text.push('\n');
    }

    /// How long things took.
    pub(crate) fn histogram(&mut self, labels: Labels<'_>, counted: &Counted) {
        let mut below = 0;
        for (bucket, count) in counted.buckets.iter().enumerate() {
            below += count;
            let bound = BOUNDS.get(bucket).map(|bound| format!("{bound:?}"));
            let le = bound.as_deref().unwrap_or("+Inf");
            self.sample("_bucket", labels, Some(le), below);
            if self.writer.format == Format::OpenMetrics
                && let Some(exemplar) = &counted.exemplars[bucket]
            {
                let at = exemplar.at.duration_since(UNIX_EPOCH).unwrap_or_default();
                let _ = write!(
                    self.writer.text,
                    " # {{trace_id=\"{}\"}} {} {:.3}",
                    exemplar.trace,
                    exemplar.seconds,
                    at.as_secs_f64()
                );
            }
            self.writer.text.push('\n');
        }
        self.sample("_sum", labels, None, counted.seconds);
        self.writer.text.push('\n');
        self.sample("_count", labels, None, below);
        self.writer.text.push('\n');
    }
}

/// A label's value as both formats want it.
fn escape(value: &str, text: &mut String) {
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            c => text.push(c),
        }
    }
}
