//! The words that carriers and the law give a meaning of their own.

/// What a whole inbound text means when it is nothing but one of these words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keyword {
    Stop,
    Start,
    Help,
}

/// Reads a text the way the CTIA asks for: case, punctuation and surrounding space do not matter.
///
/// An opt-out word with nothing but politeness around it ("stop please", "stop texting me") counts too: 47 CFR
/// 64.1200(a)(10) takes any wording that a reasonable person would read so. Whole sentences are read elsewhere.
///
/// The opt-out words are the union of 47 CFR 64.1200(a)(10) (stop, quit, end, revoke, opt out, cancel, unsubscribe) and
/// the vendor's own list. `YES` is deliberately absent from the opt-in words: here it answers a question about a booking.
pub fn keyword(text: &str) -> Option<Keyword> {
    let word: String = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect();
    match word.as_str() {
        "STOP" | "STOPALL" | "QUIT" | "END" | "REVOKE" | "OPTOUT" | "CANCEL" | "UNSUBSCRIBE" => Some(Keyword::Stop),
        "START" | "UNSTOP" => Some(Keyword::Start),
        "HELP" | "INFO" => Some(Keyword::Help),
        _ if is_polite_stop(text) => Some(Keyword::Stop),
        _ => None,
    }
}

/// `CANCEL`, `END` and `REVOKE` count only alone: a customer may want to cancel an appointment.
fn is_polite_stop(text: &str) -> bool {
    const STOP: [&str; 5] = ["STOP", "STOPALL", "QUIT", "UNSUBSCRIBE", "OPTOUT"];
    const AROUND: [&str; 22] = [
        "ALL",
        "ANYMORE",
        "THANK",
        "YOU",
        "FROM",
        "PLEASE",
        "PLS",
        "NOW",
        "IT",
        "THIS",
        "THESE",
        "ME",
        "TEXTING",
        "MESSAGING",
        "EMAILING",
        "CONTACTING",
        "SENDING",
        "TEXTS",
        "MESSAGES",
        "EMAILS",
        "THANKS",
        "THX",
    ];
    let text = text.to_uppercase().replace("OPT OUT", "OPTOUT").replace("OPT-OUT", "OPTOUT");
    let mut words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let mut stops = false;
    words.all(|word| {
        stops |= STOP.contains(&word);
        STOP.contains(&word) || AROUND.contains(&word)
    }) && stops
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stop_is_stop_however_it_is_typed() {
        for text in [
            "STOP",
            " stop. ",
            "Stop!",
            "opt out",
            "OPT-OUT",
            "\"unsubscribe\"",
            "Stop all",
            "quit",
            "Stop please!",
            "please stop texting me",
            "STOP sending me these messages",
            "opt out please",
            "Stop, thank you",
            "stop texting me anymore",
            "unsubscribe me from this",
        ] {
            assert_eq!(keyword(text), Some(Keyword::Stop), "{text}");
        }
    }

    #[test]
    fn a_sentence_is_a_conversation() {
        for text in [
            "",
            "please stop by my house",
            "when do you start?",
            "YES",
            "can I cancel my appointment",
            "cancel it please",
            "thanks",
            "thank you",
            "please",
            "stop by tomorrow",
        ] {
            assert_eq!(keyword(text), None, "{text}");
        }
    }
}
