use std::process::ExitCode;

use catalog_cache::{Answer, Catalogs};
use domain::{Service, ServiceSearch, Tax};
use serde_json::json;

use super::{say, tenant::desk};
use crate::Config;

/// What a tenant's shops sell, as a customer would be told; exits with 1 if a shop's catalog is not known.
pub async fn run(config: &Config, slug: &str, search: &ServiceSearch, json: bool) -> anyhow::Result<ExitCode> {
    let desk = desk(config)?;
    let shops = operate::list_shops(&desk, slug).await?;
    anyhow::ensure!(!shops.is_empty(), "{slug} has no shops yet; run: leads tenant import {slug} FILE.csv");
    let (store, accounts, clock) = (desk.store.clone(), desk.accounts.clone(), desk.clock.clone());
    let catalogs = Catalogs::new(config.catalog.clone(), &config.limits, store, accounts, clock)?;
    let mut is_known = true;
    let mut lines = Vec::new();
    for shop in shops {
        let answer = catalogs.find_fresh(shop.tenant, &shop.location.crm_location_id).await;
        let name = &shop.location.name;
        let Answer::Known { catalog, age } = answer else {
            is_known = false;
            lines.push(json!({"shop": name, "services": null}));
            if !json {
                say(&format!("{name}: not known, and the CRM does not say now"))?;
            }
            continue;
        };
        let found = catalog.find(search);
        if json {
            lines.push(json!({"shop": name, "age_s": age.as_secs(), "services": found}));
            continue;
        }
        say(&format!("{name}: {} of {} services, as of {} s ago", found.len(), catalog.services.len(), age.as_secs()))?;
        for service in found {
            say(&format!("  {:<40} {}", service.name, price(service)))?;
        }
    }
    if json {
        say(&serde_json::to_string_pretty(&lines)?)?;
    }
    Ok(if is_known { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn price(service: &Service) -> String {
    let (dollars, cents) = (service.price_cents / 100, service.price_cents % 100);
    let tax = match service.tax {
        Tax::Included => "tax included",
        Tax::NotIncluded => "before tax",
        Tax::Unknown => "ask whether tax is in it",
    };
    format!("${dollars}.{cents:02} {tax}")
}
