//! Rudeness on demand: each fault meets the next so many requests of its vendor, in the order the faults were asked for.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

use crate::connection::Cut;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vendor {
    Shopmonkey,
    Tekmetric,
    Twilio,
    Sendgrid,
    Slack,
    Telegram,
    Whatsapp,
    Anthropic,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum FaultKind {
    /// Answers late.
    Slow { ms: u64 },
    /// 429, with or without a word on when to come again. Nothing was done.
    TooMany { retry_after_s: Option<u64> },
    /// 500, and nothing was done.
    FailBefore,
    /// 500, and it was done.
    FailAfter,
    /// The connection ends without an answer, and nothing was done.
    CutBefore,
    /// The connection ends without an answer, and it was done.
    CutAfter,
    /// An HTML page of whatever stands in front of the API.
    EdgePage,
    /// Done and answered, but no receipt ever comes.
    LoseReceipts,
    /// Done and answered; receipts come late.
    LateReceipts { ms: u64 },
    /// Done and answered, and it does not arrive: a receipt says so, and comes twice.
    Undelivered,
    /// Twilio takes a text, and throws it away when its validity is over.
    Expired,
    /// A model's answer ends in the middle, as a connection does.
    CutStream,
    /// A model's answer stops in the middle, and says nothing more.
    StallStream,
    /// A model's answer ends in the middle with the vendor's error.
    EndStream,
    /// A model calls a tool with half of a JSON.
    BrokenCall,
    /// A model will not answer, by its vendor's policy.
    Refuses,
    /// The vendor answers that our own limit of money is reached, as if the prompt were wrong.
    SpendLimit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    pub vendor: Vendor,
    #[serde(flatten)]
    pub kind: FaultKind,
    /// How many requests it meets.
    #[serde(default = "once")]
    pub times: u32,
}

fn once() -> u32 {
    1
}

#[derive(Debug, Default)]
pub struct Faults(Mutex<VecDeque<Fault>>);

impl Faults {
    pub fn add(&self, fault: Fault) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(fault);
    }

    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The fault that meets this request, if any.
    pub(crate) fn meet(&self, vendor: Vendor) -> Option<FaultKind> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let index = faults.iter().position(|fault| fault.vendor == vendor && fault.times > 0)?;
        faults[index].times -= 1;
        let kind = faults[index].kind;
        if faults[index].times == 0 {
            faults.remove(index);
        }
        Some(kind)
    }
}

/// What a fault does before the request takes effect. `Some`: it takes none, and this is the answer.
pub(crate) async fn before(fault: Option<FaultKind>, cut: &Cut) -> Option<Response> {
    match fault? {
        FaultKind::Slow { ms } => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            None
        }
        FaultKind::TooMany { retry_after_s } => {
            let body = r#"{"code":20429,"message":"Too many requests","success":false,"errors":[{"message":"too many requests"}]}"#;
            let mut response = (StatusCode::TOO_MANY_REQUESTS, body).into_response();
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            if let Some(seconds) = retry_after_s {
                response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            }
            Some(response)
        }
        FaultKind::FailBefore => Some(StatusCode::INTERNAL_SERVER_ERROR.into_response()),
        FaultKind::CutBefore => {
            cut.now();
            Some(StatusCode::OK.into_response())
        }
        FaultKind::EdgePage => {
            let page = "<!doctype html><title>Just a moment...</title>";
            Some((StatusCode::FORBIDDEN, [(header::CONTENT_TYPE, "text/html")], page).into_response())
        }
        FaultKind::FailAfter
        | FaultKind::CutAfter
        | FaultKind::LoseReceipts
        | FaultKind::LateReceipts { .. }
        | FaultKind::Undelivered
        | FaultKind::Expired
        | FaultKind::CutStream
        | FaultKind::StallStream
        | FaultKind::EndStream
        | FaultKind::BrokenCall
        | FaultKind::Refuses
        | FaultKind::SpendLimit => None,
    }
}

/// What a fault does to the answer of a request that took effect.
pub(crate) fn after(fault: Option<FaultKind>, cut: &Cut, answer: Response) -> Response {
    match fault {
        Some(FaultKind::FailAfter) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Some(FaultKind::CutAfter) => {
            cut.now();
            answer
        }
        _ => answer,
    }
}
