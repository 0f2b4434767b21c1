//! Everybody is written to in their own language, and emails look as their shop wants.

use chrono::TimeDelta;
use domain::{Channel, Language, LeadId};
use operate::{Error, preview_lead, preview_words, read_timeline, save_words, set_language};
use serde_json::json;
use sim::{Event, Manners, Quote};
use store::Template;
use tests::{Test, noon, quote, until};

use crate::{killed::unacked, ledger::desk, merges::TENANT};

const DANA: &str = "+15125550142";

fn in_spanish() -> Quote {
    Quote {
        differs: json!({"complaint": "Hola, quisiera saber cuánto cuesta polarizar mi carro, gracias"}),
        ..quote("o-1")
    }
}

/// The words of the newest email.
fn email(test: &Test) -> String {
    let entries = test.site.sim.world.journal.entries();
    let bodies = entries.into_iter().rev().filter_map(|entry| match entry.event {
        Event::Email { body, .. } => Some(body),
        _ => None,
    });
    bodies.into_iter().next().expect("an email")
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_writes_in_spanish_is_answered_in_spanish_until_a_person_says_otherwise() {
    let test = Test::start().await;
    let program = test.run().await;
    test.site.sim.world.ask_for_quote(&in_spanish(), Manners::default());
    test.until_texted(&in_spanish()).await;
    let first = &test.texts_to(DANA)[0];
    assert!(first.starts_with("Hola Dana, le escribe Sample Tint") && first.contains("STOP"), "{first}");
    // The shop's copy of the order changes, and still says the same.
    let (desk, lead) = (desk(&test), test.lead_id(&in_spanish()));
    let shown = preview_words(&desk, TENANT, "day_1", Channel::Email, lead).await.expect("shown");
    assert!(shown.body.starts_with("Hola Dana:"), "{}", shown.body);
    set_language(&desk, TENANT, lead, Language::English, "kim").await.expect("set");
    let second = test.messages(&in_spanish()).await[1].due_at;
    test.advance_to(second);
    until("the email is there", async || !test.emails_to("dana@example.com").is_empty()).await;
    assert_eq!(test.emails_to("dana@example.com"), ["A question about Window Tint?"]);
    // What they were told stays what it was, and what nobody may send any more is not shown as sent.
    assert_eq!(test.site.sim.world.reply(DANA, "No quiero recibir mensajes").await, 200);
    until("it is heard", async || unacked(&test).await == 0).await;
    let shown = preview_lead(&desk, TENANT, lead).await.expect("a preview");
    assert!(shown.touches[0].text.as_ref().is_some_and(|text| text.starts_with("Hola Dana")), "{:?}", shown.touches[0]);
    assert!(shown.touches.iter().all(|touch| touch.verdict != "will be sent"), "{:?}", shown.touches);
    let story = read_timeline(&desk, TENANT, lead).await.expect("a story");
    assert!(story.iter().any(|line| line.who == "kim" && line.says.contains("another language (en)")), "{story:?}");
    let wrote = story.iter().position(|line| line.says.contains("No quiero")).expect("what they wrote");
    let cancelled = story.iter().position(|line| line.says.starts_with("We cancelled")).expect("what follows");
    assert!(wrote < cancelled, "{story:?}");
    let nobodys = LeadId::of_order(test.site.franchise.tenant, "shopmonkey", "o-99");
    assert!(matches!(set_language(&desk, TENANT, nobodys, Language::Spanish, "kim").await, Err(Error::NoSuchLead(_))));
    test.assert_settled().await;
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_email_is_in_its_readers_language_from_its_subject_to_the_way_out_and_the_page_behind_it() {
    let test = Test::start().await;
    let program = test.run().await;
    let asked = Quote { texts_allowed: false, ..in_spanish() };
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    until("the email is there", async || test.emails_to("dana@example.com").len() == 1).await;
    assert_eq!(test.emails_to("dana@example.com"), ["Sample Tint Tampa: Window Tint"]);
    let (text, html) = (email(&test), test.site.sim.world.sendgrid.newest_html("dana@example.com").expect("HTML"));
    assert!(text.contains("No recibir más mensajes: http") && html.contains("No recibir más mensajes"), "{text}");
    assert!(html.contains(r#"lang="es""#) && html.contains("Le contamos todo enseguida."), "{html}");
    let link = text.split_whitespace().find(|word| word.contains("/u/")).expect("a link in it");
    let page = reqwest::get(link).await.expect("a page").text().await.expect("words");
    assert!(page.contains("No recibir más mensajes") && page.contains(r#"<html lang="es">"#), "{page}");
    let nobodys =
        reqwest::Client::new().get(link.replace("/u/", "/u/nobodys")).header("accept-language", "es-MX,en;q=0.5");
    let page = nobodys.send().await.expect("a page").text().await.expect("words");
    assert!(page.contains("Este enlace ya no sirve"), "{page}");
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_that_speaks_spanish_does_so_and_a_touch_without_spanish_words_goes_out_in_english() {
    let test = Test::start().await;
    test.choose(|settings| settings.language = Language::Spanish).await;
    let words = Template {
        name: "only_english".into(),
        channel: Channel::Sms,
        language: Language::English,
        subject: None,
        body: "Hi {{ first_name }}, {{ shop }} once more.".into(),
        mjml: None,
        approved_as: None,
    };
    save_words(&desk(&test), TENANT, &words).await.expect("saved");
    let steps = r#"[{"day":0,"channels":["sms"],"template":"day_0"},
                    {"day":1,"at":"11:00","channels":["sms"],"template":"only_english"}]"#;
    test.choose(|settings| settings.cadence = serde_json::from_str(steps).expect("a cadence")).await;
    let program = test.run().await;
    let asked = Quote { first_name: None, ..quote("o-1") };
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    test.until_texted(&asked).await;
    assert!(test.texts_to(DANA)[0].starts_with("Hola qué tal, le escribe"), "{:?}", test.texts_to(DANA));
    let english = Quote {
        phone: Some("+15125550143".into()),
        differs: json!({"complaint": "Hello, how much would it be to tint the back windows of my truck?"}),
        ..quote("o-2")
    };
    test.site.sim.world.ask_for_quote(&english, Manners::default());
    test.until_texted(&english).await;
    assert!(test.texts_to("+15125550143")[0].starts_with("Hi Dana"), "{:?}", test.texts_to("+15125550143"));
    test.live_until(&[&asked], noon() + TimeDelta::days(2)).await;
    until("the second text is out", async || test.texts_to(DANA).len() == 2).await;
    assert_eq!(test.texts_to(DANA)[1], "Hi there, Sample Tint Tampa once more.");
    program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_email_has_the_shops_colors_or_a_design_of_its_own_and_always_a_text_part_and_a_way_out() {
    let test = Test::start_with(|options| options.settings.push(("notify.tenant_ttl".into(), "1ms".into()))).await;
    let look = r##"{"color": "#b3261e", "logo": "https://www.sample-tint.example/logo.png"}"##;
    test.choose(|settings| settings.look = serde_json::from_str(look).expect("a look")).await;
    let program = test.run().await;
    let asked = Quote { texts_allowed: false, first_name: Some("<i>Dana</i>".into()), ..quote("o-1") };
    test.site.sim.world.ask_for_quote(&asked, Manners::default());
    until("the email is there", async || test.emails_to("dana@example.com").len() == 1).await;
    let html = || test.site.sim.world.sendgrid.newest_html("dana@example.com").expect("HTML");
    assert!(
        html().contains("#b3261e")
            && html().contains("logo.png")
            && html().contains("Hi there")
            && !html().contains("<i>"),
        "{}",
        html()
    );

    let mjml = r#"<mjml><mj-body><mj-section><mj-column>
        <mj-text>Our own design, {{ first_name }}</mj-text>
        <mj-button href="{{ chat_link }}">Write to us</mj-button>
        <mj-text>{{ shop_address }} <a href="{{ unsubscribe_link }}">No more</a></mj-text>
        </mj-column></mj-section></mj-body></mjml>"#;
    let template = |mjml: &str| Template {
        name: "day_1".into(),
        channel: Channel::Email,
        language: Language::English,
        subject: Some("Our design".into()),
        body: "In plain words, {{ first_name }}. {{ shop_address }}".into(),
        mjml: Some(mjml.into()),
        approved_as: None,
    };
    let desk = desk(&test);
    let wrong = save_words(&desk, TENANT, &template("<mjml><mj-body>Hi")).await.expect_err("refused");
    assert!(wrong.to_string().contains("its design (MJML) cannot be used"), "{wrong}");
    save_words(&desk, TENANT, &template(mjml)).await.expect("saved");
    test.advance_to(test.messages(&asked).await[1].due_at);
    until("the second email is there", async || test.emails_to("dana@example.com").len() == 2).await;
    assert!(html().contains("Our own design, there") && html().contains("Write to us"), "{}", html());
    assert!(html().contains("&#x2f;u&#x2f;") && html().contains("&#x2f;c&#x2f;"), "{}", html());
    assert!(email(&test).starts_with("In plain words, there."), "{}", email(&test));
    test.assert_settled().await;
    program.stop().await;
}
