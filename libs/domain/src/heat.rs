//! How hot a lead is: points for what is known about it, each with its reason.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How soon a person should look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Heat {
    Hot,
    Warm,
    Cold,
}

impl Heat {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hot => "hot",
            Self::Warm => "warm",
            Self::Cold => "cold",
        }
    }
}

impl FromStr for Heat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = [Self::Hot, Self::Warm, Self::Cold].into_iter().find(|heat| heat.as_str() == text);
        found.ok_or_else(|| format!("unknown heat {text:?}"))
    }
}

/// What gives points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// They may be texted.
    CanBeTexted,
    HasEmail,
    /// It is known which car it is about.
    HasVehicle,
    /// What they asked for costs so much, or more.
    CentsAtLeast(i64),
    /// One of these words occurs in what they asked for, case aside.
    Word(Vec<String>),
    /// They wrote something in their own words.
    Wrote,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Points {
    pub sign: Sign,
    pub points: i32,
}

/// Which points make a lead hot. All of it is a tenant's choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HeatRules {
    pub hot_from: i32,
    pub warm_from: i32,
    pub points: Vec<Points>,
}

impl Default for HeatRules {
    fn default() -> Self {
        let words = |words: [&str; 4]| Sign::Word(words.map(str::to_owned).into());
        let points = [
            (Sign::CanBeTexted, 25),
            (Sign::HasEmail, 10),
            (Sign::HasVehicle, 15),
            (Sign::CentsAtLeast(30_000), 20),
            (Sign::CentsAtLeast(100_000), 20),
            (words(["ppf", "wrap", "ceramic", "full"]), 10),
            (Sign::Wrote, 10),
        ];
        let points = points.map(|(sign, points)| Points { sign, points }).into();
        Self { hot_from: 60, warm_from: 30, points }
    }
}

/// What is known about a lead.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    pub can_be_texted: bool,
    pub has_email: bool,
    pub has_vehicle: bool,
    pub total_cents: i64,
    pub services: &'a [String],
    pub wrote: bool,
}

impl HeatRules {
    /// How hot it is, and why: each reason with its points.
    pub fn judge(&self, known: Known<'_>) -> (Heat, Vec<String>) {
        let mut sum = 0;
        let mut reasons = Vec::new();
        for Points { sign, points } in &self.points {
            if let Some(reason) = sign.seen_in(known) {
                sum += points;
                reasons.push(format!("{reason}: {points:+}"));
            }
        }
        let heat = match sum {
            sum if sum >= self.hot_from => Heat::Hot,
            sum if sum >= self.warm_from => Heat::Warm,
            _ => Heat::Cold,
        };
        (heat, reasons)
    }
}

impl Sign {
    /// In an operator's words, where it is there.
    fn seen_in(&self, known: Known<'_>) -> Option<String> {
        let is = |holds: bool, reason: &str| holds.then(|| reason.to_owned());
        match self {
            Self::CanBeTexted => is(known.can_be_texted, "can be texted"),
            Self::HasEmail => is(known.has_email, "has an email address"),
            Self::HasVehicle => is(known.has_vehicle, "says which car"),
            Self::CentsAtLeast(cents) => {
                (known.total_cents >= *cents).then(|| format!("{} dollars or more", cents / 100))
            }
            Self::Word(words) => {
                let asked = known.services.join("\n").to_lowercase();
                words.iter().find(|word| asked.contains(&word.to_lowercase())).map(|word| format!("asks for {word:?}"))
            }
            Self::Wrote => is(known.wrote, "wrote in their own words"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn known(services: &[String]) -> Known<'_> {
        Known { can_be_texted: true, has_email: true, has_vehicle: true, total_cents: 45_900, services, wrote: false }
    }

    #[test]
    fn every_point_has_its_reason() {
        let services = ["Ceramic Tint".to_owned()];
        let (heat, reasons) = HeatRules::default().judge(known(&services));
        assert_eq!(heat, Heat::Hot);
        let said =
            ["can be texted: +25", "has an email address: +10", "says which car: +15", "300 dollars or more: +20"];
        assert_eq!(reasons[..4], said);
        assert_eq!(reasons[4], "asks for \"ceramic\": +10");
        let little = Known { can_be_texted: false, has_vehicle: false, total_cents: 0, ..known(&[]) };
        assert_eq!(HeatRules::default().judge(little), (Heat::Cold, vec!["has an email address: +10".to_owned()]));
    }

    #[test]
    fn a_tenant_may_choose_other_points_and_take_some_away() {
        let rules: HeatRules = serde_json::from_str(
            r#"{"hot_from": 1, "points": [{"sign": {"word": ["oil"]}, "points": -5}, {"sign": "has_vehicle", "points": 6}]}"#,
        )
        .unwrap();
        let services = ["Oil change".to_owned()];
        let (heat, reasons) = rules.judge(known(&services));
        assert_eq!((heat, reasons.len()), (Heat::Hot, 2));
        assert_eq!(reasons[0], "asks for \"oil\": -5");
    }

    proptest! {
        #[test]
        fn who_is_known_better_is_never_colder(cents in 0_i64..1_000_000, more in 0_i64..1_000_000, email: bool) {
            let rules = HeatRules::default();
            let rank = |heat| match heat { Heat::Cold => 0, Heat::Warm => 1, Heat::Hot => 2 };
            let less = Known { total_cents: cents, has_email: false, ..known(&[]) };
            let better = Known { total_cents: cents + more, has_email: email, ..less };
            prop_assert!(rank(rules.judge(less).0) <= rank(rules.judge(better).0));
        }
    }
}
