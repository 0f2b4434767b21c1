//! Who of a shop's staff is told when a lead needs a person, and where.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{E164, Email};

/// By what somebody of the staff is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StaffChannel {
    Slack,
    Telegram,
    Sms,
    Email,
}

impl StaffChannel {
    pub const ALL: [Self; 4] = [Self::Slack, Self::Telegram, Self::Sms, Self::Email];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Telegram => "telegram",
            Self::Sms => "sms",
            Self::Email => "email",
        }
    }
}

impl FromStr for StaffChannel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|channel| channel.as_str() == text);
        found.ok_or_else(|| format!("unknown channel of the staff's {text:?}"))
    }
}

/// A person, or a room where several are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StaffMember {
    /// As people call it: "front desk".
    pub name: String,
    pub by: StaffChannel,
    /// A channel's id of Slack's, a chat's of Telegram's, a number, an address.
    pub to: String,
    /// 0 hears of everything, 1 of what nobody at 0 has taken, and so on.
    #[serde(default)]
    pub level: u8,
    /// The CRM's id of the one shop that it is for. Absent: of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
}

/// Everybody who is told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Staff(Vec<StaffMember>);

const HIGHEST_LEVEL: u8 = 5;
const MOST_MEMBERS: usize = 500;

impl Staff {
    /// Those at one shop.
    pub fn at<'s>(&'s self, crm_location_id: &'s str) -> impl Iterator<Item = &'s StaffMember> {
        self.0.iter().filter(move |member| member.location.as_deref().is_none_or(|only| only == crm_location_id))
    }

    /// The highest level that somebody at this shop has. `None`: nobody is told of anything.
    pub fn highest_level(&self, crm_location_id: &str) -> Option<u8> {
        self.at(crm_location_id).map(|member| member.level).max()
    }

    /// The lowest that somebody there has: whoever hears first.
    pub fn lowest_level(&self, crm_location_id: &str) -> u8 {
        self.at(crm_location_id).map(|member| member.level).min().unwrap_or_default()
    }

    /// Whether all of them can be reached as it is written; what is wrong, in words.
    pub fn check(&self) -> Result<(), String> {
        if self.0.len() > MOST_MEMBERS {
            return Err(format!("staff: {} are too many; {MOST_MEMBERS} is the most", self.0.len()));
        }
        for StaffMember { name, by, to, level, .. } in &self.0 {
            if name.trim().is_empty() {
                return Err("staff: somebody has no name; write for example \"front desk\"".to_owned());
            }
            if *level > HIGHEST_LEVEL {
                return Err(format!("staff: {name:?} is at level {level}; {HIGHEST_LEVEL} is the highest"));
            }
            let wanted = match by {
                StaffChannel::Slack if to.trim().is_empty() => Some("a channel's id such as C0123456789"),
                StaffChannel::Telegram if to.parse::<i64>().is_err() => Some("a chat's id such as -1001234567890"),
                StaffChannel::Sms if E164::parse(to).is_err() => Some("a number such as +15125550142"),
                StaffChannel::Email if Email::parse(to).is_err() => Some("an address such as desk@example.com"),
                _ => None,
            };
            if let Some(wanted) = wanted {
                // Not what stands there: it may be somebody's number, mistyped.
                return Err(format!(
                    "staff: {name:?} cannot be reached by {} at what is written; write {wanted}",
                    by.as_str()
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Staff {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn each_shop_has_its_own_and_everybodys() {
        let staff = read(
            r#"[{"name":"all","by":"slack","to":"C1"},{"name":"tampa","by":"sms","to":"+15125550142","level":1,"location":"t"}]"#,
        );
        assert!(staff.check().is_ok());
        assert_eq!((staff.highest_level("t"), staff.highest_level("a")), (Some(1), Some(0)));
        assert_eq!(Staff::default().highest_level("t"), None);
    }

    #[test]
    fn who_cannot_be_reached_is_named() {
        for (by, to) in [("slack", " "), ("telegram", "@desk"), ("sms", "555"), ("email", "desk")] {
            let said = read(&format!(r#"[{{"name":"front desk","by":"{by}","to":"{to}"}}]"#)).check().unwrap_err();
            assert!(said.contains("front desk") && said.contains(by), "{said}");
        }
        assert!(read(r#"[{"name":"boss","by":"slack","to":"C1","level":9}]"#).check().unwrap_err().contains("level 9"));
    }
}
