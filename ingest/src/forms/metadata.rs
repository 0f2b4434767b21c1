//! Where somebody came from, and with what.

use std::collections::BTreeMap;

use axum::http::HeaderMap;

use crate::Config;

/// What a page may tell beside its form's own fields.
const TOLD: [&str; 8] =
    ["utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "gclid", "page", "referrer"];
const LONGEST: usize = 200;

pub(super) fn of(config: &Config, headers: &HeaderMap, given: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut metadata = BTreeMap::new();
    let mut add = |name: &str, words: Option<String>| {
        let words = words.map(|words| words.trim().replace('\0', " ").chars().take(LONGEST).collect::<String>());
        if let Some(words) = words.filter(|words| !words.is_empty()) {
            metadata.insert(name.to_owned(), words);
        }
    };
    for name in TOLD {
        add(name, given.get(name).cloned());
    }
    if !given.contains_key("referrer") {
        add("referrer", text(headers, "referer"));
    }
    add("device", text(headers, "user-agent").map(|agent| device(&agent).to_owned()));
    // A page says in its own field what it is written in; a browser says what its owner speaks.
    let spoken = || text(headers, "accept-language").and_then(|list| list.split([',', ';']).next().map(str::to_owned));
    add("language", given.get("language").filter(|tag| !tag.trim().is_empty()).cloned().or_else(spoken));
    if let Some(name) = &config.country_header {
        add("country", text(headers, name));
    }
    metadata
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// What people hold in their hands, as far as a browser says.
fn device(agent: &str) -> &'static str {
    let has = |word: &str| agent.contains(word);
    if has("bot") || has("crawler") || has("spider") || has("curl/") {
        "machine"
    } else if has("iPad") || has("Tablet") || (has("Android") && !has("Mobile")) {
        "tablet"
    } else if has("Mobi") || has("iPhone") {
        "phone"
    } else {
        "computer"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_says_what_it_runs_on() {
        for (agent, wanted) in [
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile/15E148", "phone"),
            ("Mozilla/5.0 (Linux; Android 14; Pixel 8) Mobile Safari/537.36", "phone"),
            ("Mozilla/5.0 (Linux; Android 14; SM-X200) Safari/537.36", "tablet"),
            ("Mozilla/5.0 (Windows NT 10.0; Win64; x64)", "computer"),
            ("curl/8.0", "machine"),
        ] {
            assert_eq!(device(agent), wanted, "{agent}");
        }
    }
}
