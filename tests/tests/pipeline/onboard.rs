//! A tenant from nothing to its first answered lead, and what is said on the way.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use crm::shopmonkey;
use domain::{CrmName, LeadId};
use notify::twilio;
use operate::{
    Desk, Error, NewTenant, RowOutcome, Vendor, WantedForm, add_form_key, add_tenant, go_live, import_locations,
    list_form_keys, preflight, repair_webhook, reseal_all, revoke_form_key, save_credentials,
};
use serde_json::json;
use sim::{Manners, Quote};
use stage::Bus;
use store::{Store, TenantSettings};
use tests::{Test, quote, until};

use crate::ledger::desk;

const HEAD: &str = "crm_location_id,name,time_zone,phone,postal_address,hours\n";

fn row(number: usize) -> String {
    format!(
        "shop-{number:03},Sample Tint {number},America/Chicago,+1 512 555 0{number:03},\"{number} Main St, Austin, TX\",Mon-Sat 9-6"
    )
}

/// Answers its website's key.
async fn add(desk: &Desk, slug: &str) -> String {
    let new = NewTenant {
        slug: slug.into(),
        name: "New Tint".into(),
        crm: CrmName::Shopmonkey,
        settings: TenantSettings::default(),
        templates: orchestrator::demo::templates(),
    };
    let key = add_tenant(desk, &new).await.expect("added");
    assert!(key.starts_with("pk_"));
    key
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_two_hundred_shops_takes_in_what_is_right_and_names_the_seven_that_are_not() {
    let test = Test::start().await;
    let desk = desk(&test);
    let _ = add(&desk, "new-tint").await;
    let mut file = HEAD.to_owned();
    for number in 0..200 {
        let line = match number {
            13 => row(13).replace("America/Chicago", "Central"),
            44 => row(44).replace("+1 512 555 0044", "call us"),
            71 => row(71).replace("Sample Tint 71", ""),
            99 => row(98),
            120 => row(120).replace('"', ""),
            151 => row(151).replace("Mon-Sat 9-6", "\"Mon-Sat\n9-6\""),
            188 => row(188).replace("shop-188", ""),
            _ => row(number),
        };
        writeln!(file, "{line}").expect("a line");
    }
    let dry = import_locations(&desk, "new-tint", file.as_bytes(), true).await.expect("read");
    assert_eq!((dry.added, dry.refused), (193, 7));
    let imported = import_locations(&desk, "new-tint", file.as_bytes(), false).await.expect("imported");
    assert_eq!((imported.added, imported.refused, imported.rows.len()), (193, 7, 200), "a dry run kept nothing");
    let refused: Vec<_> = imported
        .rows
        .iter()
        .filter_map(|row| match &row.outcome {
            RowOutcome::Refused { problems } => Some((row.line, problems[0].column)),
            _ => None,
        })
        .collect();
    let columns =
        ["time_zone", "phone", "name", "crm_location_id", "crm_location_id", "hours", "crm_location_id"].into_iter();
    assert_eq!(refused.iter().map(|(_, column)| *column).collect::<Vec<_>>(), columns.collect::<Vec<_>>());
    assert_eq!(refused[0].0, 15);
    assert_eq!(operate::list_shops(&desk, "new-tint").await.expect("shops").len(), 193);

    let mended: String = HEAD.to_owned() + &(0..200).map(|number| row(number) + "\n").collect::<String>();
    let again = import_locations(&desk, "new-tint", mended.as_bytes(), false).await.expect("imported");
    assert_eq!((again.added, again.updated, again.unchanged, again.refused), (7, 0, 193, 0));
    let moved = mended.replace("7 Main St", "8 Main St");
    let moved = import_locations(&desk, "new-tint", moved.as_bytes(), false).await.expect("imported");
    assert!(moved.updated > 0 && moved.added == 0);
    // Another tenant's shops are its own.
    assert_eq!(operate::list_shops(&desk, "sample-tint").await.expect("shops").len(), 3);
}

async fn live_since(test: &Test, slug: &str) -> DateTime<Utc> {
    let tenant = test.site.store.everywhere().find_tenant(slug).await.expect("found").expect("a tenant");
    let mut tx = test.site.store.begin(tenant).await.expect("a transaction");
    tx.tenants().contacts_since().await.expect("read").expect("it is live")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_is_set_up_from_nothing_and_its_first_lead_is_answered() {
    // What a tenant has is remembered for a while; here it changes from one moment to the next.
    let test = Test::start_with(|options| options.settings.push(("notify.tenant_ttl".into(), "10ms".into()))).await;
    let program = test.run().await;
    let desk = desk(&test);
    let bus = Bus::connect(&test.site.bus_config("operate")).await.expect("a connection");
    let look = async || {
        let tenant = test.site.store.everywhere().find_tenant("new-tint").await.expect("found").expect("a tenant");
        let config = test.site.config(&[], &[]).expect("settings");
        let standings = notify::look_at_carriers(&config.notify, &test.site.store, tenant).await.expect("standings");
        let carriers = standings.into_iter().map(|standing| match standing.says {
            Ok(says) => operate::Check::well(standing.channel.as_str(), says),
            Err(why) => operate::Check::wrong(standing.channel.as_str(), why, "give the credentials"),
        });
        preflight(&self::desk(&test), "new-tint", carriers.collect(), Some(&bus), |_, _| {}).await.expect("looked")
    };

    let website = add(&desk, "new-tint").await;
    let bare = look().await;
    assert!(!bare.is_ready() && bare.score == 0 && bare.locations.is_empty());

    let shop = orchestrator::demo::LOCATIONS[1].0;
    let file = HEAD.to_owned() + &row(1).replace("shop-001", shop) + "\n";
    import_locations(&desk, "new-tint", file.as_bytes(), false).await.expect("imported");
    let unpaid = look().await;
    let wrong: Vec<_> = unpaid.checks.iter().filter(|check| !check.ok).map(|check| check.what.as_str()).collect();
    assert_eq!(wrong, ["CRM key", "CRM webhook", "sms", "email"]);
    assert!(unpaid.locations[0].score < 100);

    // A key that the CRM refuses is not kept.
    let base_url = test.site.sim.url.clone();
    let key = |api_key: &str| shopmonkey::Credentials { base_url: base_url.clone(), api_key: api_key.into() };
    let slug = "new-tint";
    let refused = save_credentials(&desk, slug, Vendor::Crm(CrmName::Shopmonkey, key("wrong"))).await;
    assert!(matches!(refused, Err(Error::Account(_))), "{refused:?}");
    let other = save_credentials(&desk, slug, Vendor::Crm(CrmName::Tekmetric, key("wrong"))).await;
    assert!(matches!(other, Err(Error::OtherCrm { .. })), "{other:?}");
    let right = Vendor::Crm(CrmName::Shopmonkey, key(sim::shopmonkey::API_KEY));
    assert_eq!(save_credentials(&desk, slug, right).await.expect("kept").shops, Some(3));
    let account = twilio::Credentials {
        base_url: base_url.clone(),
        account_sid: sim::twilio::ACCOUNT_SID.into(),
        auth_token: sim::twilio::AUTH_TOKEN.into(),
        messaging_service_sid: sim::twilio::MESSAGING_SERVICE_SID.into(),
        status_callback: String::new(),
    };
    let make = |account, door: &str| twilio::Credentials { status_callback: format!("{door}/status"), ..account };
    let secret = sim::twilio::AUTH_TOKEN.to_owned();
    let keep = |account, before: &twilio::Credentials| twilio::Credentials {
        status_callback: before.status_callback.clone(),
        ..account
    };
    let carrier = Vendor::Carrier { name: twilio::NAME, secret, make, keep, credentials: account, anew: false };
    save_credentials(&desk, slug, carrier).await.expect("kept");
    let mailer = notify::sendgrid::Credentials {
        base_url,
        api_key: sim::sendgrid::API_KEY.into(),
        from_email: "hello@mail.new-tint.example".into(),
        from_name: "New Tint".into(),
    };
    let secret = sim::sendgrid::public_key();
    let (name, make, keep) = (notify::sendgrid::NAME, |mailer, _: &str| mailer, |mailer, _: &_| mailer);
    let carrier = Vendor::Carrier { name, secret, make, keep, credentials: mailer, anew: false };
    save_credentials(&desk, slug, carrier).await.expect("kept");
    repair_webhook(&self::desk(&test), slug, false).await.expect("registered");

    let ready = look().await;
    assert_eq!((ready.score, ready.is_ready()), (100, true), "{ready:?}");
    let test_lead = ready.locations[0].checks.iter().find(|check| check.what == "test lead").expect("one was sent");
    assert!(test_lead.says.contains("went to nobody"), "{test_lead:?}");

    // Before it is live nobody is written to: not about an order, not about a form.
    let early = Quote { location_id: Some(shop.into()), phone: Some("+15125550188".into()), ..quote("o-0") };
    test.site.sim.world.ask_for_quote(&early, Manners::default());
    let address = format!("{}/api/chatbot/leads?key={website}", test.site.public_url);
    let answers = json!({"name": "Sam", "email": "sam@example.com", "location": shop});
    let response = reqwest::Client::new().post(address).json(&answers).send().await.expect("an answer");
    let form: serde_json::Value = response.json().await.expect("JSON");
    let silent = async |crm: &str, order: &str| {
        let tenant = test.site.store.everywhere().find_tenant("new-tint").await.expect("found").expect("a tenant");
        let mut tx = test.site.store.begin(tenant).await.expect("a transaction");
        let lead = LeadId::of_order(tenant, crm, order);
        tx.leads().lookup(lead).await.expect("readable").and_then(|lead| lead.stop_reason)
    };
    for (crm, order) in [("shopmonkey", "o-0"), ("form", form["id"].as_str().expect("an id"))] {
        until("it is kept", async || silent(crm, order).await.as_deref() == Some("before_go_live")).await;
    }
    test.advance_to(test.site.clock.now() + TimeDelta::seconds(1));
    go_live(&desk, slug).await.expect("live");
    assert_eq!(
        live_since(&test, slug).await.timestamp_subsec_nanos(),
        0,
        "CRMs say when somebody asked in whole seconds"
    );
    let asked = Quote { location_id: Some(shop.into()), phone: Some("+15125550177".into()), ..quote("o-1") };
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    // Both tenants have this shop in the one account that the simulator has: each answers, and each knows only its own lead.
    until("the first lead is answered", async || {
        test.texts_to("+15125550177").iter().any(|text| text.contains("Sample Tint 1"))
    })
    .await;
    until("the text is delivered", async || {
        let counts = test.site.store.everywhere().count_messages_by_state().await.expect("counts");
        counts.iter().all(|count| !["claimed", "unknown", "sent"].contains(&count.state.as_str()))
    })
    .await;
    // Nobody was written to by the test leads, and they are over.
    let rehearsed = test.site.sim.world.journal.count(|event| format!("{event:?}").contains(".invalid"));
    assert_eq!(rehearsed, 0);
    bus.close().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_set_of_credentials_keeps_the_address_unless_a_new_one_is_wanted() {
    let test = Test::start_with(|options| options.settings.push(("ingest.door_ttl".into(), "10ms".into()))).await;
    let program = test.run().await;
    let desk = desk(&test);
    let save = async |auth_token: &str, anew| {
        let credentials = twilio::Credentials {
            base_url: test.site.sim.url.clone(),
            account_sid: sim::twilio::ACCOUNT_SID.into(),
            auth_token: auth_token.into(),
            messaging_service_sid: sim::twilio::MESSAGING_SERVICE_SID.into(),
            status_callback: String::new(),
        };
        let make = |account, door: &str| twilio::Credentials { status_callback: format!("{door}/status"), ..account };
        let keep = |account, before: &twilio::Credentials| twilio::Credentials {
            status_callback: before.status_callback.clone(),
            ..account
        };
        let (name, secret) = (twilio::NAME, auth_token.to_owned());
        let carrier = Vendor::Carrier { name, secret, make, keep, credentials, anew };
        save_credentials(&desk, "sample-tint", carrier).await.expect("kept").door
    };
    let kept = async || {
        let mut tx = test.site.store.begin(test.site.franchise.tenant).await.expect("a transaction");
        tx.tenants().find_credentials::<twilio::Credentials>(twilio::NAME).await.expect("readable").expect("some")
    };
    let hears = async || test.site.sim.world.reply("+15125550142", "Tuesday?").await;
    let before = kept().await;
    assert_eq!(hears().await, 200);
    // What the carrier signs with a token that is not ours any more is nobody's.
    assert_eq!(save("another-token", false).await, None);
    until("the old token is refused", async || hears().await == 401).await;
    assert_eq!(save(sim::twilio::AUTH_TOKEN, false).await, None);
    until("the new one is taken", async || hears().await == 200).await;
    assert_eq!(kept().await.status_callback, before.status_callback);
    // A new address beside the old one, which the carrier goes on using until somebody tells it.
    let door = save(sim::twilio::AUTH_TOKEN, true).await.expect("a new address");
    assert!(kept().await.status_callback.starts_with(&door) && kept().await.status_callback != before.status_callback);
    until("the old address is heard", async || hears().await == 200).await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_lead_says_which_stage_it_did_not_come_through_and_goes_to_nobody() {
    let test = Test::start().await;
    let bus = Bus::connect(&test.site.bus_config("operate")).await.expect("a connection");
    let found = preflight(&desk(&test), "sample-tint", Vec::new(), Some(&bus), |_, _| {}).await.expect("looked");
    for location in &found.locations {
        let test_lead = location.checks.iter().find(|check| check.what == "test lead").expect("one was sent");
        assert_eq!(test_lead.to_do.as_deref(), Some("check that enrich runs"));
    }
    // They are read after all, later: and nothing is planned for them any more.
    test.advance_to(test.site.clock.now() + TimeDelta::minutes(2));
    let program = test.run().await;
    until("the test leads are kept", async || {
        let counts = test.site.store.everywhere().count_leads_by_status().await.expect("counts");
        counts.iter().map(|(_, leads)| leads).sum::<i64>() == 3
    })
    .await;
    assert!(test.site.store.everywhere().count_messages_by_state().await.expect("counts").is_empty());
    assert_eq!(test.site.sim.world.journal.count(|event| matches!(event, sim::Event::Email { .. })), 0);
    bus.close().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sealed_with_an_old_key_is_sealed_anew_and_the_old_key_can_go() {
    let test = Test::start().await;
    let old = test.site.settings["seal.keys"].clone();
    let new = STANDARD.encode([7; 32]);
    let open = |keys: &str| {
        let config = test.site.config(&[], &[("seal.keys", keys)]).expect("settings");
        Store::open(&config.store).expect("a store")
    };
    let both = open(&format!("{new},{old}"));
    let (closed, all) = open(&new).everywhere().count_closed(100).await.expect("counted");
    assert!(closed == all && all > 0);
    assert_eq!(reseal_all(&both, |_, _| {}).await.expect("sealed anew"), all);
    assert_eq!(open(&new).everywhere().count_closed(100).await.expect("counted"), (0, all));
    assert_eq!(open(&old).everywhere().count_closed(100).await.expect("counted").0, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forms_key_that_is_taken_back_opens_nothing() {
    let test = Test::start_with(|options| options.settings.push(("ingest.door_ttl".into(), "10ms".into()))).await;
    let program = test.run().await;
    let desk = desk(&test);
    let wanted = |name: &str, schema: Option<&str>| WantedForm {
        name: name.to_owned(),
        schema: schema.map(|text| serde_json::from_str(text).expect("a form")),
        location: None,
        origins: Vec::new(),
    };
    let made = add_form_key(&desk, "sample-tint", wanted("website", None)).await.expect("made");
    assert_eq!(made.notes.len(), 1, "of three shops the page has to say which: {:?}", made.notes);
    let url = format!("{}/api/chatbot/leads?key={}", test.site.public_url, made.key);
    let answers = json!({"name": "Sam", "email": "sam@example.com", "location": orchestrator::demo::LOCATIONS[0].0});
    let send = async || reqwest::Client::new().post(&url).json(&answers).send().await.expect("an answer").status();
    assert_eq!(send().await, 201);
    revoke_form_key(&desk, "sample-tint", &made.key).await.expect("taken back");
    until("it opens nothing", async || send().await == 404).await;
    assert!(matches!(revoke_form_key(&desk, "sample-tint", &made.key).await, Err(Error::NoSuchFormKey(_))));
    let keys = list_form_keys(&desk, "sample-tint").await.expect("keys");
    assert!(keys.iter().any(|line| line.key == made.key && line.revoked_at.is_some()));

    let blank = r#"{"fields":[{"name":"email","kind":"email"}],"consent_words":" "}"#;
    for (name, schema) in [("", None), (events::REHEARSAL, None), ("quote", Some(blank))] {
        let refused = add_form_key(&desk, "sample-tint", wanted(name, schema)).await;
        assert!(matches!(refused, Err(Error::Form(_))), "{name:?}");
    }
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_tenant_is_refused_in_words() {
    let test = Test::start().await;
    let desk = desk(&test);
    let new = |slug: &str, name: &str| NewTenant {
        slug: slug.into(),
        name: name.into(),
        crm: CrmName::Tekmetric,
        settings: TenantSettings::default(),
        templates: Vec::new(),
    };
    for slug in ["", "Sample Tint", "-a", "ä", &"a".repeat(64)] {
        assert!(matches!(add_tenant(&desk, &new(slug, "x")).await, Err(Error::Slug(_))), "{slug:?}");
    }
    for name in ["", "  ", "a\nb", &"a".repeat(201)] {
        assert!(matches!(add_tenant(&desk, &new("new", name)).await, Err(Error::Name)), "{name:?}");
    }
    assert!(matches!(add_tenant(&desk, &new("sample-tint", "x")).await, Err(Error::SlugTaken(_))));
    assert!(matches!(import_locations(&desk, "nobody", b"", false).await, Err(Error::NoSuchTenant(_))));
    assert!(matches!(import_locations(&desk, "sample-tint", b"a,b\n1,2", false).await, Err(Error::Columns { .. })));
    assert!(matches!(import_locations(&desk, "sample-tint", b"\xff\xfe\x00", false).await, Err(Error::Columns { .. })));
}
