//! Answers that a model words. Every sentence is checked before anybody reads it, and what is looked up is looked up by us.

mod models;
mod prompt;
mod sentences;
mod tools;

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{Card, Ground, TurnId};
use events::{LivePart, Status};
use model::{Failed, Model, Piece, Prompt, Said, Speaking, Stop};
use stage::{Context, Failure};
use store::ModelCall;
use tokio::time::timeout;
use tracing::error;

pub(crate) use self::models::Models;
use self::{
    sentences::Sentences,
    tools::{Desk, Found, TOOLS},
};
use crate::{
    answer::Checked,
    calendar::Calendars,
    concierge::{self, Say, price_card},
    ground::Grounds,
    known::Known,
    live::{LiveAnswer, Lost},
    offer::ForWhom,
};

/// Calls of tools follow each other so often at most: whoever asks more goes in a circle.
const MOST_ROUNDS: usize = 6;
const MOST_TOKENS: u32 = 700;
/// All rounds together; then the concierge answers.
const LONGEST_ANSWER: Duration = Duration::from_secs(90);
const MOST_PRICE_CARDS: usize = 4;

/// Why a model has not answered.
pub(crate) enum GaveUp {
    Lost(Lost),
    /// Somebody else can. `has_spoken`: some of it has been read. `hand_over`: why a person is asked all the same.
    Failed {
        failed: Failed,
        has_spoken: bool,
        hand_over: Option<&'static str>,
    },
}

impl From<Lost> for GaveUp {
    fn from(lost: Lost) -> Self {
        Self::Lost(lost)
    }
}

impl From<Failure> for GaveUp {
    fn from(failure: Failure) -> Self {
        Self::Lost(failure.into())
    }
}

fn failed_by(failed: Failed) -> GaveUp {
    GaveUp::Failed { failed, has_spoken: false, hand_over: None }
}

/// What a model is asked, and more of it with each round.
pub(crate) struct Prompting {
    system: String,
    said: Vec<Said>,
    user: String,
}

impl Prompting {
    pub(crate) fn new(known: &Known, whom: ForWhom, now: DateTime<Utc>) -> Self {
        let user = TurnId::of_customer(whom.lead, "model").to_string();
        Self { system: prompt::system(known), said: prompt::said(known, now), user }
    }

    pub(crate) fn prompt(&self) -> Prompt<'_> {
        let (said, user) = (self.said.clone(), self.user.clone());
        Prompt { system: &self.system, tools: &TOOLS, said, most_tokens: MOST_TOKENS, user }
    }
}

/// One answer in the making.
pub(crate) struct Assistant<'a, 'c> {
    pub(crate) cx: &'a Context,
    pub(crate) model: &'a dyn Model,
    pub(crate) calendars: &'a Calendars,
    pub(crate) known: &'a Known,
    pub(crate) whom: ForWhom,
    pub(crate) live: &'a mut LiveAnswer<'c>,
    /// What was asked of it, for whoever pays.
    pub(crate) calls: &'a mut Vec<ModelCall>,
}

/// What has been said of an answer, and rests on what.
struct Spoken {
    sentences: Vec<String>,
    grounds: Grounds,
    rests_on: Vec<Ground>,
    is_ungrounded: bool,
}

impl Assistant<'_, '_> {
    /// `first`: what came of the first prompt.
    pub(crate) async fn answer(
        &mut self,
        prompting: Prompting,
        first: Result<Speaking, Failed>,
    ) -> Result<Checked, GaveUp> {
        let now = self.cx.now();
        let grounds = self.known.grounds(now);
        let mut spoken = Spoken { sentences: Vec::new(), grounds, rests_on: Vec::new(), is_ungrounded: false };
        let mut found = Found::default();
        let speak = self.speak(prompting, first, &mut spoken, &mut found);
        let outcome = match timeout(LONGEST_ANSWER, speak).await {
            Ok(outcome) => outcome,
            Err(_) => Err(failed_by(Failed::TooLong(LONGEST_ANSWER))),
        };
        let failed = match outcome {
            Ok(()) if !spoken.sentences.is_empty() => None,
            // It had nothing to say that may be said.
            Ok(()) if spoken.is_ungrounded || found.is_handed_over => None,
            Ok(()) => Some(Failed::Ended("without a word".to_owned())),
            Err(GaveUp::Failed { failed, .. }) => Some(failed),
            Err(lost) => return Err(lost),
        };
        let hand_over = match (found.is_handed_over, spoken.is_ungrounded) {
            (true, _) => Some("the_assistant_asked"),
            (false, true) => Some("ungrounded"),
            (false, false) => None,
        };
        if let Some(failed) = failed {
            return Err(GaveUp::Failed { failed, has_spoken: !spoken.sentences.is_empty(), hand_over });
        }
        if hand_over.is_some() {
            self.say(Say(self.known.language).a_person_comes(), &mut spoken).await?;
        }
        self.live.end_text().await?;
        let cards = self.cards(&spoken.rests_on, found.slots);
        for card in &cards {
            self.live.card(card).await?;
        }
        Ok(Checked {
            sentences: spoken.sentences,
            cards,
            grounds: spoken.rests_on,
            hand_over,
            worded_by: self.worded_by(),
        })
    }

    /// Asks, and has what it calls for found, until it has said what it has to say.
    async fn speak(
        &mut self,
        mut prompting: Prompting,
        first: Result<Speaking, Failed>,
        spoken: &mut Spoken,
        found: &mut Found,
    ) -> Result<(), GaveUp> {
        let mut begun = Some(first);
        for _ in 0..MOST_ROUNDS {
            let asked = match begun.take() {
                Some(first) => first,
                None => self.model.ask(&prompting.prompt()).await,
            };
            let mut speaking = match asked {
                Ok(speaking) => speaking,
                Err(failed) => {
                    self.note(None, Some(&failed));
                    return Err(failed_by(failed));
                }
            };
            let heard = self.hear(&mut speaking, spoken).await;
            self.note(
                Some(&speaking),
                if let Err(GaveUp::Failed { failed, .. }) = &heard { Some(failed) } else { None },
            );
            let calls = heard?;
            if calls.is_empty() {
                return Ok(());
            }
            self.live.write(&LivePart::DataStatus { data: Status::LookingUp }).await?;
            let desk = Desk { cx: self.cx, calendars: self.calendars, known: self.known, whom: self.whom };
            let mut outcomes = Vec::new();
            for call in &calls {
                outcomes.push(desk.run(call, &mut spoken.grounds, found).await?);
            }
            prompting.said.push(Said::Model(speaking.content()));
            prompting.said.push(Said::Outcomes(outcomes));
        }
        Err(failed_by(Failed::Ended("it only looks things up".to_owned())))
    }

    /// Says each sentence as soon as it is whole. Answers what it wants to have found.
    async fn hear(&mut self, speaking: &mut Speaking, spoken: &mut Spoken) -> Result<Vec<model::Call>, GaveUp> {
        let (mut sentences, mut calls) = (Sentences::default(), Vec::new());
        while let Some(piece) = speaking.next().await.map_err(failed_by)? {
            match piece {
                Piece::Text(more) => {
                    for sentence in sentences.push(&more) {
                        self.say(sentence, spoken).await?;
                    }
                }
                Piece::Call(call) => calls.push(call),
                // Half a sentence may be half a price.
                Piece::End(Stop::Length) => return Ok(Vec::new()),
                Piece::End(Stop::Done | Stop::Calls) => {}
            }
        }
        if let Some(rest) = sentences.rest() {
            self.say(rest, spoken).await?;
        }
        Ok(calls)
    }

    async fn say(&mut self, sentence: String, spoken: &mut Spoken) -> Result<(), GaveUp> {
        match spoken.grounds.check(&sentence) {
            Ok(rests_on) => {
                spoken.rests_on.extend(
                    rests_on.into_iter().filter(|ground| !spoken.rests_on.contains(ground)).collect::<Vec<_>>(),
                );
            }
            Err(ungrounded) => {
                error!(claim = ungrounded.claim, "a sentence of a model rests on nothing, and is not said");
                metrics::counter!("chat_ungrounded_total", "by" => self.model.vendor()).increment(1);
                spoken.is_ungrounded = true;
                return Ok(());
            }
        }
        if spoken.sentences.is_empty() {
            if let Some(who_i_am) = concierge::introduction(self.known) {
                self.live.more(&format!("{who_i_am} ")).await?;
                spoken.sentences.push(who_i_am);
            }
        } else {
            self.live.more(" ").await?;
        }
        self.live.more(&sentence).await?;
        spoken.sentences.push(sentence);
        Ok(())
    }

    /// The price of each service that was spoken of, and the times that are kept.
    fn cards(&self, rests_on: &[Ground], slots: Option<Card>) -> Vec<Card> {
        let service = |ground: &Ground| match ground {
            Ground::Service { id, .. } => self.known.service(id).map(price_card),
            _ => None,
        };
        rests_on.iter().filter_map(service).take(MOST_PRICE_CARDS).chain(slots).collect()
    }

    fn worded_by(&self) -> String {
        format!("{}/{}", self.model.vendor(), self.model.name())
    }

    fn note(&mut self, speaking: Option<&Speaking>, failed: Option<&Failed>) {
        let usage = speaking.map(Speaking::usage).unwrap_or_default();
        let served_by = speaking.and_then(Speaking::served_by).map(str::to_owned);
        let (vendor, name) = (self.model.vendor(), self.model.name());
        let on = self.cx.clock().wall().date_naive();
        let cost_nanos = model::cost_nanos(vendor, served_by.as_deref().unwrap_or(name), usage, on);
        let outcome = failed.map_or("answered", Failed::as_str);
        metrics::counter!("chat_model_calls_total", "vendor" => vendor, "outcome" => outcome).increment(1);
        self.calls.push(ModelCall {
            vendor,
            model: name.to_owned(),
            served_by,
            input_tokens: usage.input,
            cache_read_tokens: usage.cache_read,
            cache_write_tokens: usage.cache_write,
            output_tokens: usage.output,
            cost_nanos,
            failed_because: failed.map(Failed::as_str),
        });
    }
}
