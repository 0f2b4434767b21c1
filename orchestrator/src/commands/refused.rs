use operate::Refusals;
use store::Store;

use super::say;
use crate::Config;

/// What came to our doors and was turned away, newest first.
pub async fn list(config: &Config, json: bool) -> anyhow::Result<()> {
    let store = Store::open(&config.store)?;
    let refusals = Refusals::new(&store).list(100).await?;
    if json {
        return Ok(say(&serde_json::to_string_pretty(&refusals)?)?);
    }
    if refusals.is_empty() {
        say("nothing was refused")?;
    }
    for refusal in refusals {
        let at = refusal.refused_at.format("%Y-%m-%d %H:%M:%S");
        let whose = refusal.tenant.unwrap_or_else(|| "nobody's door".to_owned());
        let size = refusal.size_bytes.map_or_else(|| "size not told".to_owned(), |bytes| format!("{bytes} bytes"));
        let caller = refusal.headers.get("user-agent").map_or("", String::as_str);
        let (source, status, code) = (refusal.source, refusal.status, refusal.code);
        say(&format!("{at}  {source}  {whose}  {status} {code}  {size}  {caller}"))?;
    }
    Ok(())
}
