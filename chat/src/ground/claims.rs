//! What a sentence claims: amounts, times, days, numbers, promises, addresses of pages. Read coarsely: what might be a claim is one.

use std::sync::LazyLock;

use chrono::{NaiveTime, Weekday};
use regex::{Captures, Regex};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Claim {
    /// In cents.
    Money(i64),
    /// Money in words, or in another currency: nothing of ours says it so.
    OddMoney(String),
    /// A share, such as of a discount.
    Percent(String),
    Time(NaiveTime),
    Day(Weekday),
    /// The month, from 1 on, and the day in it.
    Date(u32, u32),
    /// Today, or so many days from today.
    InDays(u32),
    /// Any other number, as it is written.
    Number(String),
    /// Something that is said to be so, or to have been done.
    Promise(&'static str),
    Link(String),
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant expression")
}

static LINK: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)\b(?:https?://|www\.)\S+|\b[a-z0-9-]+\.(?:com|net|org|io|co|us|mx)\b\S*"));
static MONEY: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)(?:US)?\$\s*(\d[\d,]*)(?:\.(\d{1,2}))?(\s*k\b)?|\b(\d[\d,]*)(?:\.(\d{1,2}))?(\s*k)?\s*(?:dollars?|usd|bucks|d[oó]lares)\b",
    )
});
static ODD_MONEY: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)[€£¥₹]|\b(?:euros?|pesos?|pounds?|cents?|centavos?)\b|\b[a-záéíóú]+(?:[ -][a-záéíóú]+)?\s+(?:dollars?|bucks|d[oó]lares|grand)\b",
    )
});
static PERCENT: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)\d[\d.,]*\s*(?:%|percent|por\s*ciento)|\bhalf[ -](?:off|price)\b"));
static CLOCK: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)\b(\d{1,2})(?:[:.](\d{2}))?\s*([ap])\.?\s?m\b\.?|\b(\d{1,2}):(\d{2})\b|\b(noon|midnight|mediod[ií]a|medianoche)\b|\b(\d{1,2})(?::(\d{2}))?\s+de la\s+(ma[nñ]ana|tarde|noche)\b",
    )
});
static DATE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s+(\d{1,2})(?:st|nd|rd|th)?\b|\b(\d{1,2})\s+de\s+(enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|setiembre|octubre|noviembre|diciembre)\b|\b(\d{1,2})/(\d{1,2})(?:/\d{2,4})?\b",
    )
});
static DAY: LazyLock<Regex> = LazyLock::new(|| {
    // The sun and what somebody wed are no days.
    regex(
        r"(?i:\b(mon|tues|wednes|thurs|fri|satur|sun)days?\b|\b(lunes|martes|mi[eé]rcoles|jueves|viernes|s[aá]bados?|domingos?)\b)|\b(?:Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)(?:\.|,|\s+(?:at|\d))",
    )
});
static IN_DAYS: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)\b(today|tonight|hoy|esta noche)\b|\b(tomorrow|ma[nñ]ana)\b"));
/// No day, and no promise.
static IDIOM: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)\b(?:in the|this) morning\b|\b(?:por|en|de) la ma[nñ]ana\b|\bfeel free\b|\bfree (?:slot|time|spot|place)s?\b",
    )
});
static NUMBER: LazyLock<Regex> = LazyLock::new(|| regex(r"\d[\d.,:/-]*\d|\d"));

/// Words that say something is so, each with what it says. A shop that says so itself, in its catalog, may be quoted.
const PROMISES: [(&str, &str); 29] = [
    ("discount", "discount"),
    ("descuento", "discount"),
    ("free", "free"),
    ("gratis", "free"),
    ("no charge", "free"),
    ("sin costo", "free"),
    ("guarantee", "guarantee"),
    ("garanti", "guarantee"),
    ("warranty", "warranty"),
    ("lifetime", "warranty"),
    ("refund", "refund"),
    ("reembols", "refund"),
    ("money back", "refund"),
    ("cheapest", "best price"),
    ("best price", "best price"),
    ("lowest price", "best price"),
    ("price match", "best price"),
    ("mejor precio", "best price"),
    ("i have booked", "booked"),
    ("i've booked", "booked"),
    ("i booked", "booked"),
    ("you are booked", "booked"),
    ("you're booked", "booked"),
    ("is confirmed", "booked"),
    ("is booked", "booked"),
    ("he reservado", "booked"),
    ("confirmada", "booked"),
    ("street legal", "law"),
    ("is legal", "law"),
];

/// Everything that a sentence claims. What is read as one thing is not read as another again.
pub(crate) fn claims(sentence: &str) -> Vec<Claim> {
    let mut found = Vec::new();
    let mut rest = sentence.to_owned();
    take(&mut rest, &LINK, &mut found, |found| Claim::Link(found[0].to_owned()));
    take(&mut rest, &PERCENT, &mut found, |found| Claim::Percent(found[0].to_owned()));
    take(&mut rest, &MONEY, &mut found, money);
    take(&mut rest, &ODD_MONEY, &mut found, |found| Claim::OddMoney(found[0].to_owned()));
    take(&mut rest, &CLOCK, &mut found, clock);
    rest = IDIOM.replace_all(&rest, " ").into_owned();
    let lower = format!(" {} ", IDIOM.replace_all(sentence, " ").to_lowercase());
    take(&mut rest, &DATE, &mut found, date);
    take(&mut rest, &DAY, &mut found, |found| Claim::Day(weekday(&found[0])));
    take(&mut rest, &IN_DAYS, &mut found, |found| Claim::InDays(u32::from(found.get(2).is_some())));
    take(&mut rest, &NUMBER, &mut found, |found| Claim::Number(found[0].to_owned()));
    for (words, promise) in PROMISES {
        if lower.contains(words) && !found.contains(&Claim::Promise(promise)) {
            found.push(Claim::Promise(promise));
        }
    }
    found
}

fn take(rest: &mut String, pattern: &Regex, found: &mut Vec<Claim>, read: fn(&Captures<'_>) -> Claim) {
    found.extend(pattern.captures_iter(rest).map(|captures| read(&captures)));
    *rest = pattern.replace_all(rest, " ").into_owned();
}

fn money(found: &Captures<'_>) -> Claim {
    let either = |one, other| found.get(one).or_else(|| found.get(other)).map(|part| part.as_str());
    let odd = || Claim::OddMoney(found[0].to_owned());
    if either(3, 6).is_some() {
        return odd();
    }
    let dollars = either(1, 4).unwrap_or_default().replace(',', "").parse::<i64>();
    let cents = match either(2, 5) {
        None => Ok(0),
        Some(cents) if cents.len() == 1 => cents.parse::<i64>().map(|tens| tens * 10),
        Some(cents) => cents.parse(),
    };
    match (dollars, cents) {
        (Ok(dollars), Ok(cents)) => dollars.checked_mul(100).map_or_else(odd, |whole| Claim::Money(whole + cents)),
        _ => odd(),
    }
}

fn clock(found: &Captures<'_>) -> Claim {
    let number = |place| found.get(place).and_then(|part| part.as_str().parse::<u32>().ok());
    let of_twelve = |hour: u32, minute: u32, is_after_noon: bool| {
        NaiveTime::from_hms_opt(hour % 12 + if is_after_noon { 12 } else { 0 }, minute, 0)
            .filter(|_| (1..=12).contains(&hour))
    };
    let time = match (found.get(3), found.get(6)) {
        _ if found.get(9).is_some_and(|part| !part.is_empty()) => {
            let is_morning = found[9].to_lowercase().starts_with("ma");
            number(7).and_then(|hour| of_twelve(hour, number(8).unwrap_or(0), !is_morning))
        }
        (Some(half), _) => {
            let is_after_noon = half.as_str().eq_ignore_ascii_case("p");
            number(1).and_then(|hour| of_twelve(hour, number(2).unwrap_or(0), is_after_noon))
        }
        (None, Some(word)) => {
            let is_noon = ["noon", "mediodia", "mediodía"].contains(&word.as_str().to_lowercase().as_str());
            NaiveTime::from_hms_opt(if is_noon { 12 } else { 0 }, 0, 0)
        }
        (None, None) => number(4).zip(number(5)).and_then(|(hour, minute)| NaiveTime::from_hms_opt(hour, minute, 0)),
    };
    time.map_or_else(|| Claim::Number(found[0].to_owned()), Claim::Time)
}

fn date(found: &Captures<'_>) -> Claim {
    const ENGLISH: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    const SPANISH: [&str; 12] = ["ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"];
    let part = |place| found.get(place).map(|part: regex::Match<'_>| part.as_str().to_lowercase());
    let month = |names: [&str; 12], name: String| {
        let name = name.replace("set", "sep");
        names.iter().position(|known| name.starts_with(known)).and_then(|place| u32::try_from(place + 1).ok())
    };
    let (of, day) = if let Some(name) = part(1) {
        (month(ENGLISH, name), part(2))
    } else if let Some(name) = part(4) {
        (month(SPANISH, name), part(3))
    } else {
        (part(5).and_then(|month| month.parse().ok()), part(6))
    };
    match of.zip(day.and_then(|day| day.parse().ok())) {
        Some((month, day)) => Claim::Date(month, day),
        None => Claim::Number(found[0].to_owned()),
    }
}

fn weekday(word: &str) -> Weekday {
    match word.trim().to_lowercase().chars().take(2).collect::<String>().as_str() {
        "mo" | "lu" => Weekday::Mon,
        "tu" => Weekday::Tue,
        "ma" => Weekday::Tue,
        "we" | "mi" => Weekday::Wed,
        "th" | "ju" => Weekday::Thu,
        "fr" | "vi" => Weekday::Fri,
        "sa" | "sá" => Weekday::Sat,
        _ => Weekday::Sun,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(hour: u32, minute: u32) -> Claim {
        Claim::Time(NaiveTime::from_hms_opt(hour, minute, 0).unwrap())
    }

    #[test]
    fn amounts_are_read_however_they_are_written() {
        for (sentence, cents) in [
            ("It is $459.", 45_900),
            ("It is $1,459.99 all in", 145_999),
            ("about 459 dollars", 45_900),
            ("US$ 459.5", 45_950),
            ("son 459 dólares", 45_900),
        ] {
            assert_eq!(claims(sentence), [Claim::Money(cents)], "{sentence}");
        }
        for sentence in ["four hundred dollars", "400€", "two grand", "$4k", "cuatrocientos dólares", "50 cents"] {
            assert!(claims(sentence).iter().any(|claim| matches!(claim, Claim::OddMoney(_))), "{sentence}");
        }
    }

    #[test]
    fn times_and_days_are_read_however_they_are_written() {
        assert_eq!(claims("Tuesday at 10:30 am"), [time(10, 30), Claim::Day(Weekday::Tue)]);
        assert_eq!(claims("at 3pm or at 3 p.m."), [time(15, 0), time(15, 0)]);
        assert_eq!(claims("el martes a las 14:00"), [time(14, 0), Claim::Day(Weekday::Tue)]);
        assert_eq!(
            claims("March 9th, or 3/10, or el 11 de marzo"),
            [Claim::Date(3, 9), Claim::Date(3, 10), Claim::Date(3, 11)]
        );
        assert_eq!(claims("tomorrow at noon"), [time(12, 0), Claim::InDays(1)]);
        assert_eq!(claims("miércoles y sábado"), [Claim::Day(Weekday::Wed), Claim::Day(Weekday::Sat)]);
    }

    #[test]
    fn what_might_be_a_promise_is_one() {
        for (sentence, claim) in [
            ("I can do 10% today", Claim::Percent("10%".into())),
            ("That comes with a lifetime warranty", Claim::Promise("warranty")),
            ("You're booked!", Claim::Promise("booked")),
            ("see example.com/pay", Claim::Link("example.com/pay".into())),
            ("It blocks 99 of it", Claim::Number("99".into())),
            ("half off this week", Claim::Percent("half off".into())),
        ] {
            assert!(claims(sentence).contains(&claim), "{sentence}: {:?}", claims(sentence));
        }
        assert_eq!(claims("Feel free to ask for a free slot in the morning, por la mañana."), []);
        assert_eq!(claims("It keeps the sun out when you drop it off"), []);
        assert_eq!(claims("a las 10 de la mañana"), [time(10, 0)]);
        assert_eq!(claims("Ceramic tint keeps the heat out. Want to see a time?"), []);
    }
}
