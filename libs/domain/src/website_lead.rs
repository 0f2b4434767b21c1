//! Which orders are quotes that somebody asked for on a website: the default rule set, every part of it a tenant's choice.

use serde::{Deserialize, Serialize};

use crate::{Order, OrderStatus};

/// What an order must look like to be a website lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebsiteLeadRules {
    /// The CRM's workflow columns in which website quotes arrive: their ids, or, in a CRM with labels, the names of those. Empty:
    /// any column.
    pub workflow_status_ids: Vec<String>,
    /// The CRM's workflow columns that mean the shop has given the job up: a lead that is moved there is lost.
    pub lost_workflow_status_ids: Vec<String>,
    /// What the order's name starts with, case aside, in a CRM whose orders have names. Empty: any name.
    pub name_prefix: String,
    /// At least one of these words must occur in the order's texts, case aside. Empty: any service.
    pub service_words: Vec<String>,
    /// Only orders nobody has written to the customer about. True near the order's creation and false soon after, so it
    /// decides about new orders alone, never about a lead we already have.
    pub require_no_messages: bool,
}

impl Default for WebsiteLeadRules {
    fn default() -> Self {
        Self {
            workflow_status_ids: Vec::new(),
            lost_workflow_status_ids: Vec::new(),
            name_prefix: "New Quote".into(),
            service_words: ["tint", "window", "film", "ceramic", "wrap", "ppf"].map(String::from).into(),
            require_no_messages: true,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Lead,
    /// Every reason, not only the first: an operator asks "why not" once.
    NotALead(Vec<NotALead>),
}

/// Why an order is not a lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotALead {
    OtherWorkflowStatus,
    LostWorkflowStatus,
    NotAnEstimate,
    Authorized,
    AlreadyMessaged,
    OtherName,
    HasAppointment,
    Invoiced,
    Paid,
    Archived,
    Deleted,
    NoServiceMatch,
    UnknownLocation,
}

impl NotALead {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OtherWorkflowStatus => "other_workflow_status",
            Self::LostWorkflowStatus => "lost_workflow_status",
            Self::NotAnEstimate => "not_an_estimate",
            Self::Authorized => "authorized",
            Self::AlreadyMessaged => "already_messaged",
            Self::OtherName => "other_name",
            Self::HasAppointment => "has_appointment",
            Self::Invoiced => "invoiced",
            Self::Paid => "paid",
            Self::Archived => "archived",
            Self::Deleted => "deleted",
            Self::NoServiceMatch => "no_service_match",
            Self::UnknownLocation => "unknown_location",
        }
    }
}

impl WebsiteLeadRules {
    /// Whether the shop has moved the order to a column of jobs it has given up.
    pub fn is_lost(&self, order: &Order) -> bool {
        order.workflow_status_id.as_ref().is_some_and(|id| self.lost_workflow_status_ids.contains(id))
    }

    pub fn judge(&self, order: &Order) -> Verdict {
        let column_is_ours = self.workflow_status_ids.is_empty()
            || order.workflow_status_id.as_ref().is_some_and(|id| self.workflow_status_ids.contains(id));
        // What has no name cannot have the wrong one.
        let name = order.name.as_ref().map(|name| name.to_lowercase());
        let texts = order.service_texts.join("\n").to_lowercase();
        let service_is_ours = self.service_words.is_empty()
            || self.service_words.iter().any(|word| {
                let word = word.to_lowercase();
                name.as_ref().is_some_and(|name| name.contains(&word)) || texts.contains(&word)
            });
        let reasons: Vec<_> = [
            (!column_is_ours, NotALead::OtherWorkflowStatus),
            (self.is_lost(order), NotALead::LostWorkflowStatus),
            (order.status != OrderStatus::Estimate, NotALead::NotAnEstimate),
            (order.authorized, NotALead::Authorized),
            (self.require_no_messages && order.message_count != 0, NotALead::AlreadyMessaged),
            (name.is_some_and(|name| !name.starts_with(&self.name_prefix.to_lowercase())), NotALead::OtherName),
            (!order.appointments.is_empty(), NotALead::HasAppointment),
            (order.invoiced, NotALead::Invoiced),
            (order.paid, NotALead::Paid),
            (order.archived, NotALead::Archived),
            (order.deleted, NotALead::Deleted),
            (!service_is_ours, NotALead::NoServiceMatch),
        ]
        .into_iter()
        .filter_map(|(broken, reason)| broken.then_some(reason))
        .collect();
        if reasons.is_empty() { Verdict::Lead } else { Verdict::NotALead(reasons) }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;

    fn quote() -> Order {
        Order {
            id: "o1".into(),
            location_id: Some("l1".into()),
            version: 1,
            name: Some("New Quote: Window Tint".into()),
            status: OrderStatus::Estimate,
            workflow_status_id: Some("website".into()),
            service_texts: vec!["Web form: ceramic, all windows".into()],
            customers_words: Some("Hi".into()),
            customer_id: Some("c1".into()),
            vehicle_id: None,
            authorized: false,
            invoiced: false,
            paid: false,
            archived: false,
            deleted: false,
            message_count: 0,
            appointments: vec![],
            total_cents: 0,
            created_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_fresh_website_quote_is_a_lead() {
        let rules = WebsiteLeadRules { workflow_status_ids: vec!["website".into()], ..Default::default() };
        assert_eq!(rules.judge(&quote()), Verdict::Lead);
    }

    #[test]
    fn every_reason_is_named_at_once() {
        let rules = WebsiteLeadRules { workflow_status_ids: vec!["website".into()], ..Default::default() };
        let order = Order {
            name: Some("Oil change".into()),
            status: OrderStatus::Other("Parked".into()),
            workflow_status_id: None,
            service_texts: vec![],
            message_count: 3,
            authorized: true,
            ..quote()
        };
        assert_eq!(
            rules.judge(&order),
            Verdict::NotALead(vec![
                NotALead::OtherWorkflowStatus,
                NotALead::NotAnEstimate,
                NotALead::Authorized,
                NotALead::AlreadyMessaged,
                NotALead::OtherName,
                NotALead::NoServiceMatch,
            ])
        );
    }

    #[test]
    fn empty_rules_take_any_open_estimate() {
        let rules = WebsiteLeadRules {
            workflow_status_ids: vec![],
            lost_workflow_status_ids: vec![],
            name_prefix: String::new(),
            service_words: vec![],
            require_no_messages: false,
        };
        assert_eq!(rules.judge(&Order { name: Some("x".into()), message_count: 9, ..quote() }), Verdict::Lead);
    }

    #[test]
    fn the_service_is_what_stands_behind_the_prefix() {
        let named = |name: &str| Order { name: Some(name.into()), ..quote() }.service().to_owned();
        assert_eq!(named("New Quote: Window Tint"), "Window Tint");
        assert_eq!(named("New Quote"), "New Quote");
        assert_eq!(named("New Quote: "), "New Quote:");
    }

    #[test]
    fn in_a_crm_without_names_the_texts_say_what_was_asked_for() {
        let nameless = Order { name: None, ..quote() };
        assert_eq!(WebsiteLeadRules::default().judge(&nameless), Verdict::Lead);
        assert_eq!(nameless.service(), "Web form: ceramic, all windows");
    }

    #[test]
    fn an_order_that_comes_in_a_lost_column_is_not_a_lead() {
        let rules = WebsiteLeadRules { lost_workflow_status_ids: vec!["website".into()], ..Default::default() };
        assert_eq!(rules.judge(&quote()), Verdict::NotALead(vec![NotALead::LostWorkflowStatus]));
    }

    proptest! {
        #[test]
        fn an_order_the_shop_has_moved_on_with_is_never_a_lead(
            authorized: bool, invoiced: bool, paid: bool, archived: bool, deleted: bool
        ) {
            let order = Order { authorized, invoiced, paid, archived, deleted, ..quote() };
            let moved_on = authorized || invoiced || paid || archived || deleted;
            let is_lead = WebsiteLeadRules::default().judge(&order) == Verdict::Lead;
            prop_assert_eq!(is_lead, !moved_on);
        }
    }
}
