//! What a model is asked.

use serde_json::Value;

/// Everything that a model knows: it remembers nothing between two prompts.
#[derive(Debug, Clone)]
pub struct Prompt<'a> {
    /// The same bytes for every customer of a shop, so that a vendor may keep them.
    pub system: &'a str,
    pub tools: &'a [Tool],
    /// The oldest first; the last is the customer's, or what its tools found.
    pub said: Vec<Said>,
    pub most_tokens: u32,
    /// Nobody's name: by this a vendor tells abuse apart.
    pub user: String,
}

/// Something that a model may have done for it.
#[derive(Debug, Clone)]
pub struct Tool {
    pub name: &'static str,
    pub description: &'static str,
    /// A JSON schema of type `object`.
    pub schema: Value,
}

#[derive(Debug, Clone)]
pub enum Said {
    Customer(String),
    Assistant(String),
    /// Its own words and calls of a moment ago, as the vendor wrote them: it wants them back as they were.
    Model(Vec<Value>),
    /// What its calls found, all of them together.
    Outcomes(Vec<Outcome>),
}

/// A call that is whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    pub id: String,
    pub name: String,
    /// An object.
    pub input: Value,
}

#[derive(Debug, Clone)]
pub struct Outcome {
    /// Of the call.
    pub id: String,
    pub content: String,
    pub is_error: bool,
}
