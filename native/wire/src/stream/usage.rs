//! What an answer has used.

use serde_json::Value;

use crate::json::outline::room;
use crate::json::set;

/// Tokens of an answer, as the stream itself reports them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tokens {
    /// Of the prompt.
    pub prompt: u64,
    /// Of the answer. Whether a model's thoughts are among them is the format's own choice: not Gemini's.
    pub completion: u64,
    /// Of both, as the format counts them, thoughts included; their sum where it does not say.
    pub total: u64,
}

/// The room of a report, in bytes, and the members that the reports of one candidate have together. One that is larger
/// is no report.
const MOST_ROOM: usize = 64 * 1024;
const MOST_COUNTS: usize = 256;

/// What a format calls its counts.
#[derive(Debug, PartialEq)]
pub(crate) struct Names {
    pub(crate) prompt: &'static str,
    pub(crate) completion: &'static str,
    /// `None`: it does not say.
    pub(crate) total: Option<&'static str>,
}

/// The usage reports of a stream to which several candidates contribute. Each candidate's report replaces its
/// earlier one; a new candidate's is added to what the others have used.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Usage {
    names: Option<&'static Names>,
    before: Option<Value>,
    now: Option<Value>,
}

impl Usage {
    /// Takes a report in the format's own shape. Members that it leaves out keep their last value.
    pub(crate) fn report(&mut self, names: &'static Names, usage: &Value) {
        self.names = Some(names);
        let Some(report) = usage.as_object() else {
            return;
        };
        if room(usage) > MOST_ROOM {
            return;
        }
        match self.now.as_mut().and_then(Value::as_object_mut) {
            Some(now) => {
                for (key, value) in report.iter().filter(|(_, v)| !v.is_null()) {
                    if now.contains_key(key) || now.len() < MOST_COUNTS {
                        now.insert(key.clone(), value.clone());
                    }
                }
            }
            None => self.now = Some(usage.clone()),
        }
    }

    /// The reports that follow are another candidate's.
    pub(crate) fn go_on(&mut self) {
        if let Some(mut now) = self.now.take() {
            self.complete(&mut now);
            let before = self.before.get_or_insert(Value::Null);
            add(before, &now);
        }
    }

    /// What a report of the present candidate becomes: what all have used. A member that it leaves out is in it
    /// nevertheless, because a sum without it would not add up.
    pub(crate) fn with_earlier(&self, report: Value) -> Value {
        match (&self.before, report.is_object()) {
            (Some(_), true) => self.total().unwrap_or(report),
            _ => report,
        }
    }

    /// All that was used, in the format's own shape.
    fn total(&self) -> Option<Value> {
        match (&self.before, &self.now) {
            (Some(before), Some(now)) => {
                let mut total = now.clone();
                self.complete(&mut total);
                add(&mut total, before);
                Some(total)
            }
            (before, now) => now.as_ref().or(before.as_ref()).cloned(),
        }
    }

    /// Puts a candidate's total into its report, when it left it out and others may not: totals add up too.
    fn complete(&self, report: &mut Value) {
        if let Some((tokens, total)) = self.counted(report).zip(self.names.and_then(|n| n.total)) {
            set(report, total, tokens.total);
        }
    }

    /// All that was used. `None`: no report had a count in it.
    pub(crate) fn tokens(&self) -> Option<Tokens> {
        self.counted(&self.total()?)
    }

    fn counted(&self, report: &Value) -> Option<Tokens> {
        let names = self.names?;
        let of = |key| report.get(key).and_then(Value::as_u64);
        let (prompt, completion) = (of(names.prompt), of(names.completion));
        let total = names.total.and_then(of);
        prompt.or(completion).or(total)?;
        let (prompt, completion) = (prompt.unwrap_or_default(), completion.unwrap_or_default());
        Some(Tokens {
            prompt,
            completion,
            total: total.unwrap_or(prompt.saturating_add(completion)),
        })
    }
}

/// Adds number to number, member by member; what only one has is kept.
fn add(to: &mut Value, what: &Value) {
    match (&mut *to, what) {
        (Value::Object(to), Value::Object(what)) => {
            for (key, value) in what {
                add(to.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (Value::Number(a), Value::Number(b)) => {
            if let (Some(a), Some(b)) = (a.as_u64(), b.as_u64()) {
                *to = Value::from(a.saturating_add(b));
            }
        }
        (Value::Null, what) => *to = what.clone(),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NAMES: Names = Names {
        prompt: "input",
        completion: "output",
        total: Some("total"),
    };

    fn tokens(prompt: u64, completion: u64, total: u64) -> Option<Tokens> {
        Some(Tokens {
            prompt,
            completion,
            total,
        })
    }

    #[test]
    fn a_candidates_report_replaces_its_own_and_is_added_to_anothers() {
        let mut usage = Usage::default();
        usage.report(
            &NAMES,
            &json!({"input": 10, "output": 1, "details": {"cached": 4}}),
        );
        usage.report(&NAMES, &json!({"output": 5}));
        usage.go_on();
        usage.report(&NAMES, &json!({"input": 12, "output": 2, "total": 20}));
        let report = json!({"output": 7, "total": 25, "tier": "x"});
        usage.report(&NAMES, &report);
        assert_eq!(
            usage.with_earlier(report),
            json!({"input": 22, "output": 12, "total": 40, "tier": "x", "details": {"cached": 4}}),
            "the first one's total is what it counted, 15"
        );
        assert_eq!(usage.tokens(), tokens(22, 12, 40));
    }

    #[test]
    fn a_total_that_only_the_first_reports_is_not_taken_for_everybodys() {
        let mut usage = Usage::default();
        usage.report(&NAMES, &json!({"input": 10, "output": 5, "total": 19}));
        usage.go_on();
        usage.report(&NAMES, &json!({"input": 1, "output": 2}));
        assert_eq!(usage.tokens(), tokens(11, 7, 22));
    }

    #[test]
    fn without_a_count_nothing_is_known() {
        let mut usage = Usage::default();
        usage.go_on();
        usage.report(&NAMES, &json!(null));
        assert_eq!(usage.tokens(), None);
        assert_eq!(usage.with_earlier(json!({"a": 1})), json!({"a": 1}));
        usage.report(&NAMES, &json!({"a": 1, "input": null}));
        assert_eq!(usage.tokens(), None);
        usage.report(&NAMES, &json!({"total": 3}));
        assert_eq!(usage.tokens(), tokens(0, 0, 3));
    }
}
