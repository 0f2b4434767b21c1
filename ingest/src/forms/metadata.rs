//! Where somebody came from, and with what.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
};

use axum::http::HeaderMap;

use crate::Config;

/// What a page may tell beside its form's own fields.
const TOLD: [&str; 8] =
    ["utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "gclid", "page", "referrer"];
const LONGEST: usize = 200;

/// Who called: for its rate, and kept nowhere. Behind a proxy the nearest one's word, which stands last. `None`: there is a proxy,
/// and we were not told to believe it; everybody would share its rate.
pub(super) fn address(config: &Config, headers: &HeaderMap, peer: Option<SocketAddr>) -> Option<String> {
    let Some(name) = &config.client_address_header else {
        let is_proxied = headers.contains_key("x-forwarded-for") || headers.contains_key("forwarded");
        let peer = peer?.ip();
        return (!is_proxied || !is_near(peer)).then(|| line_of(peer));
    };
    let told = headers.get_all(name).iter().next_back().and_then(|told| told.to_str().ok());
    let last = told.and_then(|told| told.rsplit(',').next()?.trim().trim_matches(['[', ']']).parse().ok());
    // Who comes past the proxy speaks for themselves.
    last.or_else(|| peer.map(|peer| peer.ip())).map(line_of)
}

/// Where our own proxies are.
fn is_near(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local(),
    }
}

/// Of the newer protocol a household has a whole network.
fn line_of(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

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

    #[test]
    fn a_household_of_the_newer_protocol_is_one_caller() {
        let line = |address: &str| line_of(address.parse().unwrap());
        assert_eq!(line("2001:db8:1:2:3:4:5:6"), line("2001:db8:1:2::9"));
        assert_ne!(line("2001:db8:1:2::9"), line("2001:db8:1:3::9"));
        assert_eq!(line("192.0.2.1"), "192.0.2.1");
    }
}
