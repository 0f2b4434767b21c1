//! What a shop sells, and finding it by what somebody says.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

/// One entry of a shop's catalog.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// The CRM's id of it.
    pub id: String,
    pub name: String,
    pub note: String,
    pub price_cents: i64,
    pub tax: Tax,
    /// Of labor. Zero: the shop does not say.
    pub hours: f64,
    /// Whether customers may book it by themselves.
    pub is_bookable: bool,
    pub labels: Vec<String>,
}

/// What a price has in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tax {
    Included,
    NotIncluded,
    /// The CRM does not say.
    Unknown,
}

/// What somebody is looking for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceSearch {
    /// As people say it: "ceramic, full sedan". Empty: everything.
    pub words: String,
    pub most_cents: Option<i64>,
    pub bookable_only: bool,
}

impl ServiceSearch {
    /// The services in which most of the words occur, the ones that carry them in their names first. A word that occurs nowhere
    /// keeps nobody from an answer; if none occurs, there is none.
    pub fn find<'s>(&self, services: &'s [Service]) -> Vec<&'s Service> {
        let wanted = tokens(&self.words);
        let allowed = |service: &&Service| {
            (!self.bookable_only || service.is_bookable)
                && self.most_cents.is_none_or(|most| service.price_cents <= most)
        };
        let mut found: Vec<_> = services
            .iter()
            .filter(allowed)
            .map(|service| (matches(&wanted, service), service))
            .filter(|((words, _), _)| wanted.is_empty() || *words > 0)
            .collect();
        let most = found.iter().map(|((words, _), _)| *words).max().unwrap_or_default();
        found.retain(|((words, _), _)| *words == most);
        found.sort_by(|(one, a), (other, b)| (Reverse(one), &a.name, &a.id).cmp(&(Reverse(other), &b.name, &b.id)));
        found.into_iter().map(|(_, service)| service).collect()
    }
}

/// How many of the words occur, and how prominently all in all.
fn matches(wanted: &[String], service: &Service) -> (usize, usize) {
    let places = [(tokens(&service.name), 3), (tokens(&service.labels.join(" ")), 2), (tokens(&service.note), 1)];
    let weight_of = |word: &String| {
        let here = places.iter().filter(|(tokens, _)| tokens.iter().any(|token| is_same(word, token)));
        here.map(|(_, weight)| *weight).max()
    };
    let weights: Vec<usize> = wanted.iter().filter_map(weight_of).collect();
    (weights.len(), weights.iter().sum())
}

fn tokens(text: &str) -> Vec<String> {
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// A word and its beginning, from three letters on: "tint" finds "tinting", "windows" finds "window".
fn is_same(one: &str, other: &str) -> bool {
    let starts = |long: &str, short: &str| short.chars().count() >= 3 && long.starts_with(short);
    one == other || starts(one, other) || starts(other, one)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(name: &str, price_cents: i64, labels: &[&str]) -> Service {
        Service {
            id: name.to_owned(),
            name: name.to_owned(),
            note: String::new(),
            price_cents,
            tax: Tax::NotIncluded,
            hours: 0.0,
            is_bookable: price_cents < 100_000,
            labels: labels.iter().map(ToString::to_string).collect(),
        }
    }

    fn names(search: &ServiceSearch) -> Vec<String> {
        let catalog = [
            service("Ceramic Tint - Full Sedan", 45_900, &["Window Tint"]),
            service("Ceramic Tint - Full SUV", 55_900, &["Window Tint"]),
            service("Dyed Tint - Full Sedan", 19_900, &["Window Tint"]),
            service("PPF Front End", 159_900, &["Paint Protection"]),
        ];
        search.find(&catalog).iter().map(|service| service.name.clone()).collect()
    }

    fn words(words: &str) -> ServiceSearch {
        ServiceSearch { words: words.to_owned(), ..ServiceSearch::default() }
    }

    #[test]
    fn words_find_what_has_most_of_them() {
        assert_eq!(names(&words("ceramic, full sedan")), ["Ceramic Tint - Full Sedan"]);
        assert_eq!(names(&words("CERAMIC tinting please")), ["Ceramic Tint - Full SUV", "Ceramic Tint - Full Sedan"]);
        assert_eq!(names(&words("windows")).len(), 3);
        assert_eq!(names(&words("oil change")), Vec::<String>::new());
        assert_eq!(names(&words("")).len(), 4);
    }

    #[test]
    fn filters_narrow_what_words_find() {
        let cheap = ServiceSearch { most_cents: Some(50_000), ..words("full") };
        assert_eq!(names(&cheap), ["Ceramic Tint - Full Sedan", "Dyed Tint - Full Sedan"]);
        let bookable = ServiceSearch { bookable_only: true, ..words("ppf") };
        assert_eq!(names(&bookable), Vec::<String>::new());
    }
}
