//! Anthropic's events, read. What is unknown is passed over: within a version there may be more of them.

use std::collections::{BTreeMap, VecDeque};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::wire::ProblemError;
use crate::{Call, Failed, Piece, Stop, Usage, speaking::Decoder};

/// Of one block; nobody has asked for so much.
const LONGEST_BLOCK_BYTES: usize = 256 << 10;
const MOST_BLOCKS: usize = 64;

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    MessageStart {
        message: Start,
    },
    ContentBlockStart {
        index: u32,
        content_block: Map<String, Value>,
    },
    ContentBlockDelta {
        index: u32,
        delta: Delta,
    },
    MessageDelta {
        delta: End,
        #[serde(default)]
        usage: WireUsage,
    },
    MessageStop,
    Error {
        error: ProblemError,
    },
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
struct Start {
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    usage: WireUsage,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Delta {
    #[serde(rename = "text_delta")]
    Text { text: String },
    #[serde(rename = "input_json_delta")]
    InputJson { partial_json: String },
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: String },
    #[serde(rename = "signature_delta")]
    Signature { signature: String },
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
struct End {
    #[serde(default)]
    stop_reason: Option<String>,
}

/// Each number is the newest of its kind, and no more to add.
#[derive(Debug, Default, Deserialize)]
struct WireUsage {
    input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    output_tokens: Option<u64>,
}

/// A block as the vendor began it, and what grows in it.
#[derive(Debug)]
struct Block {
    begun: Map<String, Value>,
    text: String,
    /// Of a block of thoughts.
    signature: String,
}

impl Block {
    fn kind(&self) -> &str {
        self.begun.get("type").and_then(Value::as_str).unwrap_or_default()
    }

    fn word(&self, name: &str) -> String {
        self.begun.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// Of a call. One without arguments says nothing.
    fn input(&self) -> Result<Value, Failed> {
        if self.text.trim().is_empty() {
            return Ok(json!({}));
        }
        let input: Value = serde_json::from_str(&self.text)
            .map_err(|_| Failed::NotReadable(format!("a call of {} that is no JSON", self.word("name"))))?;
        if input.is_object() { Ok(input) } else { Err(Failed::NotReadable("a call without an object".to_owned())) }
    }

    /// As it is sent back.
    fn whole(&self) -> Value {
        let mut whole = self.begun.clone();
        let grown = match self.kind() {
            "text" => Some(("text", Value::String(self.text.clone()))),
            "thinking" => Some(("thinking", Value::String(self.text.clone()))),
            "tool_use" => self.input().ok().map(|input| ("input", input)),
            _ => None,
        };
        if let Some((name, grown)) = grown {
            whole.insert(name.to_owned(), grown);
        }
        if !self.signature.is_empty() {
            whole.insert("signature".to_owned(), self.signature.clone().into());
        }
        Value::Object(whole)
    }
}

#[derive(Debug, Default)]
pub(super) struct Messages {
    model: Option<String>,
    blocks: BTreeMap<u32, Block>,
    usage: Usage,
    stop: Option<String>,
}

impl Messages {
    fn count(&mut self, usage: &WireUsage) {
        let newest = |before: &mut u64, now: Option<u64>| *before = now.unwrap_or(*before);
        newest(&mut self.usage.input, usage.input_tokens);
        newest(&mut self.usage.cache_write, usage.cache_creation_input_tokens);
        newest(&mut self.usage.cache_read, usage.cache_read_input_tokens);
        newest(&mut self.usage.output, usage.output_tokens);
    }

    fn grow(&mut self, index: u32, delta: Delta, pieces: &mut VecDeque<Piece>) -> Result<(), Failed> {
        let odd = || Failed::NotReadable("more of a block that was not begun".to_owned());
        let block = self.blocks.get_mut(&index).ok_or_else(odd)?;
        let more = match delta {
            Delta::Text { text } => {
                pieces.push_back(Piece::Text(text.clone()));
                text
            }
            Delta::InputJson { partial_json } => partial_json,
            Delta::Thinking { thinking } => thinking,
            Delta::Signature { signature } => {
                block.signature.push_str(&signature);
                return Ok(());
            }
            Delta::Other => return Ok(()),
        };
        if block.text.len() + more.len() > LONGEST_BLOCK_BYTES {
            return Err(Failed::NotReadable("a block that never ends".to_owned()));
        }
        block.text.push_str(&more);
        Ok(())
    }

    /// Only now anything is called: a call in an answer that did not end may be half of one.
    fn end(&self, pieces: &mut VecDeque<Piece>) -> Result<(), Failed> {
        let stop = match self.stop.as_deref() {
            Some("end_turn" | "stop_sequence") => Stop::Done,
            Some("tool_use") => Stop::Calls,
            Some("max_tokens" | "model_context_window_exceeded") => Stop::Length,
            Some("refusal") => return Err(Failed::Refused),
            other => return Err(Failed::Ended(other.unwrap_or("without a reason").to_owned())),
        };
        if stop == Stop::Calls {
            for block in self.blocks.values().filter(|block| block.kind() == "tool_use") {
                let call = Call { id: block.word("id"), name: block.word("name"), input: block.input()? };
                pieces.push_back(Piece::Call(call));
            }
        }
        pieces.push_back(Piece::End(stop));
        Ok(())
    }
}

impl Decoder for Messages {
    fn push(&mut self, data: &str, pieces: &mut VecDeque<Piece>) -> Result<(), Failed> {
        let event = serde_json::from_str(data).map_err(|error| Failed::NotReadable(format!("an event: {error}")))?;
        match event {
            Event::MessageStart { message } => {
                self.model = message.model;
                self.count(&message.usage);
            }
            Event::ContentBlockStart { index, content_block } => {
                if self.blocks.len() >= MOST_BLOCKS {
                    return Err(Failed::NotReadable("more blocks than anybody needs".to_owned()));
                }
                let block = Block { begun: content_block, text: String::new(), signature: String::new() };
                self.blocks.insert(index, block);
            }
            Event::ContentBlockDelta { index, delta } => self.grow(index, delta, pieces)?,
            Event::MessageDelta { delta, usage } => {
                self.count(&usage);
                self.stop = delta.stop_reason.or(self.stop.take());
            }
            Event::MessageStop => self.end(pieces)?,
            Event::Error { error } => return Err(Failed::Ended(error.r#type)),
            Event::Other => {}
        }
        Ok(())
    }

    fn usage(&self) -> Usage {
        self.usage
    }

    fn served_by(&self) -> Option<&str> {
        self.model.as_deref()
    }

    fn content(&self) -> Vec<Value> {
        self.blocks.values().map(Block::whole).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(events: &[&str]) -> (Result<(), String>, Vec<Piece>, Messages) {
        let (mut decoder, mut pieces) = (Messages::default(), VecDeque::new());
        let read = events.iter().try_for_each(|event| decoder.push(event, &mut pieces));
        (read.map_err(|failed| failed.as_str().to_owned()), pieces.into(), decoder)
    }

    const START: &str = r#"{"type":"message_start","message":{"id":"m","model":"claude-haiku-5-5-20261001","usage":{"input_tokens":10,"cache_read_input_tokens":5,"output_tokens":1}}}"#;
    const STOP: &str = r#"{"type":"message_stop"}"#;

    #[test]
    fn a_text_comes_as_it_grows_and_ends_with_what_it_cost() {
        let (read, pieces, decoder) = read(&[
            START,
            r#"{"type":"ping"}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"s"}}"#,
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Hi "}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"a_new_kind","x":1}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"there."}}"#,
            r#"{"type":"content_block_stop","index":1}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":10,"output_tokens":7}}"#,
            STOP,
        ]);
        assert_eq!(read, Ok(()));
        assert_eq!(pieces, [Piece::Text("Hi ".into()), Piece::Text("there.".into()), Piece::End(Stop::Done)]);
        assert_eq!(decoder.usage(), Usage { input: 10, cache_read: 5, cache_write: 0, output: 7 });
        let content = json!([
            { "type": "thinking", "thinking": "hm", "signature": "s" },
            { "type": "text", "text": "Hi there." }
        ]);
        assert_eq!(Value::from(decoder.content()), content, "thoughts go back as they came");
    }

    fn calling<'a>(json: &'a [String], stop: &'a str) -> Vec<&'a str> {
        let begun = r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t1","name":"free_times","input":{}}}"#;
        [START, begun].into_iter().chain(json.iter().map(String::as_str)).chain([stop, STOP]).collect()
    }

    fn part(json: &str) -> String {
        let delta = json!({ "type": "input_json_delta", "partial_json": json });
        json!({ "type": "content_block_delta", "index": 0, "delta": delta }).to_string()
    }

    #[test]
    fn a_call_is_made_when_it_is_whole_and_never_when_it_is_not() {
        let stopped = |why: &str| format!(r#"{{"type":"message_delta","delta":{{"stop_reason":"{why}"}}}}"#);
        let (used, cut) = (stopped("tool_use"), stopped("max_tokens"));
        let whole = [part("{\"day\":"), part("\"tuesday\"}")];
        let (result, pieces, _) = read(&calling(&whole, &used));
        let call = Call { id: "t1".into(), name: "free_times".into(), input: json!({ "day": "tuesday" }) };
        assert_eq!((result, pieces), (Ok(()), vec![Piece::Call(call.clone()), Piece::End(Stop::Calls)]));
        let (_, pieces, _) = read(&calling(&[], &used));
        assert_eq!(pieces[0], Piece::Call(Call { input: json!({}), ..call }));
        let (_, pieces, _) = read(&calling(&whole, &cut));
        assert_eq!(pieces, [Piece::End(Stop::Length)]);
        let (result, pieces, _) = read(&calling(&[part("{\"day\":")], &used));
        assert_eq!((result, pieces), (Err("not_readable".into()), vec![]));
        let (result, ..) = read(&calling(&[part("[1]")], &used));
        assert_eq!(result, Err("not_readable".into()));
    }

    #[test]
    fn what_the_vendor_ends_is_no_answer() {
        let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
        assert_eq!(read(&[START, error]).0, Err("ended".into()));
        let refusal = r#"{"type":"message_delta","delta":{"stop_reason":"refusal"}}"#;
        assert_eq!(read(&[START, refusal, STOP]).0, Err("refused".into()));
        assert_eq!(read(&[START, STOP]).0, Err("ended".into()));
    }

    proptest! {
        #[test]
        fn no_event_is_too_odd(data in "\\PC{0,200}", index in any::<u32>(), kind in "[a-z_]{0,24}") {
            let odd = json!({ "type": kind, "index": index, "delta": { "type": data, "text": 1 } }).to_string();
            let _ = read(&[&data, START, &odd, STOP]);
        }
    }
}
