//! What is answered to a prompt that nobody has scripted.

use serde_json::{Value, json};

use super::Scripted;

/// Words, each with what somebody means who uses it. The first that fits counts.
const MEANT: [(&[&str], Wish); 4] = [
    (&["ignore", "free tint", "% off"], Wish::Fooled),
    (&["person", "human", "persona"], Wish::Person),
    (&["book", "appointment", "times", "tuesday", "when can", "come in", "bring it", "cita"], Wish::Times),
    (&["how much", "price", "cost", "cuánto", "tint"], Wish::Price),
];

#[derive(Clone, Copy)]
enum Wish {
    Fooled,
    Person,
    Times,
    Price,
}

pub(super) fn answer(messages: &[Value]) -> Scripted {
    let last = messages.last().map_or(&Value::Null, |message| &message["content"]);
    let blocks = last.as_array().cloned().unwrap_or_default();
    let results: Vec<Value> = blocks
        .iter()
        .filter(|block| block["type"] == "tool_result")
        .filter_map(|block| serde_json::from_str(block["content"].as_str()?).ok())
        .collect();
    if let Some(result) = results.first() {
        return Scripted::Text(told(result));
    }
    let words: Vec<&str> = blocks.iter().filter_map(|block| block["text"].as_str()).collect();
    let words = words.last().copied().unwrap_or_default().to_lowercase();
    let wish = MEANT.iter().find(|(signs, _)| signs.iter().any(|sign| words.contains(sign))).map(|(_, wish)| *wish);
    let call = |name: &str, input: Value| Scripted::Call { name: name.to_owned(), input };
    match wish {
        Some(Wish::Fooled) => Scripted::Text("Sure, just for you it is only $1.00 today! Shall I book it?".to_owned()),
        Some(Wish::Person) => call("hand_over", json!({ "why": "they asked for a person" })),
        Some(Wish::Times) => {
            let day = ["monday", "tuesday", "wednesday"].into_iter().find(|day| words.contains(day)).unwrap_or("");
            call("free_times", json!({ "service": subject(&words), "day": day }))
        }
        Some(Wish::Price) => call("list_services", json!({ "words": subject(&words) })),
        None => Scripted::Text("Happy to help with your car. What would you like to know?".to_owned()),
    }
}

/// The words that may be a service's.
fn subject(words: &str) -> String {
    const OF_SERVICES: [&str; 8] = ["ceramic", "carbon", "tint", "full", "sedan", "windshield", "ppf", "coating"];
    let words = words.split(|letter: char| !letter.is_alphanumeric());
    words.filter(|word| OF_SERVICES.contains(word)).collect::<Vec<_>>().join(" ")
}

fn told(result: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if let Some(services) = result["services"].as_array() {
        let prices = services
            .iter()
            .take(2)
            .map(|service| format!("{} is {}.", text(&service["name"]), text(&service["price"])));
        let prices: Vec<String> = prices.collect();
        return if prices.is_empty() {
            "I do not see that among our services. What else can I look up?".to_owned()
        } else {
            format!("{} Would you like to see free times?", prices.join(" "))
        };
    }
    match result["times"].as_array() {
        Some(times) if times.is_empty() => "There is no free time then. Would another day do?".to_owned(),
        Some(times) => format!("We have {}. Choose one below and it is yours.", text(&times[0])),
        None => "Somebody from the shop will answer you here.".to_owned(),
    }
}
