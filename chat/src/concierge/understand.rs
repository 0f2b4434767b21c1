//! What somebody wants, by the words they use. Deliberately plain: it never guesses far, and what it does not understand it says.

use domain::Language;

/// What a turn is about. The first that fits counts: whoever asks for a person gets one, whatever else they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Person,
    Complaint,
    WhoIsThis,
    CancelBooking,
    MoveBooking,
    Book,
    Price,
    Hours,
    Place,
    Services,
    Thanks,
    Greeting,
}

/// Beginnings of words, or words in a row, each with what they mean.
const SIGNS: [(Wish, &[&str]); 12] = [
    (
        Wish::Person,
        &[
            "human",
            "real person",
            "a person",
            "representative",
            "an agent",
            "live agent",
            "manager",
            "call me",
            "talk to",
            "speak to",
            "speak with",
            "staff",
            "persona",
            "humano",
            "agente",
            "asesor",
            "gerente",
            "llamame",
            "llamenme",
            "hablar con",
        ],
    ),
    (
        Wish::Complaint,
        &[
            "complain",
            "refund",
            "lawyer",
            "sue ",
            "scam",
            "rip off",
            "ripoff",
            "terrible",
            "horrible",
            "ridiculous",
            "angry",
            "unacceptable",
            "worst",
            "bullshit",
            "fuck",
            "queja",
            "reembolso",
            "abogado",
            "estafa",
            "pesimo",
            "inaceptable",
            "enojado",
            "enojada",
        ],
    ),
    (
        Wish::WhoIsThis,
        &[
            "are you a bot",
            "a robot",
            "are you real",
            "are you human",
            "chatbot",
            "an ai",
            "eres un",
            "eres real",
            "quien eres",
            "who are you",
            "who is this",
        ],
    ),
    (
        Wish::CancelBooking,
        &["cancel", "call off", "cant make it", "cannot make it", "cancelar", "anular", "no puedo ir"],
    ),
    (
        Wish::MoveBooking,
        &[
            "reschedule",
            "another time",
            "different time",
            "another day",
            "change my appointment",
            "move my",
            "reagendar",
            "cambiar mi cita",
            "cambiar la cita",
            "otra hora",
            "otro dia",
        ],
    ),
    (
        Wish::Book,
        &[
            "book",
            "appointment",
            "schedule",
            "slot",
            "available",
            "availability",
            "when can",
            "come in",
            "bring it",
            "drop it off",
            "drop off",
            "cita",
            "agendar",
            "agenda",
            "reservar",
            "reserva",
            "disponib",
            "cuando puedo",
            "cuando pueden",
        ],
    ),
    (
        Wish::Price,
        &[
            "price",
            "pricing",
            "cost",
            "how much",
            "quote",
            "charge",
            "rate",
            "estimate",
            "precio",
            "cuanto",
            "cuesta",
            "vale",
            "cotiza",
            "presupuesto",
        ],
    ),
    (
        Wish::Hours,
        &["hours", "open", "close", "closing", "horario", "abren", "abierto", "abierta", "cierran", "hora abr"],
    ),
    (
        Wish::Place,
        &[
            "where",
            "address",
            "location",
            "located",
            "directions",
            "parking",
            "phone number",
            "donde",
            "direccion",
            "ubica",
            "telefono",
        ],
    ),
    (
        Wish::Services,
        &["services", "what do you", "menu", "options", "offer", "servicios", "que hacen", "que ofrecen", "opciones"],
    ),
    (Wish::Thanks, &["thank", "thx", "gracias", "perfect", "great", "awesome", "perfecto", "excelente"]),
    (
        Wish::Greeting,
        &["hi ", "hello", "hey ", "good morning", "good afternoon", "good evening", "hola", "buenos dias", "buenas"],
    ),
];

/// As words are compared: small letters without accents, one space between any two, and one around all.
pub(super) fn plain(words: &str) -> String {
    let small = words.to_lowercase();
    let unaccented = small.chars().filter(|letter| !matches!(letter, '\'' | '’')).map(|letter| match letter {
        'á' => 'a',
        'é' => 'e',
        'í' => 'i',
        'ó' => 'o',
        'ú' | 'ü' => 'u',
        letter if letter.is_alphanumeric() || letter == ':' => letter,
        _ => ' ',
    });
    let joined: String = unaccented.collect();
    format!(" {} ", joined.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// `None`: nothing that it knows.
pub(super) fn wish(plain: &str) -> Option<Wish> {
    SIGNS
        .into_iter()
        .find(|(_, signs)| signs.iter().any(|sign| plain.contains(&format!(" {sign}"))))
        .map(|(wish, _)| wish)
}

// Too short for statistics, and common all the same.
const SPANISH: [&str; 14] = [
    "hola", "cuanto", "cuesta", "precio", "cita", "gracias", "horario", "donde", "buenas", "buenos", "puedo", "quiero",
    "necesito", "manana",
];
const ENGLISH: [&str; 12] =
    ["hello", "how", "much", "price", "appointment", "thanks", "hours", "where", "can", "want", "need", "tomorrow"];

/// In which somebody wrote. `None`: it could be either.
pub(crate) fn language_of(words: &str) -> Option<Language> {
    if let Some(language) = Language::of_words(words) {
        return Some(language);
    }
    let plain = plain(words).replace('ñ', "n");
    let says = |known: &[&str]| plain.split(' ').filter(|word| known.contains(word)).count();
    match (says(&SPANISH), says(&ENGLISH)) {
        (spanish, english) if spanish > english => Some(Language::Spanish),
        (spanish, english) if english > spanish => Some(Language::English),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_wish_of_a_turn_counts() {
        for (words, wanted) in [
            ("How much is ceramic tint?", Some(Wish::Price)),
            ("¿Cuánto cuesta el polarizado?", Some(Wish::Price)),
            ("Can I come in tomorrow morning?", Some(Wish::Book)),
            ("Quiero una cita para el martes", Some(Wish::Book)),
            ("Are you a bot?", Some(Wish::WhoIsThis)),
            ("I want to talk to a human about the price", Some(Wish::Person)),
            ("This is ridiculous, I want a refund", Some(Wish::Complaint)),
            ("what are your hours", Some(Wish::Hours)),
            ("¿Dónde están?", Some(Wish::Place)),
            ("I can't make it, cancel my appointment", Some(Wish::CancelBooking)),
            ("can we reschedule", Some(Wish::MoveBooking)),
            ("thanks!", Some(Wish::Thanks)),
            ("hola", Some(Wish::Greeting)),
            ("ceramic full sedan", None),
            ("asdf", None),
        ] {
            assert_eq!(wish(&plain(words)), wanted, "{words}");
        }
    }

    #[test]
    fn short_words_say_their_language_too() {
        assert_eq!(language_of("hola"), Some(Language::Spanish));
        assert_eq!(language_of("¿cuánto cuesta?"), Some(Language::Spanish));
        assert_eq!(language_of("how much"), Some(Language::English));
        assert_eq!(language_of("ok"), None);
    }
}
