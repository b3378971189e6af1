//! The text for Prometheus, held to the rules of its formats.

#![allow(clippy::unwrap_used)]

mod pictures;

use std::collections::{HashMap, HashSet};

use failover_metrics::exposition::{Format, encode};
use pictures::snapshot;

/// Name, labels and value of a sample; what follows ` # ` is its exemplar.
fn samples(text: &str) -> Vec<(&str, &str, f64)> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let line = line.split(" # {").next().unwrap();
            let (series, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            (name, labels, value.parse().unwrap())
        })
        .collect()
}

#[test]
fn every_series_is_there_once_under_a_family_that_was_announced() {
    for format in [Format::Text, Format::OpenMetrics] {
        let text = encode(&snapshot(), format);
        let mut seen = HashSet::new();
        let mut families = HashSet::new();
        for (name, labels, _) in samples(&text) {
            assert!(seen.insert((name, labels)), "{name}{{{labels} twice");
            let family = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|suffix| name.strip_suffix(suffix))
                .unwrap_or(name);
            let family = match format {
                Format::OpenMetrics => family.strip_suffix("_total").unwrap_or(family),
                Format::Text => family,
            };
            assert!(text.contains(&format!("# TYPE {family} ")), "{name}");
            families.insert(family.to_owned());
        }
        assert!(families.len() > 20);
    }
}

#[test]
fn the_samples_of_a_family_follow_each_other() {
    let text = encode(&snapshot(), Format::Text);
    let announced = text.lines().filter(|line| line.starts_with("# TYPE "));
    let names: Vec<&str> = announced.map(|l| l.split(' ').nth(2).unwrap()).collect();
    let once: HashSet<&&str> = names.iter().collect();
    assert_eq!(once.len(), names.len());
}

#[test]
fn a_label_that_needs_it_is_escaped() {
    let text = encode(&snapshot(), Format::Text);
    assert!(text.contains(r#"model="a\"b\\c\nd{e}""#), "{text}");
    assert!(text.lines().all(|line| !line.starts_with("d{e}")));
}

#[test]
fn a_histograms_buckets_grow_up_to_its_count() {
    let text = encode(&snapshot(), Format::Text);
    let mut last: HashMap<String, f64> = HashMap::new();
    let mut counts = 0;
    for (name, labels, value) in samples(&text) {
        if let Some(family) = name.strip_suffix("_bucket") {
            let (labels, _) = labels.rsplit_once("le=").unwrap();
            let before = last.insert(format!("{family}{labels}"), value);
            assert!(before.unwrap_or(0.0) <= value);
        } else if let Some(family) = name.strip_suffix("_count") {
            let labels = labels.trim_end_matches('}');
            let labels = format!("{family}{labels},");
            assert_eq!(last.get(&labels), Some(&value), "{labels}");
            counts += 1;
        }
    }
    assert!(counts > 5);
}

#[test]
fn exactly_one_state_is_1() {
    let text = encode(&snapshot(), Format::Text);
    let states = samples(&text)
        .into_iter()
        .filter(|(name, _, _)| *name == "model_failover_candidate_state");
    let states: Vec<_> = states.collect();
    assert_eq!(states.len(), 12);
    assert_eq!(states.iter().map(|(_, _, value)| value).sum::<f64>(), 2.0);
}

#[test]
fn exemplars_and_the_end_are_in_openmetrics_alone() {
    let open = encode(&snapshot(), Format::OpenMetrics);
    assert!(open.ends_with("# EOF\n"));
    let exemplar = r#"# {trace_id="4bf92f3577b34da6a3ce929d0e0e4736"} 0.3 "#;
    assert!(open.contains(exemplar), "{open}");
    assert!(open.contains("# TYPE model_failover_attempts counter\n"));
    let text = encode(&snapshot(), Format::Text);
    assert!(!text.contains("trace_id") && !text.contains("EOF"));
    assert!(text.contains("# TYPE model_failover_attempts_total counter\n"));
}

#[test]
fn the_format_is_the_one_that_is_asked_for() {
    let prometheus = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5";
    assert_eq!(Format::accepted(Some(prometheus)), Format::OpenMetrics);
    assert_eq!(Format::accepted(Some("text/html")), Format::Text);
    assert_eq!(Format::accepted(None), Format::Text);
}
