//! What a person at the demo may do to the vendors: be a customer who writes back, and make a vendor rude.
//!
//! `GET /sim` says how.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Query, State},
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{Entry, Fault, world::World};

const HELP: &str = r#"What you may do to the simulated vendors and customers:

  A customer writes back     curl localhost:PORT/sim/reply       -d '{"from": "+12015550100", "body": "STOP"}'
  ... by WhatsApp            curl localhost:PORT/sim/whatsapp    -d '{"from": "+12015550100", "body": "Hello"}'
  ... or unsubscribes        curl localhost:PORT/sim/unsubscribe -d '{"address": "robin@example.com"}'
  Somebody of the staff presses "I take it"
                             curl localhost:PORT/sim/press       -d '{"channel": "C0DESK", "who": "kim"}'
  A vendor is rude           curl localhost:PORT/sim/faults      -d '{"vendor": "twilio", "kind": "cut_after", "times": 3}'
  Nobody is rude any more    curl -X DELETE localhost:PORT/sim/faults
  How an email looks         http://localhost:PORT/sim/email?to=robin@example.com
  What really happened       curl localhost:PORT/sim/journal

Vendors: shopmonkey, tekmetric, twilio, sendgrid, slack, telegram, whatsapp, anthropic.
Kinds:   fail_before, fail_after   500, without and with the effect
         cut_before, cut_after     the connection breaks, without and with the effect
         edge_page                 HTML of whatever stands in front of the API
         too_many                  429; with "retry_after_s": 1 it says when to come again
         slow                      with "ms": 800
         lose_receipts, late_receipts (with "ms": 1500)
         undelivered               taken, and a receipt says that it did not arrive
         expired                   a text is taken, and thrown away because it was too late
         cut_stream, stall_stream, end_stream, broken_call, refuses, spend_limit
                                   what a model's vendor does in the middle of an answer, or instead of one
"#;

pub(crate) fn router() -> Router<Arc<World>> {
    Router::new()
        .route("/sim", get(async || HELP))
        .route("/sim/reply", post(reply))
        .route("/sim/whatsapp", post(write_whatsapp))
        .route("/sim/unsubscribe", post(unsubscribe))
        .route("/sim/email", get(email))
        .route("/sim/press", post(press))
        .route("/sim/faults", post(add_fault).delete(clear_faults))
        .route("/sim/journal", get(journal))
}

#[derive(Deserialize)]
struct Text {
    from: String,
    body: String,
}

/// JSON, whatever the content type says: these are typed by hand.
fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, (StatusCode, String)> {
    serde_json::from_slice(body).map_err(|error| (StatusCode::BAD_REQUEST, format!("{error}\n")))
}

async fn reply(State(world): State<Arc<World>>, body: Bytes) -> Result<String, (StatusCode, String)> {
    let Text { from, body } = read_text(&body)?;
    received(world.reply(&from, &body).await)
}

async fn write_whatsapp(State(world): State<Arc<World>>, body: Bytes) -> Result<String, (StatusCode, String)> {
    let Text { from, body } = read_text(&body)?;
    received(world.write_whatsapp(&from, &body).await)
}

fn read_text(body: &Bytes) -> Result<Text, (StatusCode, String)> {
    let Text { from, body } = read(body)?;
    let digits = from.strip_prefix('+').unwrap_or_default();
    if !(8..=15).contains(&digits.len()) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err((StatusCode::BAD_REQUEST, format!("{from:?} is not a number like +12015550100\n")));
    }
    if body.trim().is_empty() {
        return Err((StatusCode::BAD_REQUEST, "write something in body\n".into()));
    }
    Ok(Text { from, body })
}

fn received(status: u16) -> Result<String, (StatusCode, String)> {
    match status {
        status if (200..300).contains(&status) => Ok("received\n".into()),
        status => Err((StatusCode::BAD_GATEWAY, format!("the receiver answered {status}\n"))),
    }
}

#[derive(Deserialize)]
struct Inbox {
    address: String,
}

async fn unsubscribe(State(world): State<Arc<World>>, body: Bytes) -> Result<String, (StatusCode, String)> {
    let Inbox { address } = read(&body)?;
    match world.unsubscribe(&address).await {
        Some(status) if (200..300).contains(&status) => Ok("unsubscribed\n".into()),
        Some(status) => Err((StatusCode::BAD_GATEWAY, format!("the receiver answered {status}\n"))),
        None => Err((StatusCode::NOT_FOUND, "no email went to this address\n".into())),
    }
}

#[derive(Deserialize)]
struct Shown {
    to: String,
}

/// As a mailbox shows it: no script in it runs.
async fn email(State(world): State<Arc<World>>, Query(shown): Query<Shown>) -> Response {
    match world.sendgrid.newest_html(&shown.to) {
        Some(html) => ([(header::CONTENT_SECURITY_POLICY, "script-src 'none'")], Html(html)).into_response(),
        None => (StatusCode::NOT_FOUND, "no email went to this address\n").into_response(),
    }
}

#[derive(Deserialize)]
struct Press {
    /// A channel of Slack's, or a chat of Telegram's.
    channel: String,
    who: String,
}

async fn press(State(world): State<Arc<World>>, body: Bytes) -> Result<String, (StatusCode, String)> {
    let Press { channel, who } = read(&body)?;
    let status = match channel.parse() {
        Ok(chat) => world.press_in_telegram(chat, &who).await,
        Err(_) => world.press_in_slack(&channel, &who).await,
    };
    match status {
        Some(status) if (200..300).contains(&status) => Ok("pressed\n".into()),
        Some(status) => Err((StatusCode::BAD_GATEWAY, format!("the receiver answered {status}\n"))),
        None => Err((StatusCode::NOT_FOUND, "nobody was told anything there\n".into())),
    }
}

async fn add_fault(State(world): State<Arc<World>>, body: Bytes) -> Result<String, (StatusCode, String)> {
    let fault: Fault = read(&body)?;
    world.faults.add(fault);
    Ok(format!("the next {} requests to {:?} meet it\n", fault.times, fault.vendor))
}

async fn clear_faults(State(world): State<Arc<World>>) -> StatusCode {
    world.faults.clear();
    StatusCode::NO_CONTENT
}

async fn journal(State(world): State<Arc<World>>) -> Json<Vec<Entry>> {
    Json(world.journal.entries())
}
