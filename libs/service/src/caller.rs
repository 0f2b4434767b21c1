//! Who calls: for their rate, and kept nowhere.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;

/// Behind a proxy the nearest one's word in the header that it is told to write, where it stands last. `None`: there is a proxy, and
/// we were not told to believe it; everybody would share its rate.
pub fn address(header: Option<&str>, headers: &HeaderMap, peer: Option<SocketAddr>) -> Option<String> {
    let Some(name) = header else {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_household_of_the_newer_protocol_is_one_caller() {
        let line = |address: &str| line_of(address.parse().unwrap());
        assert_eq!(line("2001:db8:1:2:3:4:5:6"), line("2001:db8:1:2::9"));
        assert_ne!(line("2001:db8:1:2::9"), line("2001:db8:1:3::9"));
        assert_eq!(line("192.0.2.1"), "192.0.2.1");
    }
}
