//! One file for each way a vendor signs. All compare in constant time, over the bytes as they came.

pub(crate) mod meta;
pub(crate) mod sendgrid;
pub(crate) mod slack;
pub(crate) mod standard_webhooks;
pub(crate) mod twilio;

use service::{Code, Problem};

pub(crate) fn bad(detail: &'static str) -> Problem {
    Problem::new(Code::BadSignature, detail)
}
