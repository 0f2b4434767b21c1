use std::{collections::BTreeMap, process::ExitCode};

use chrono::{Days, NaiveDate};
use operate::{Ledger, LedgerDay, Why};

use super::{
    say,
    tenant::{desk, operators_bus},
};
use crate::Config;

/// Compares what the CRM knows with what we received; exits with 1 if anything is missing.
pub async fn run(
    config: &Config,
    slug: &str,
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
    recover: bool,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let desk = desk(config)?;
    let today = desk.clock.now().date_naive();
    let to = to.unwrap_or(today);
    let from = from.unwrap_or_else(|| to.checked_sub_days(Days::new(1)).unwrap_or(to));
    let bus = if recover { Some(operators_bus(config).await?) } else { None };
    let ledger = operate::read_ledger(&desk, slug, from, to, bus.as_ref()).await;
    if let Some(bus) = bus {
        bus.close().await;
    }
    let ledger = ledger?;
    if json {
        say(&serde_json::to_string_pretty(&ledger)?)?;
    } else {
        tell(&ledger, recover)?;
    }
    let is_whole = ledger.missing == 0 && ledger.crowded_instants == 0 && ledger.refused_shops.is_empty();
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tell(ledger: &Ledger, recovered: bool) -> anyhow::Result<()> {
    for day in &ledger.days {
        let LedgerDay { location, orders, on_their_way, missing, .. } = day;
        let date = day.day;
        let known = orders - missing.len() - on_their_way;
        say(&format!("{date}  {location}: {orders} orders, {known} known, {} missing", missing.len()))?;
        for (what, counts) in [("leads", &day.leads), ("no leads", &day.not_leads), ("told by", &day.told_by)] {
            if !counts.is_empty() {
                say(&format!("            {what:<9} {}", words(counts)))?;
            }
        }
        if *on_their_way > 0 {
            say(&format!("            {on_their_way} changed a moment ago; look again in a minute"))?;
        }
        for order in missing {
            let why = match order.why {
                Why::NeverJudged => "nobody told us of it",
                Why::JudgedBeforeItsChange => "it has changed since we heard of it",
                Why::ShopWasUnknown => "its shop was not set up when we heard of it",
            };
            say(&format!("            missing   {}: {why}", order.order_id))?;
        }
    }
    if ledger.crowded_instants > 0 {
        let count = ledger.crowded_instants;
        say(&format!("the CRM has more orders than it shows, all made at the same instant, {count} times"))?;
    }
    for shop in &ledger.refused_shops {
        say(&format!("the CRM does not show us shop {shop}; ask there for it to be added to our access"))?;
    }
    say(&match (ledger.missing, recovered) {
        (0, _) => "0 missing".to_owned(),
        (missing, false) => {
            let again = format!("leads ledger {} --recover (and the same --from and --to)", ledger.tenant);
            format!("{missing} missing; take them in with: {again}")
        }
        (missing, true) => format!("{missing} are still missing; see: leads dead list"),
    })?;
    Ok(())
}

fn words(counts: &BTreeMap<String, usize>) -> String {
    counts.iter().map(|(what, count)| format!("{count} {what}")).collect::<Vec<_>>().join(", ")
}
