//! The words that carriers and the law give a meaning of their own.

use chrono::TimeDelta;

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
/// 64.1200(a)(10) takes any wording that a reasonable person would read so, in English and in Spanish; when in doubt it is one.
///
/// The opt-out words are the union of 47 CFR 64.1200(a)(10) (stop, quit, end, revoke, opt out, cancel, unsubscribe) and
/// the vendor's own list. `YES` is deliberately absent from the opt-in words: here it answers a question about a booking.
pub fn keyword(text: &str) -> Option<Keyword> {
    let word: String = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect();
    match word.as_str() {
        "STOP" | "STOPALL" | "QUIT" | "END" | "REVOKE" | "OPTOUT" | "CANCEL" | "UNSUBSCRIBE" | "UNSUB" => {
            Some(Keyword::Stop)
        }
        // What French Canadians write.
        "ARRET" | "ARRÊT" | "ARRETER" | "ARRÊTER" => Some(Keyword::Stop),
        "ALTO" | "PARAR" | "PARE" | "BASTA" | "BAJA" | "CANCELAR" | "DETENER" | "STOPP" => Some(Keyword::Stop),
        "START" | "UNSTOP" => Some(Keyword::Start),
        "HELP" | "INFO" => Some(Keyword::Help),
        _ if breaths(text).any(is_polite_stop) || is_polite_stop(text) || is_refusal(text) => Some(Keyword::Stop),
        _ => None,
    }
}

/// The template of the one text that confirms an opt-out, and may leave after it.
pub const OPT_OUT_CONFIRMATION: &str = "opted_out";

/// Within this an opt-out may be confirmed by one text without a word of marketing (47 CFR 64.1200(a)(12)).
pub const CONFIRMED_WITHIN: TimeDelta = TimeDelta::minutes(5);

/// Whether the vendor answers this opt-out by itself, and a second confirmation would be one too many: the whole text is one of its words.
pub fn is_confirmed_by_vendor(text: &str) -> bool {
    const WORDS: [&str; 8] = ["STOP", "UNSUBSCRIBE", "END", "QUIT", "STOPALL", "REVOKE", "OPTOUT", "CANCEL"];
    WORDS.iter().any(|word| text.trim().eq_ignore_ascii_case(word))
}

/// `CANCEL`, `END` and `REVOKE` count only alone: a customer may want to cancel an appointment.
fn is_polite_stop(text: &str) -> bool {
    const STOP: [&str; 5] = ["STOP", "STOPALL", "QUIT", "UNSUBSCRIBE", "OPTOUT"];
    const AROUND: [&str; 28] = [
        "POR",
        "FAVOR",
        "GRACIAS",
        "YA",
        "MAS",
        "MENSAJES",
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

/// Sentences in which somebody wants to hear no more. `*` stands for a word of [`WRITING`], `@` for whom, `+` for one
/// of [`WRITE_NO_MORE`], `~` for one of [`TO_WRITE`], `#` for one of [`MESSAGES`], `%` for leaving somebody.
const REFUSALS: [&str; 76] = [
    "DO NOT * @",
    "DONT * @",
    "NEVER * @",
    "DO NOT SEND ME ANY",
    "DONT SEND ME ANY",
    "DO NOT SEND ME MORE",
    "DONT SEND ME MORE",
    "STOP SENDING",
    "STOP *ING",
    "QUIT *ING",
    "LEAVE ME ALONE",
    "FUCK OFF",
    "REMOVE ME",
    "REMOVE MY NUMBER",
    "REMOVE THIS NUMBER",
    "TAKE ME OFF",
    "TAKE MY NUMBER OFF",
    "DELETE MY NUMBER",
    "LOSE MY NUMBER",
    "NO MORE TEXTS",
    "NO MORE MESSAGES",
    "NO MORE EMAILS",
    "UNSUBSCRIBE ME",
    "OPT ME OUT",
    "WANT TO OPT OUT",
    "I OPT OUT",
    "WRONG NUMBER",
    "WRONG PERSON",
    "NO ME +",
    "NO NOS +",
    "NO MOLESTEN",
    "DEJEN DE ~",
    "DEJE DE ~",
    "DEJA DE ~",
    "DEJAR DE ~",
    "DO NOT WANT #",
    "DO NOT WANT ANY #",
    "DO NOT WANT ANY MORE #",
    "DO NOT WANT MORE #",
    "DO NOT WANT THESE #",
    "DO NOT WANT YOUR #",
    "DO NOT WANT TO RECEIVE",
    "DO NOT WANT TO GET ANY",
    "DONT WANT #",
    "DONT WANT ANY #",
    "DONT WANT ANY MORE #",
    "DONT WANT MORE #",
    "DONT WANT THESE #",
    "DONT WANT YOUR #",
    "DONT WANT TO RECEIVE",
    "DONT WANT TO GET ANY",
    "NO QUIERO #",
    "NO QUIERO MAS #",
    "NO QUIERO QUE ME +",
    "NO QUIERO QUE NOS +",
    "% EN PAZ",
    "YA BASTA",
    "YA NO MAS",
    "NO MAS MENSAJES",
    "NO MAS TEXTOS",
    "NO MAS CORREOS",
    "NO QUIERO RECIBIR",
    "NO DESEO RECIBIR",
    "NUMERO EQUIVOCADO",
    "BORREN MI NUMERO",
    "BORRE MI NUMERO",
    "ELIMINEN MI NUMERO",
    "ELIMINE MI NUMERO",
    "QUITEN MI NUMERO",
    "QUITENME",
    "QUITEME",
    "ELIMINEME",
    "ELIMINENME",
    "BORREME",
    "BORRENME",
    "PARENLE",
];

/// What is not to be done to them. A call is none of these: who wants no call may want a text.
const WRITING: [&str; 9] = ["TEXT", "MESSAGE", "CONTACT", "EMAIL", "WRITE", "BOTHER", "SPAM", "HARASS", "TXT"];
/// What somebody is told not to do, to which the endings for you and for all of you come: what they did or do, as in "no me mandaron el
/// precio", is no wish.
const WRITE_NO_MORE: [&str; 9] =
    ["ESCRIBA", "MANDE", "ENVIE", "CONTACTE", "MOLESTE", "TEXTEE", "MENSAJEE", "BUSQUE", "SIGA"];
const MESSAGES: [&str; 9] = ["TEXTS", "MESSAGES", "EMAILS", "MESSAGE", "TEXT", "MENSAJES", "TEXTOS", "CORREOS", "SMS"];
const FOR_WHOM: [&str; 3] = ["", "N", "S"];
/// What somebody is told to leave off, to which whom comes.
const TO_WRITE: [&str; 9] =
    ["ESCRIBIR", "MANDAR", "ENVIAR", "CONTACTAR", "MOLESTAR", "TEXTEAR", "MENSAJEAR", "BUSCAR", "INSISTIR"];
const TO_WHOM: [&str; 5] = ["", "ME", "NOS", "MELO", "MELOS"];
const WHOM: [&str; 7] = ["ME", "US", "THIS", "MY", "AGAIN", "ANYMORE", "HERE"];

/// Behind it, in the same breath, it is a wish about when or how, and not about whether.
const UNLESS: [&str; 11] =
    ["BEFORE", "UNTIL", "TILL", "AFTER", "DURING", "WHILE", "UNLESS", "ANTES", "HASTA", "DESPUES", "MIENTRAS"];
/// And with one of these as the first word of all.
const NOT_YET: [&str; 6] = ["BEFORE", "UNTIL", "TILL", "DURING", "ANTES", "HASTA"];

fn is_refusal(text: &str) -> bool {
    let plain: String =
        text.chars().filter(|c| !matches!(c, '\'' | '’')).flat_map(char::to_uppercase).map(unaccented).collect();
    let words_of = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    if words_of(&plain).first().is_some_and(|first| NOT_YET.contains(&first.as_str())) {
        return false;
    }
    breaths(&plain).map(words_of).any(|breath| {
        is_bare_refusal(&breath)
            || REFUSALS.iter().any(|refusal| {
                let wanted: Vec<_> = refusal.split(' ').collect();
                let is_here = |said: &[String]| said.iter().zip(&wanted).all(|(word, wanted)| is_said(word, wanted));
                let ends = breath.windows(wanted.len()).position(is_here).map(|at| at + wanted.len());
                ends.is_some_and(|ends| !breath[ends..].iter().any(|word| UNLESS.contains(&word.as_str())))
            })
    })
}

/// "Please don't text", and no more; who says it of themselves says how they are reached.
fn is_bare_refusal(breath: &[String]) -> bool {
    let words: Vec<&str> = breath.iter().map(String::as_str).collect();
    let before = match words.as_slice() {
        [before @ .., "DONT", what] | [before @ .., "DO", "NOT", what] if WRITING.contains(what) => before,
        _ => return false,
    };
    !before.last().is_some_and(|who| ["I", "WE", "THEY", "YOU", "WHO"].contains(who))
}

/// What is said in one breath.
fn breaths(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ';', '.', '!', '?', '¡', '¿', '\n'])
}

/// Whether it is one of these with one of those behind it.
fn is_formed(word: &str, of: &[&str], with: &[&str]) -> bool {
    of.iter().any(|form| word.strip_prefix(form).is_some_and(|ending| with.contains(&ending)))
}

fn is_said(word: &str, wanted: &str) -> bool {
    match wanted {
        "*" => WRITING.contains(&word),
        "@" => WHOM.contains(&word),
        "+" => is_formed(word, &WRITE_NO_MORE, &FOR_WHOM),
        "#" => MESSAGES.contains(&word),
        "%" => ["DEJEME", "DEJENME", "DEJAME", "DEJENOS", "DEJENNOS"].contains(&word),
        "~" => is_formed(word, &TO_WRITE, &TO_WHOM),
        // TEXTING, but WRITING of WRITE.
        "*ING" => word.strip_suffix("ING").is_some_and(|stem| {
            WRITING
                .iter()
                .any(|verb| *verb == stem || verb.strip_suffix('E') == Some(stem) || format!("{verb}M") == stem)
        }),
        _ => word == wanted,
    }
}

fn unaccented(letter: char) -> char {
    match letter {
        'Á' => 'A',
        'É' => 'E',
        'Í' => 'I',
        'Ó' => 'O',
        'Ú' => 'U',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendor_confirms_its_own_words_and_nothing_else() {
        assert!(is_confirmed_by_vendor(" Stop\n") && is_confirmed_by_vendor("UNSUBSCRIBE"));
        for text in ["stop please", "Stop!", "take me off your list", "no me escriban más"] {
            assert!(keyword(text) == Some(Keyword::Stop) && !is_confirmed_by_vendor(text), "{text}");
        }
    }

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
    fn a_refusal_in_plain_words_is_an_opt_out() {
        for text in [
            "Please don't text me again",
            "do not contact me",
            "I said stop texting me about this car",
            "take me off your list",
            "Remove my number from your system please",
            "no more messages, I went somewhere else",
            "leave me alone!!",
            "you have the wrong number",
            "I want to opt out",
            "Never message this number",
            "stop spamming people",
            "No me escriban más por favor",
            "dejen de mandar mensajes",
            "número equivocado",
            "No me envíen más mensajes",
            "no me escribas",
            "ya no me mandes nada",
            "deja de escribirme",
            "No me manden más mensajes, después los llamo yo",
            "ya les dije antes, no me escriban",
            "forget it, stop texting me",
            "I told you before, stop contacting me",
            "I work until 9. Stop texting me",
            "STOP por favor",
            "ya no quiero mensajes",
            "ya no quiero que me escriban",
            "déjenme en paz",
            "elimíneme de su lista",
            "bórreme",
            "ya basta",
            "ya no más",
            "I do not want any more texts from you",
            "I dont want these texts",
            "I do not want to receive messages",
            "unsub",
            "Stop. I already booked with you",
            "Who is this? Stop",
            "Arrêt",
            "Please don't text",
            "no quiero recibir más mensajes",
            "por favor no me molesten",
            "ALTO",
            "parar",
            "¡Basta!",
            "cancelar",
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
            "don't text me before 9, I work nights",
            "don't call me, text me",
            "I don't know yet, send me the price",
            "not interested in the wrap, only tint",
            "no, mas tarde por favor",
            "mi carro deja de andar en el frio",
            "no me escriban antes de las 9, trabajo de noche",
            "no me interesa el polarizado, solo el lavado",
            "no me llamen, mejor un mensaje",
            "quiero cancelar mi cita",
            "Don't forget to send me the quote",
            "do not worry, I will come by",
            "I do not write checks, is a card fine?",
            "do not send the invoice yet",
            "No me mandaron el precio",
            "no me enviaron la cotización",
            "no me contactaron",
            "no me molesta esperar",
            "quiero que deje de sonar el vidrio",
            "Before 9 don't text me",
            "I don't text, please call me",
            "we do not text",
            "no quiero el polarizado oscuro",
            "I do not want the dark one",
            "do not stop, I like it",
            "antes de las nueve no me escriban",
        ] {
            assert_eq!(keyword(text), None, "{text}");
        }
    }
}
