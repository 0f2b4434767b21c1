//! The switch that keeps a development or demonstration set-up from writing to strangers.

use serde::{Deserialize, Serialize};

/// Who may be contacted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "mode", content = "allow")]
pub enum SafeMode {
    /// Everybody the law lets us write to.
    Off,
    /// Only recipients that match one of these: a whole address (`dana@example.com`, `+15125550142`) or one with a single
    /// `*` that stands for anything (`*@example.com`, `+1512555*`).
    OnlyTo(Vec<String>),
}

impl SafeMode {
    /// Whether this can name anybody: an address or a number, or one with a single star. A star alone names everybody,
    /// which is what the switch is for.
    pub fn is_pattern(text: &str) -> bool {
        let says_something = text.chars().any(char::is_alphanumeric);
        text.matches('*').count() <= 1 && says_something && (text.starts_with('+') || text.contains('@'))
    }

    pub fn allows(&self, recipient: &str) -> bool {
        match self {
            Self::Off => true,
            // Addresses come folded, and an operator writes them as they are known.
            Self::OnlyTo(patterns) => patterns.iter().any(|pattern| matches(&pattern.to_lowercase(), recipient)),
        }
    }
}

fn matches(pattern: &str, recipient: &str) -> bool {
    match pattern.split_once('*') {
        // A bare star would quietly turn safe mode off.
        Some(("", "")) => false,
        Some((start, end)) => {
            recipient.len() >= start.len() + end.len() && recipient.starts_with(start) && recipient.ends_with(end)
        }
        None => pattern == recipient,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_has_one_star_and_is_a_number_or_an_address() {
        for good in ["+15125550142", "+1512*", "*@example.com", "dana@example.com"] {
            assert!(SafeMode::is_pattern(good), "{good}");
        }
        for bad in ["", "*", "+*", "*@*", "5", "+1*5*", "dana"] {
            assert!(!SafeMode::is_pattern(bad), "{bad}");
        }
    }

    #[test]
    fn only_listed_recipients_are_ever_contacted() {
        let safe = SafeMode::OnlyTo(vec!["+1512555*".into(), "*@example.com".into(), "ops@shop.example".into()]);
        let typed = SafeMode::OnlyTo(vec!["Dana@Example.com".into()]);
        assert!(typed.allows("dana@example.com"));
        for allowed in ["+15125550142", "dana@example.com", "ops@shop.example"] {
            assert!(safe.allows(allowed), "{allowed}");
        }
        for refused in ["+15135550142", "dana@example.com.evil.example", "xops@shop.example", ""] {
            assert!(!safe.allows(refused), "{refused}");
        }
        assert!(!SafeMode::OnlyTo(vec![]).allows("+15125550142"));
        assert!(!SafeMode::OnlyTo(vec!["*".into()]).allows("+15125550142"), "a star alone allows nobody");
    }
}
