use std::time::Duration;

use domain::{LinkBase, SafeMode};
use service::config::Reader;
use stage::StageConfig;

#[derive(Debug, Clone)]
pub struct Config {
    pub stage: StageConfig,
    /// Narrow on purpose: a customer who waits comes before a receipt.
    pub receipts: StageConfig,
    pub safe_mode: SafeMode,
    /// What links in messages begin with, unless a tenant has an address of its own. `None` only where `ingest.public_url` is a mistake.
    pub link_base: Option<LinkBase>,
    /// One call to a vendor, from connecting to the last byte.
    pub vendor_timeout: Duration,
    /// How long a claimed message is left to the worker that claimed it. Wall time.
    pub claim_lease: Duration,
    /// When a vendor is asked about a message whose end nobody knows: so long after the claim ended, then so long after
    /// each answer. When all have passed without a trace, the vendor never had it.
    pub lookups: Vec<Duration>,
    /// The wait after a vendor said "not now", doubled with each attempt up to five minutes. Wall time.
    pub retry_delay: Duration,
    /// How long a tenant's settings, templates and credentials are remembered.
    pub tenant_ttl: Duration,
}

impl Config {
    pub fn read(reader: &mut Reader) -> Self {
        let allow = reader.list("notify.allow");
        // Named by its place: what is in there is somebody's address.
        for (place, _) in allow.iter().enumerate().filter(|(_, pattern)| !SafeMode::is_pattern(pattern)) {
            let what =
                "is no address, no number such as +15125550142, and neither with a single star such as *@example.com";
            reader.mistake("notify.allow", format!("entry {} {what}", place + 1));
        }
        let safe_mode = match reader.optional("notify.safe_mode").as_deref() {
            None | Some("on" | "true") => SafeMode::OnlyTo(allow),
            Some("off" | "false") => SafeMode::Off,
            Some(other) => {
                reader.mistake("notify.safe_mode", format!("{other:?} is neither \"on\" nor \"off\""));
                SafeMode::OnlyTo(allow)
            }
        };
        let vendor_timeout = reader.duration_or("notify.vendor_timeout", Duration::from_secs(10));
        let claim_lease = reader.duration_or("notify.claim_lease", Duration::from_secs(25));
        if claim_lease < vendor_timeout * 2 {
            // Otherwise a slow call that is still out would be looked up, not found, and sent again.
            reader.mistake("notify.claim_lease", "must be at least twice notify.vendor_timeout");
        }
        let lookup = |reader: &mut Reader, n: u32, seconds| {
            reader.duration_or(&format!("notify.lookup_{n}"), Duration::from_secs(seconds))
        };
        let lookups = vec![lookup(reader, 1, 1), lookup(reader, 2, 15), lookup(reader, 3, 60), lookup(reader, 4, 300)];
        let stage = StageConfig::read(reader, "notify");
        let receipts_width = StageConfig::read_width(reader, "notify.receipts_width", 4);
        Self {
            receipts: StageConfig { width: receipts_width, ..stage.clone() },
            stage,
            safe_mode,
            link_base: reader.optional("ingest.public_url").and_then(|text| LinkBase::try_from(text).ok()),
            vendor_timeout,
            claim_lease,
            lookups,
            retry_delay: reader.duration_or("notify.retry_delay", Duration::from_secs(1)),
            tenant_ttl: reader.duration_or("notify.tenant_ttl", Duration::from_secs(5)),
        }
    }
}
