//! An answer as the events that it comes in, and what goes wrong on the way.

use std::{io, time::Duration};

use futures::stream::{self, Stream, StreamExt as _};
use serde_json::{Value, json};

use super::Scripted;
use crate::FaultKind;

/// A model's words come in pieces that are no words.
const PIECE_LETTERS: usize = 7;
const A_MOMENT: Duration = Duration::from_millis(50);
/// Longer than anybody waits for a stalled stream.
const STALLED: Duration = Duration::from_secs(300);

/// Every event of an answer, by its name, in its order.
pub(super) fn events(
    id: &str,
    model: &str,
    scripted: &Scripted,
    fault: Option<FaultKind>,
) -> Vec<(&'static str, Value)> {
    let usage = json!({ "input_tokens": 420, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 1800, "output_tokens": 1 });
    let message = json!({ "id": id, "type": "message", "role": "assistant", "model": format!("{model}-20261001"), "content": [],
        "stop_reason": null, "usage": usage });
    let mut events = vec![
        ("message_start", json!({ "message": message })),
        ("ping", json!({})),
        (
            "content_block_start",
            json!({ "index": 0, "content_block": { "type": "thinking", "thinking": "", "signature": "" } }),
        ),
        ("content_block_delta", json!({ "index": 0, "delta": { "type": "thinking_delta", "thinking": "They ask." } })),
        ("content_block_delta", json!({ "index": 0, "delta": { "type": "signature_delta", "signature": "c2ln" } })),
        ("content_block_stop", json!({ "index": 0 })),
    ];
    let (begun, deltas, mut stop) = match scripted {
        Scripted::Text(text) => {
            let letters: Vec<char> = text.chars().collect();
            let pieces = letters.chunks(PIECE_LETTERS).map(|piece| piece.iter().collect::<String>());
            let deltas: Vec<Value> = pieces.map(|text| json!({ "type": "text_delta", "text": text })).collect();
            (json!({ "type": "text", "text": "" }), deltas, "end_turn")
        }
        Scripted::Call { name, input } => {
            let mut json = input.to_string();
            if fault == Some(FaultKind::BrokenCall) {
                json.truncate(json.len() - 1);
            }
            let (one, two) = json.split_at(json.len() / 2);
            let deltas = ["", one, two].map(|part| json!({ "type": "input_json_delta", "partial_json": part }));
            (
                json!({ "type": "tool_use", "id": format!("toolu_{id}"), "name": name, "input": {} }),
                deltas.to_vec(),
                "tool_use",
            )
        }
    };
    if fault == Some(FaultKind::Refuses) {
        stop = "refusal";
    }
    let tokens = deltas.len() * 2;
    events.push(("content_block_start", json!({ "index": 1, "content_block": begun })));
    events.extend(deltas.into_iter().map(|delta| ("content_block_delta", json!({ "index": 1, "delta": delta }))));
    events.push(("content_block_stop", json!({ "index": 1 })));
    let usage = json!({ "input_tokens": 420, "cache_read_input_tokens": 1800, "output_tokens": tokens });
    events.push(("message_delta", json!({ "delta": { "stop_reason": stop, "stop_sequence": null }, "usage": usage })));
    events.push(("message_stop", json!({})));
    events
}

/// The bytes, with what the fault does to them.
pub(super) fn bytes(
    events: Vec<(&'static str, Value)>,
    pause: Duration,
    fault: Option<FaultKind>,
) -> impl Stream<Item = io::Result<String>> {
    // In the middle of what is said, so that some of it has been heard.
    let ends_at = match fault {
        Some(FaultKind::CutStream | FaultKind::StallStream | FaultKind::EndStream) => events.len() - 4,
        _ => usize::MAX,
    };
    stream::iter(events.into_iter().enumerate()).then(move |(place, (name, mut data))| async move {
        if place == ends_at {
            match fault {
                Some(FaultKind::StallStream) => tokio::time::sleep(STALLED).await,
                Some(FaultKind::EndStream) => {
                    let error =
                        json!({ "type": "error", "error": { "type": "overloaded_error", "message": "Overloaded" } });
                    return Ok(format!("event: error\ndata: {error}\n\n"));
                }
                _ => {
                    // What came before is on its way by then.
                    tokio::time::sleep(A_MOMENT).await;
                    return Err(io::Error::other("cut"));
                }
            }
        }
        if name == "content_block_delta" && !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        data["type"] = name.into();
        Ok(format!("event: {name}\ndata: {data}\n\n"))
    })
}
