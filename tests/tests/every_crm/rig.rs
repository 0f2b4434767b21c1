//! One CRM's adapter in front of its simulator, and what a shop does at it, in words that every CRM knows.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::America;
use crm::{Crm, shopmonkey, tekmetric};
use domain::{Clock, CrmName};
use serde_json::json;
use sim::{Fault, FaultKind, Manners, Quote, Settings, Sim, Vendor};

pub(crate) struct Rig {
    pub(crate) sim: Sim,
    pub(crate) crm: Box<dyn Crm>,
    pub(crate) name: CrmName,
    pub(crate) clock: Clock,
}

pub(crate) fn start_of_day() -> DateTime<Utc> {
    "2026-03-02T15:00:00Z".parse().expect("a constant time")
}

impl Rig {
    pub(crate) async fn start(name: CrmName) -> Self {
        Self::start_with_key(name, true).await
    }

    pub(crate) async fn start_with_key(name: CrmName, is_right: bool) -> Self {
        service::http::install_tls();
        let clock = Clock::movable(start_of_day());
        let sim = Sim::start(Settings { clock: clock.clone(), ..Settings::default() }).await.expect("a simulator");
        let http = service::http::client(Duration::from_secs(1), Duration::from_secs(2));
        let key = |right: &str| if is_right { right.to_owned() } else { "example-of-a-wrong-key".to_owned() };
        let base_url = sim.url.clone();
        let crm: Box<dyn Crm> = match name {
            CrmName::Shopmonkey => {
                let key = shopmonkey::Credentials { base_url, api_key: key(sim::shopmonkey::API_KEY) };
                Box::new(shopmonkey::Shopmonkey::new(http, key).expect("an adapter"))
            }
            CrmName::Tekmetric => {
                let client_id = sim::tekmetric::CLIENT_ID.to_owned();
                let client_secret = key(sim::tekmetric::CLIENT_SECRET);
                let key = tekmetric::Credentials { base_url, client_id, client_secret };
                let zones = HashMap::from([("77".to_owned(), America::Chicago)]);
                let tokens = tekmetric::Tokens::default();
                Box::new(tekmetric::Tekmetric::new(http, key, tokens, zones).expect("an adapter"))
            }
        };
        Self { sim, crm, name, clock }
    }

    pub(crate) fn shop(&self) -> &'static str {
        match self.name {
            CrmName::Shopmonkey => "6123456789abcdef01234568",
            CrmName::Tekmetric => "77",
        }
    }

    pub(crate) fn other_shop(&self) -> &'static str {
        match self.name {
            CrmName::Shopmonkey => "6123456789abcdef0123456a",
            CrmName::Tekmetric => "78",
        }
    }

    /// The shop to name in a list, where one has to be named.
    pub(crate) fn shop_of_list(&self) -> Option<String> {
        self.crm.lists_by_shop().then(|| self.shop().to_owned())
    }

    pub(crate) fn quote(&self, number: i64) -> Quote {
        Quote { order_id: number.to_string(), location_id: Some(self.shop().to_owned()), ..Quote::default() }
    }

    /// Somebody asks, so many milliseconds after the day's start.
    pub(crate) fn ask_at(&self, quote: &Quote, ms: i64) {
        self.clock.set(start_of_day() + TimeDelta::milliseconds(ms));
        match self.name {
            CrmName::Shopmonkey => self.sim.world.ask_for_quote(quote, Manners::default()),
            CrmName::Tekmetric => self.sim.world.ask_for_estimate(quote, Manners::default()),
        }
    }

    /// Later by so many seconds.
    pub(crate) fn wait_s(&self, seconds: i64) {
        self.clock.set(self.clock.now() + TimeDelta::seconds(seconds));
    }

    pub(crate) fn authorize(&self, quote: &Quote) {
        match self.name {
            CrmName::Shopmonkey => {
                self.sim.world.change_order(&quote.order_id, &json!({"authorized": true}), Manners::default());
            }
            CrmName::Tekmetric => self.sim.world.approve_estimate(&quote.order_id, Manners::default()),
        }
    }

    pub(crate) fn delete(&self, quote: &Quote) {
        match self.name {
            CrmName::Shopmonkey => self.sim.world.delete_order(&quote.order_id),
            CrmName::Tekmetric => self.sim.world.delete_estimate(&quote.order_id),
        }
    }

    /// The shop keeps a time for whoever asked. Answers its id.
    pub(crate) fn book(&self, quote: &Quote, starts_at: DateTime<Utc>) -> String {
        match self.name {
            CrmName::Shopmonkey => {
                let customer = format!("c-{}", quote.order_id);
                let fields = json!({"id": "a-1", "customerId": customer, "startDate": starts_at, "endDate": starts_at});
                self.sim.world.book(&fields, Manners::default());
                "a-1".to_owned()
            }
            CrmName::Tekmetric => {
                let starts_at = starts_at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
                self.sim.world.note_appointment(4001, quote, &json!({"startTime": starts_at}), Manners::default());
                "4001".to_owned()
            }
        }
    }

    pub(crate) fn call_off(&self, quote: &Quote) {
        match self.name {
            CrmName::Shopmonkey => {
                let fields = json!({"id": "a-1", "cancellationNote": "sold the car"});
                self.sim.world.book(&fields, Manners::default());
            }
            CrmName::Tekmetric => {
                let fields = json!({"appointmentStatus": "CANCELED"});
                self.sim.world.note_appointment(4001, quote, &fields, Manners::default());
            }
        }
    }

    /// Puts a catalog of so many services more than usual on a shop's list. Answers how many there are.
    pub(crate) fn stock(&self, shop: &str, more: usize) -> usize {
        match self.name {
            CrmName::Shopmonkey => {
                self.sim.world.stock(shop);
                for number in 0..more {
                    self.clock.set(start_of_day() + TimeDelta::milliseconds(i64::try_from(number).expect("few")));
                    let (id, name) = (format!("s-{shop}-more-{number:03}"), format!("Job {number:03}"));
                    self.sim.world.change_service(&id, shop, &json!({"name": name}), Manners::default());
                }
                8 + more
            }
            CrmName::Tekmetric => {
                self.sim.world.stock_jobs(shop.parse().expect("a number"), more);
                4 + more
            }
        }
    }

    /// The CRM no longer looks at when a row was changed.
    pub(crate) fn ignore_dates(&self) {
        match self.name {
            CrmName::Shopmonkey => self.sim.world.shopmonkey.ignore_filter("updatedDate"),
            CrmName::Tekmetric => {
                self.sim.world.tekmetric.ignore_filter("updatedDateStart");
                self.sim.world.tekmetric.ignore_filter("updatedDateEnd");
            }
        }
    }

    /// The next call meets this.
    pub(crate) fn be_rude(&self, kind: FaultKind) {
        let vendor = match self.name {
            CrmName::Shopmonkey => Vendor::Shopmonkey,
            CrmName::Tekmetric => Vendor::Tekmetric,
        };
        self.sim.world.faults.add(Fault { vendor, kind, times: 1 });
    }
}
