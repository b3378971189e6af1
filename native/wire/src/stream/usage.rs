//! What an answer has used.

use serde_json::Value;

/// Tokens of an answer, as the stream itself reports them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tokens {
    /// Of the prompt.
    pub prompt: u64,
    /// Of the answer.
    pub completion: u64,
}

/// The usage reports of a stream to which several candidates contribute. Each candidate's report replaces its
/// earlier one; a new candidate's is added to what the others have used.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Usage {
    before: Option<Value>,
    now: Option<Value>,
}

impl Usage {
    /// Takes a report in the format's own shape. Members that it leaves out keep their last value.
    pub(crate) fn report(&mut self, usage: &Value) {
        let (Some(report), now) = (usage.as_object(), &mut self.now) else {
            return;
        };
        match now.as_mut().and_then(Value::as_object_mut) {
            Some(now) => {
                for (key, value) in report.iter().filter(|(_, v)| !v.is_null()) {
                    now.insert(key.clone(), value.clone());
                }
            }
            None => *now = Some(usage.clone()),
        }
    }

    /// The reports that follow are another candidate's.
    pub(crate) fn go_on(&mut self) {
        if let Some(now) = self.now.take() {
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
                add(&mut total, before);
                Some(total)
            }
            (before, now) => now.as_ref().or(before.as_ref()).cloned(),
        }
    }

    /// All that was used, by the names that the format has for it.
    pub(crate) fn tokens(&self, prompt: &str, completion: &str) -> Option<Tokens> {
        let total = self.total()?;
        let of = |key| total.get(key).and_then(Value::as_u64).unwrap_or_default();
        Some(Tokens {
            prompt: of(prompt),
            completion: of(completion),
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

    #[test]
    fn a_candidates_report_replaces_its_own_and_is_added_to_anothers() {
        let mut usage = Usage::default();
        usage.report(&json!({"input_tokens": 10, "output_tokens": 1, "details": {"cached": 4}}));
        usage.report(&json!({"output_tokens": 5}));
        usage.go_on();
        usage.report(&json!({"input_tokens": 12, "output_tokens": 2}));
        let report = json!({"output_tokens": 7, "tier": "x"});
        usage.report(&report);
        assert_eq!(
            usage.with_earlier(report),
            json!({"input_tokens": 22, "output_tokens": 12, "tier": "x", "details": {"cached": 4}})
        );
        assert_eq!(
            usage.tokens("input_tokens", "output_tokens"),
            Some(Tokens {
                prompt: 22,
                completion: 12
            })
        );
    }

    #[test]
    fn without_a_report_nothing_is_known() {
        let mut usage = Usage::default();
        usage.go_on();
        usage.report(&json!(null));
        assert_eq!(usage.tokens("a", "b"), None);
        assert_eq!(usage.with_earlier(json!({"a": 1})), json!({"a": 1}));
    }
}
