use chrono::SubsecRound;

use crate::{Desk, Error};

/// From now on the tenant's CRM is looked through, and whoever asks is written to. Doing it again changes nothing.
pub async fn go_live(desk: &Desk, slug: &str) -> Result<(), Error> {
    let tenant = desk.find(slug).await?;
    let mut tx = desk.store.begin(tenant).await?;
    let settings = tx.tenants().settings().await?;
    // A CRM says when somebody asked to the second, or to a part of it: whoever asks in this one asks behind it.
    let since = desk.clock.now().trunc_subsecs(0);
    tx.polls().go_live(settings.crm.as_str(), desk.clock.wall(), since).await?;
    Ok(tx.commit().await?)
}
