//! What Anthropic takes, and its errors.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Outcome, Prompt, Said, Tool};

#[derive(Debug, Serialize)]
pub(super) struct Request<'a> {
    model: &'a str,
    max_tokens: u32,
    stream: bool,
    output_config: Value,
    /// With a mark behind it: what is the same for every customer of a shop is kept by the vendor.
    system: [Value; 1],
    tools: Vec<Value>,
    messages: Vec<Value>,
    metadata: Value,
}

impl<'a> Request<'a> {
    pub(super) fn of(prompt: &Prompt<'a>, model: &'a str) -> Self {
        Self {
            model,
            max_tokens: prompt.most_tokens,
            stream: true,
            // Somebody waits.
            output_config: json!({ "effort": "low" }),
            system: [json!({ "type": "text", "text": prompt.system, "cache_control": { "type": "ephemeral" } })],
            tools: prompt.tools.iter().map(tool).collect(),
            messages: messages(&prompt.said),
            metadata: json!({ "user_id": prompt.user }),
        }
    }
}

fn tool(tool: &Tool) -> Value {
    json!({ "name": tool.name, "description": tool.description, "strict": true, "input_schema": tool.schema })
}

/// In turns: what one side says in a row is one message.
fn messages(said: &[Said]) -> Vec<Value> {
    let mut messages: Vec<(&str, Vec<Value>)> = Vec::new();
    for said in said {
        let (role, blocks) = match said {
            Said::Customer(words) => ("user", vec![json!({ "type": "text", "text": words })]),
            Said::Assistant(words) => ("assistant", vec![json!({ "type": "text", "text": words })]),
            Said::Model(content) => ("assistant", content.clone()),
            Said::Outcomes(outcomes) => ("user", outcomes.iter().map(outcome).collect()),
        };
        match messages.last_mut() {
            Some((last, before)) if *last == role => before.extend(blocks),
            _ => messages.push((role, blocks)),
        }
    }
    messages.into_iter().map(|(role, content)| json!({ "role": role, "content": content })).collect()
}

fn outcome(Outcome { id, content, is_error }: &Outcome) -> Value {
    json!({ "type": "tool_result", "tool_use_id": id, "content": content, "is_error": is_error })
}

#[derive(Debug, Deserialize)]
pub(super) struct Problem {
    pub error: ProblemError,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct ProblemError {
    pub r#type: String,
    #[serde(default)]
    pub message: String,
}
