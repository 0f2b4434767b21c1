//! An appointment as a file that calendars take in (RFC 5545).

use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use crate::{AppointmentId, Slot};

/// What a line may hold; longer ones go on in the next (RFC 5545, 3.1).
const LONGEST_LINE_BYTES: usize = 75;

/// What a calendar shows.
#[derive(Debug, Clone, Copy)]
pub struct CalendarEntry<'a> {
    pub id: AppointmentId,
    pub slot: Slot,
    /// It was, and is not any more: a calendar that has it takes it out.
    pub is_called_off: bool,
    pub title: &'a str,
    pub place: &'a str,
    pub notes: &'a str,
}

impl CalendarEntry<'_> {
    /// As `text/calendar`. `written_at`: by which a calendar tells an older file from a newer one.
    pub fn file(&self, written_at: DateTime<Utc>) -> String {
        let time = |at: DateTime<Utc>| at.format("%Y%m%dT%H%M%SZ").to_string();
        let (method, status, sequence) =
            if self.is_called_off { ("CANCEL", "CANCELLED", "1") } else { ("PUBLISH", "CONFIRMED", "0") };
        let lines = [
            ("BEGIN", "VCALENDAR".to_owned()),
            ("VERSION", "2.0".to_owned()),
            ("PRODID", "-//Lead Orchestrator//EN".to_owned()),
            ("METHOD", method.to_owned()),
            ("BEGIN", "VEVENT".to_owned()),
            ("UID", format!("{}@lead-orchestrator", self.id)),
            ("SEQUENCE", sequence.to_owned()),
            ("STATUS", status.to_owned()),
            ("DTSTAMP", time(written_at)),
            ("DTSTART", time(self.slot.starts_at)),
            ("DTEND", time(self.slot.ends_at)),
            ("SUMMARY", escaped(self.title)),
            ("LOCATION", escaped(self.place)),
            ("DESCRIPTION", escaped(self.notes)),
            ("END", "VEVENT".to_owned()),
            ("END", "VCALENDAR".to_owned()),
        ];
        let mut file = String::new();
        for (name, value) in lines {
            fold(&mut file, &format!("{name}:{value}"));
        }
        file
    }
}

/// Text as a value of a property (RFC 5545, 3.3.11).
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' | ';' | ',' => {
                let _ = write!(escaped, "\\{letter}");
            }
            '\n' => escaped.push_str("\\n"),
            letter if letter.is_control() => {}
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// Writes a line, in as many as it takes, and never parts a letter.
fn fold(file: &mut String, line: &str) {
    let mut left = LONGEST_LINE_BYTES;
    for letter in line.chars() {
        if letter.len_utf8() > left {
            file.push_str("\r\n ");
            left = LONGEST_LINE_BYTES - 1;
        }
        file.push(letter);
        left -= letter.len_utf8();
    }
    file.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn entry<'a>(title: &'a str, notes: &'a str) -> CalendarEntry<'a> {
        let starts_at = "2026-03-10T14:30:00Z".parse().unwrap();
        let slot = Slot { starts_at, ends_at: "2026-03-10T16:00:00Z".parse().unwrap() };
        let id = AppointmentId::new(Uuid::from_u128(7));
        CalendarEntry { id, slot, is_called_off: false, title, place: "1 Main St, Tampa; FL", notes }
    }

    /// As a calendar reads it: lines joined again, and each value as it was.
    fn read(file: &str, name: &str) -> Option<String> {
        let unfolded = file.replace("\r\n ", "");
        let value = unfolded.split("\r\n").find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        let mut letters = value.chars();
        let mut text = String::new();
        while let Some(letter) = letters.next() {
            text.push(match letter {
                '\\' => match letters.next()? {
                    'n' => '\n',
                    other => other,
                },
                letter => letter,
            });
        }
        Some(text)
    }

    #[test]
    fn an_appointment_is_in_the_file_with_its_time_and_place() {
        let file = entry("Sample Tint, Ceramic", "Bring the car\nclean").file("2026-03-09T12:00:00Z".parse().unwrap());
        assert_eq!(read(&file, "DTSTART").as_deref(), Some("20260310T143000Z"));
        assert_eq!(read(&file, "DTEND").as_deref(), Some("20260310T160000Z"));
        assert_eq!(read(&file, "LOCATION").as_deref(), Some("1 Main St, Tampa; FL"));
        assert_eq!(read(&file, "METHOD").as_deref(), Some("PUBLISH"));
        let off = CalendarEntry { is_called_off: true, ..entry("", "") }.file("2026-03-09T12:00:00Z".parse().unwrap());
        assert_eq!((read(&off, "METHOD"), read(&off, "STATUS")), (Some("CANCEL".into()), Some("CANCELLED".into())));
        assert_eq!(read(&file, "UID"), read(&off, "UID"));
    }

    proptest! {
        #[test]
        fn whatever_stands_in_it_is_read_again_and_adds_no_line(title in any::<String>(), notes in any::<String>()) {
            let file = entry(&title, &notes).file("2026-03-09T12:00:00Z".parse().unwrap());
            let clean = |text: &str| text.chars().filter(|letter| *letter == '\n' || !letter.is_control()).collect::<String>();
            prop_assert_eq!(read(&file, "SUMMARY"), Some(clean(&title)));
            prop_assert_eq!(read(&file, "DESCRIPTION"), Some(clean(&notes)));
            prop_assert_eq!(file.replace("\r\n ", "").matches("\r\n").count(), 16);
            prop_assert!(file.split("\r\n").all(|line| line.len() <= LONGEST_LINE_BYTES));
        }
    }
}
