//! Bars as SVG: each with its name before it and its figure behind it, so that no axis has to be read.

use std::fmt::Write;

use crate::spread::{Spread, figure};

const WIDTH: f64 = 760.0;
const NAMES: f64 = 190.0;
const FIGURES: f64 = 120.0;
const ROW: f64 = 22.0;
const GROUP: f64 = 30.0;
const HEAD: f64 = 62.0;
const FOOT: f64 = 34.0;

/// Groups of bars under a title that says what is shown, and which way is better.
pub(crate) struct Plot {
    /// Names the file: small letters and dashes.
    pub(crate) name: &'static str,
    pub(crate) title: String,
    /// What the bars count and whether less or more is better.
    pub(crate) subtitle: String,
    /// What the lines over the bars say.
    pub(crate) lines: &'static str,
    pub(crate) groups: Vec<Group>,
}

/// Of rounds that were measured one after the other.
pub(crate) const QUARTILES: &str = "A bar ends at the median of several rounds; the line over it goes from their lower to their upper quartile.";

/// Of samples within one.
pub(crate) const CONFIDENCE: &str =
    "The line over a bar is the interval in which the true value lies with high confidence.";

/// Bars that are to be compared.
pub(crate) struct Group {
    pub(crate) title: String,
    pub(crate) bars: Vec<Bar>,
}

/// One party's figure.
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) spread: Spread,
}

impl Group {
    /// Of those who have a figure.
    pub(crate) fn new(
        title: impl Into<String>,
        bars: impl IntoIterator<Item = (String, Option<Spread>)>,
    ) -> Group {
        let bars = bars.into_iter().filter_map(|(name, spread)| {
            Some(Bar {
                name,
                spread: spread?,
            })
        });
        Group {
            title: title.into(),
            bars: bars.collect(),
        }
    }
}

/// The policy stands out; the others have a colour each that stays theirs.
fn colour(name: &str) -> &'static str {
    match name.split([' ', '-']).next() {
        Some("policy" | "failover" | "gate") => "#c8452d",
        Some("send" | "without") => "#4a7fb5",
        Some("envoy") => "#7d6ba8",
        Some("litellm") => "#b58a3c",
        Some("portkey") => "#5f7f3a",
        Some("direct") => "#9aa3ab",
        _ => "#5b8c7b",
    }
}

/// Words that need no legend.
fn shown(name: &str) -> &str {
    match name {
        "policy" => "this policy",
        "send" | "without" => "the gateway without it",
        "mediator" => "with AIAPIMediator",
        "envoy" => "Envoy",
        "litellm" => "LiteLLM proxy",
        "portkey" => "Portkey gateway",
        "direct" => "no gateway at all",
        name => name,
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

impl Plot {
    /// The file's name.
    pub(crate) fn file(&self) -> String {
        format!("{}.svg", self.name)
    }

    /// Whether there is anything to show.
    pub(crate) fn any(&self) -> bool {
        self.groups.iter().any(|group| !group.bars.is_empty())
    }

    /// The drawing. Bars begin at nothing, and all groups have one scale.
    #[expect(clippy::cast_precision_loss, reason = "some dozens of bars")]
    pub(crate) fn svg(&self) -> String {
        let groups: Vec<&Group> = self.groups.iter().filter(|g| !g.bars.is_empty()).collect();
        let bars: usize = groups.iter().map(|group| group.bars.len()).sum();
        let height = HEAD + groups.len() as f64 * GROUP + bars as f64 * ROW + FOOT;
        let most = groups
            .iter()
            .flat_map(|g| &g.bars)
            .map(|bar| bar.spread.high.max(bar.spread.median));
        let scale = (WIDTH - NAMES - FIGURES) / most.fold(f64::MIN_POSITIVE, f64::max);
        let mut svg = String::new();
        let _ = writeln!(
            svg,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
             viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"13\" fill=\"#222\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
             <text x=\"16\" y=\"26\" font-size=\"17\" font-weight=\"bold\">{}</text>\n\
             <text x=\"16\" y=\"47\" fill=\"#555\">{}</text>",
            escaped(&self.title),
            escaped(&self.subtitle)
        );
        let mut y = HEAD;
        for group in &groups {
            y += GROUP;
            let title = escaped(&group.title);
            let at = y - 9.0;
            let _ = writeln!(
                svg,
                "<text x=\"16\" y=\"{at}\" font-weight=\"bold\">{title}</text>"
            );
            for bar in &group.bars {
                svg += &bar.svg(y, scale);
                y += ROW;
            }
        }
        let spread = groups.iter().flat_map(|g| &g.bars);
        if spread.clone().any(|bar| bar.spread.high > bar.spread.low) {
            let _ = writeln!(
                svg,
                "<text x=\"16\" y=\"{}\" font-size=\"11\" fill=\"#555\">{}</text>",
                height - 12.0,
                self.lines
            );
        }
        svg + "</svg>\n"
    }
}

impl Bar {
    /// The bar to the median, a line from quartile to quartile over it, and the figure.
    fn svg(&self, y: f64, scale: f64) -> String {
        let x = |value: f64| NAMES + value.max(0.0) * scale;
        let Spread { low, median, high } = self.spread;
        let (middle, text) = (y + ROW / 2.0 - 1.0, y + ROW / 2.0 + 3.5);
        let mut svg = format!(
            "<text x=\"{:.1}\" y=\"{text}\" text-anchor=\"end\">{}</text>\n\
             <rect x=\"{NAMES}\" y=\"{}\" width=\"{:.1}\" height=\"{}\" fill=\"{}\"/>\n",
            NAMES - 8.0,
            escaped(shown(&self.name)),
            y + 1.0,
            (x(median) - NAMES).max(1.0),
            ROW - 5.0,
            colour(&self.name),
        );
        if high > low {
            let _ = writeln!(
                svg,
                "<path d=\"M{0:.1} {middle}H{1:.1}M{0:.1} {2}v8M{1:.1} {2}v8\" stroke=\"#222\" fill=\"none\"/>",
                x(low),
                x(high),
                middle - 4.0,
            );
        }
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{text}\">{}</text>",
            x(high.max(median)) + 8.0,
            figure(median)
        );
        svg
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_shows_who_has_a_figure_and_nobody_else() {
        let plot = Plot {
            name: "cpu",
            title: "CPU < before".into(),
            subtitle: "less is better".into(),
            lines: QUARTILES,
            groups: vec![Group::new(
                "plain",
                [
                    ("policy".to_owned(), Spread::of([67.0, 68.0])),
                    ("direct".to_owned(), None),
                ],
            )],
        };
        let svg = plot.svg();
        assert!(plot.any());
        assert!(svg.contains("this policy") && svg.contains("67.5"), "{svg}");
        assert!(svg.contains("CPU &lt; before"), "{svg}");
        assert!(!svg.contains("no gateway"), "{svg}");
        assert!(svg.contains("quartile"), "{svg}");
    }
}
