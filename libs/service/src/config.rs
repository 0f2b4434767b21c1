//! Settings from a file and the environment, read once at start, with every mistake named at once.
//!
//! Each crate reads its own section in a `Config::read(&mut Reader)` beside its code. Reading never fails on its own: a
//! missing or wrong value is noted and a harmless stand-in returned, and [`Reader::finish`] refuses the whole lot.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Display},
    path::Path,
    str::FromStr,
    time::Duration,
};

use config::{Environment, File, FileFormat, Value, ValueKind};
use secrecy::SecretString;

const LONGEST_DURATION: Duration = Duration::from_hours(720);

/// One thing wrong with the settings, in the words of whoever wrote them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    pub setting: String,
    pub what: String,
    /// Nobody asked for it.
    is_unknown: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the settings file cannot be read: {0}")]
    File(String),
    #[error("{} in the settings:\n{}", count(.0.len()), list(.0))]
    Mistakes(Vec<Mistake>),
}

fn count(mistakes: usize) -> String {
    if mistakes == 1 { "one mistake".into() } else { format!("{mistakes} mistakes") }
}

fn list(mistakes: &[Mistake]) -> String {
    mistakes.iter().map(|mistake| format!("  - {mistake}")).collect::<Vec<_>>().join("\n")
}

impl Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.setting, self.what)?;
        let variable = format!("LEADS__{}", self.setting.to_uppercase().replace('.', "__"));
        // The name that a missing setting may have, and the name under which a strange one came in.
        if !self.is_unknown || std::env::var_os(&variable).is_some() {
            write!(f, " (in the environment: {variable})")?;
        }
        Ok(())
    }
}

/// The settings, and what was found wrong with them so far.
#[derive(Default)]
pub struct Reader {
    values: BTreeMap<String, String>,
    asked: BTreeSet<String>,
    mistakes: Vec<Mistake>,
}

impl Reader {
    /// Reads `file` where one is given, then the environment's `LEADS__SECTION__KEY` on top of it.
    pub fn load(file: Option<&Path>) -> Result<Self, Error> {
        let mut builder = config::Config::builder();
        if let Some(path) = file {
            builder = builder.add_source(File::from(path).format(FileFormat::Toml));
        }
        let environment = Environment::with_prefix("LEADS").prefix_separator("__").separator("__");
        let unreadable = |error: config::ConfigError| Error::File(without_quotes(&error.to_string()));
        let settings = builder.add_source(environment).build().map_err(unreadable)?;
        let mut values = BTreeMap::new();
        for (key, value) in settings.try_deserialize::<BTreeMap<String, Value>>().map_err(unreadable)? {
            flatten(key, value, &mut values);
        }
        Ok(Self { values, ..Self::default() })
    }

    /// Settings from pairs, for programs that make their own (the demo, tests).
    pub fn from_pairs<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self { values: pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect(), ..Self::default() }
    }

    pub fn optional(&mut self, key: &str) -> Option<String> {
        self.asked.insert(key.to_owned());
        self.values.get(key).filter(|value| !value.is_empty()).cloned()
    }

    pub fn required(&mut self, key: &str, example: &str) -> String {
        self.optional(key).unwrap_or_else(|| {
            self.mistake(key, format!("is missing; write for example {example:?}"));
            String::new()
        })
    }

    /// A value that is kept out of every log. `<key>_file` names a file that holds it instead.
    pub fn secret(&mut self, key: &str) -> Option<SecretString> {
        let file_key = format!("{key}_file");
        self.asked.insert(key.to_owned());
        let is_set = |key: &str| self.values.get(key).is_some_and(|value| !value.is_empty());
        if is_set(key) && is_set(&file_key) {
            self.mistake(key, format!("is set twice, here and in {file_key}; keep one"));
        }
        let Some(path) = self.optional(&file_key) else {
            return self.optional(key).map(SecretString::from);
        };
        match std::fs::read_to_string(&path) {
            Ok(text) if text.trim().is_empty() => {
                self.mistake(&file_key, format!("{path:?} is empty"));
                None
            }
            Ok(text) => Some(SecretString::from(text.trim_end())),
            Err(error) => {
                self.mistake(&file_key, format!("{path:?} cannot be read: {error}"));
                None
            }
        }
    }

    pub fn required_secret(&mut self, key: &str) -> SecretString {
        let before = self.mistakes.len();
        self.secret(key).unwrap_or_else(|| {
            if self.mistakes.len() == before {
                self.mistake(key, format!("is missing; set it, or {key}_file to a file that holds it"));
            }
            SecretString::from("")
        })
    }

    pub fn parse_or<T: FromStr<Err: Display>>(&mut self, key: &str, default: T) -> T {
        let Some(text) = self.optional(key) else { return default };
        text.parse().unwrap_or_else(|error| {
            self.mistake(key, format!("{text:?} is not usable: {error}"));
            default
        })
    }

    /// A length of time, written `250ms`, `20s`, `5m` or `2h`: more than none, and no more than thirty days.
    pub fn duration_or(&mut self, key: &str, default: Duration) -> Duration {
        let Some(text) = self.optional(key) else { return default };
        match parse_duration(&text) {
            Some(duration) if !duration.is_zero() && duration <= LONGEST_DURATION => return duration,
            Some(_) => self.mistake(key, format!("{text:?} is not between 1ms and 720h")),
            None => self.mistake(
                key,
                format!("{text:?} is not a length of time; write for example \"250ms\", \"20s\" or \"5m\""),
            ),
        }
        default
    }

    /// A list: an array in the file, separated by commas in the environment.
    pub fn list(&mut self, key: &str) -> Vec<String> {
        let text = self.optional(key).unwrap_or_default();
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    /// Notes a mistake that only the section's owner can see, such as two settings that contradict each other.
    pub fn mistake(&mut self, key: &str, what: impl Into<String>) {
        self.mistakes.push(Mistake { setting: key.to_owned(), what: what.into(), is_unknown: false });
    }

    /// Refuses the settings if anything was wrong with them, a setting nobody asked for included.
    pub fn finish(self) -> Result<(), Error> {
        let mistakes = self.mistakes();
        if mistakes.is_empty() { Ok(()) } else { Err(Error::Mistakes(mistakes)) }
    }

    /// As [`Self::finish`], for a command that uses these sections alone.
    pub fn finish_for(self, sections: &[&str]) -> Result<(), Error> {
        let in_sections = |mistake: &Mistake| sections.iter().any(|s| mistake.setting.split('.').next() == Some(*s));
        let mistakes: Vec<_> = self.mistakes().into_iter().filter(|m| m.is_unknown || in_sections(m)).collect();
        if mistakes.is_empty() { Ok(()) } else { Err(Error::Mistakes(mistakes)) }
    }

    /// Everything that is wrong, in the order of the settings.
    pub fn mistakes(mut self) -> Vec<Mistake> {
        for key in self.values.keys().filter(|key| !self.asked.contains(*key)) {
            let near =
                self.asked.iter().filter(|asked| distance(asked, key) <= 3).min_by_key(|asked| distance(asked, key));
            let hint = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            let what = format!("is not a setting{hint}");
            self.mistakes.push(Mistake { setting: key.clone(), what, is_unknown: true });
        }
        self.mistakes.sort();
        self.mistakes.dedup();
        self.mistakes
    }
}

/// What the parser says, without the lines of the file that it quotes: one of them may hold a password.
fn without_quotes(error: &str) -> String {
    let is_quote = |line: &&str| line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ').starts_with('|');
    error
        .lines()
        .filter(|line| !is_quote(line))
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(": ")
}

fn flatten(key: String, value: Value, into: &mut BTreeMap<String, String>) {
    match value.kind {
        ValueKind::Table(table) => {
            for (name, value) in table {
                flatten(format!("{key}.{name}"), value, into);
            }
        }
        ValueKind::Array(items) => {
            let items: Vec<_> = items.into_iter().filter_map(|item| item.into_string().ok()).collect();
            into.insert(key, items.join(","));
        }
        _ => {
            into.insert(key, value.into_string().unwrap_or_default());
        }
    }
}

fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(char::is_alphabetic);
    let number: u64 = digits.parse().ok()?;
    match &text[digits.len()..] {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_secs(number.checked_mul(60)?)),
        "h" => Some(Duration::from_secs(number.checked_mul(3600)?)),
        _ => None,
    }
}

/// Levenshtein distance, for "did you mean".
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.chars().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.chars().count()]
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn every_mistake_is_named_at_once() {
        let mut reader =
            Reader::from_pairs([("http.listn", "0.0.0.0:1"), ("notify.width", "many"), ("a.wait", "5 minutes")]);
        let _: String = reader.required("postgres.url", "postgres://leads_app@db:5432/leads");
        let _ = reader.optional("http.listen");
        assert_eq!(reader.parse_or("notify.width", 8_usize), 8);
        assert_eq!(reader.duration_or("a.wait", Duration::from_secs(1)), Duration::from_secs(1));
        let Err(error) = reader.finish() else { panic!("four mistakes") };
        let text = error.to_string();
        for expected in
            ["4 mistakes", "postgres.url: is missing", "did you mean http.listen?", "\"many\"", "LEADS__A__WAIT"]
        {
            assert!(text.contains(expected), "{expected} is not in:\n{text}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_not_quoted() {
        let path = std::env::temp_dir().join(format!("settings-{}.toml", std::process::id()));
        std::fs::write(&path, "[postgres]\nurl = postgres://owner:hunter2@db/leads\n").unwrap();
        let Err(error) = Reader::load(Some(&path)) else { panic!("that is no TOML") };
        std::fs::remove_file(&path).unwrap();
        let text = error.to_string();
        assert!(text.contains("line 2") && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn a_command_minds_its_own_sections_and_strange_settings() {
        let reader = |extra: &'static str| {
            let mut reader = Reader::from_pairs([("redis.timeout", "soon"), (extra, "1")]);
            let _ = reader.duration_or("redis.timeout", Duration::from_secs(1));
            let _ = reader.optional("nats.replicas");
            reader
        };
        assert!(reader("nats.replicas").finish_for(&["nats"]).is_ok());
        assert!(reader("nats.replicas").finish_for(&["redis"]).is_err());
        assert!(reader("nats.replicsa").finish_for(&["postgres"]).is_err());
    }

    #[test]
    fn a_secret_comes_from_a_file_and_stays_out_of_debug_output() {
        let path = std::env::temp_dir().join(format!("secret-{}", std::process::id()));
        std::fs::write(&path, "hunter2\n").unwrap();
        let mut reader = Reader::from_pairs([("a.key_file", path.to_str().unwrap())]);
        let secret = reader.required_secret("a.key");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(secret.expose_secret(), "hunter2");
        assert!(!format!("{secret:?}").contains("hunter2"));
        assert!(reader.finish().is_ok());
    }
}
