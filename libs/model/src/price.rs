//! What an answer costs. Prices change every few weeks: they are data with dates (`prices.json`), from the vendors' pages.

use std::sync::LazyLock;

use chrono::NaiveDate;
use serde::Deserialize;

/// Tokens of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Without what was kept from before.
    pub input: u64,
    pub cache_read: u64,
    pub cache_write: u64,
    /// Thinking included.
    pub output: u64,
}

impl Usage {
    /// Of the whole prompt, by which vendors choose the price.
    pub fn prompt(self) -> u64 {
        self.input + self.cache_read + self.cache_write
    }
}

/// In thousandths of a dollar for a million tokens, which are billionths of a dollar for one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Price {
    vendor: String,
    /// What the model's name begins with: vendors put a date behind it.
    model: String,
    valid_from: NaiveDate,
    /// For prompts up to so many tokens.
    #[serde(default = "any_length")]
    up_to_tokens: u64,
    input: u64,
    cache_read: u64,
    cache_write: u64,
    output: u64,
}

fn any_length() -> u64 {
    u64::MAX
}

static PRICES: LazyLock<Vec<Price>> =
    LazyLock::new(|| serde_json::from_str(include_str!("prices.json")).unwrap_or_default());

/// In billionths of a dollar. `None`: nobody has written down what this model costs, which is not nothing.
pub fn cost_nanos(vendor: &str, model: &str, usage: Usage, on: NaiveDate) -> Option<u64> {
    let prompt = usage.prompt();
    let fits = |price: &&Price| {
        let is_it = model == price.model
            || model.strip_prefix(price.model.as_str()).is_some_and(|rest| {
                rest.strip_prefix('-')
                    .is_some_and(|date| date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'))
            });
        price.vendor == vendor && is_it && price.valid_from <= on && prompt <= price.up_to_tokens
    };
    let price =
        PRICES.iter().filter(fits).max_by_key(|price| (price.valid_from, std::cmp::Reverse(price.up_to_tokens)))?;
    let parts = [
        (usage.input, price.input),
        (usage.cache_read, price.cache_read),
        (usage.cache_write, price.cache_write),
        (usage.output, price.output),
    ];
    Some(parts.into_iter().map(|(tokens, price)| tokens.saturating_mul(price)).fold(0, u64::saturating_add))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, 20).unwrap()
    }

    #[test]
    fn an_answer_costs_what_its_tokens_cost() {
        assert!(!PRICES.is_empty(), "the prices cannot be read");
        let usage = Usage { input: 500, cache_read: 2_500, cache_write: 0, output: 250 };
        assert_eq!(cost_nanos("anthropic", "claude-haiku-5-5", usage, on()), Some(500 * 100 + 2_500 * 10 + 250 * 500));
        assert_eq!(cost_nanos("anthropic", "claude-haiku-5-5-20261001", usage, on()), Some(200_000));
    }

    #[test]
    fn a_long_prompt_has_a_price_of_its_own_as_a_whole() {
        let usage = Usage { input: 100_001, ..Usage::default() };
        assert_eq!(cost_nanos("anthropic", "claude-haiku-5-5", usage, on()), Some(100_001 * 500));
    }

    #[test]
    fn what_nobody_knows_the_price_of_is_not_free() {
        let usage = Usage { input: 1, ..Usage::default() };
        assert_eq!(cost_nanos("anthropic", "claude-fable-5-2", usage, on()), None);
        assert_eq!(cost_nanos("anthropic", "claude-haiku-5-5x", usage, on()), None);
        assert_eq!(cost_nanos("somebody", "claude-haiku-5-5", usage, on()), None);
        let before = NaiveDate::from_ymd_opt(2020, 1, 1).unwrap();
        assert_eq!(cost_nanos("anthropic", "claude-haiku-5-5", usage, before), None);
    }
}
