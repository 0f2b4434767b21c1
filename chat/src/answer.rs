//! A customer said something: it is kept, the follow-up ends, and they are answered, by whichever replica takes it.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use anyhow::anyhow;
use catalog_cache::Catalogs;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{Card, Ground, Keyword, LeadId, SaidBy, StopReason, TaskId, TurnId, keyword};
use events::{ChatAsked, LeadClosed, LivePart, LiveTurn, Status, Stream};
use model::{Failed, Model, Speaking};
use stage::{Context, Failure, Position, Stage, Step};
use store::{Answering, ModelCall, NewTask, NewTurn, Transaction};
use tracing::{error, info, warn};

use crate::{
    Config,
    assistant::{Assistant, GaveUp, Models, Prompting},
    calendar::Calendars,
    concierge::{self, Draft},
    ground::Grounds,
    known::{self, Known},
    live::{self, LiveAnswer, Lost, read_position, written},
    offer::ForWhom,
};

/// Who words what no model words.
const CONCIERGE: &str = "concierge";
/// Before the staff is told that somebody whom one of them answers waits.
const A_PERSON_WITHIN: TimeDelta = TimeDelta::minutes(5);
/// Before somebody looks again whether whoever answers has finished.
const LOOKS_AGAIN_AFTER: Duration = Duration::from_millis(500);

pub(crate) struct Answer {
    pub(crate) config: Arc<Config>,
    pub(crate) catalogs: Catalogs,
    pub(crate) calendars: Calendars,
    pub(crate) models: Models,
}

/// A model that has been asked, and has begun to answer or not.
struct AskedModel {
    model: Arc<dyn Model>,
    prompting: Prompting,
    first: Result<Speaking, Failed>,
}

/// What is checked of an answer and may be read.
pub(crate) struct Checked {
    pub(crate) sentences: Vec<String>,
    pub(crate) cards: Vec<Card>,
    pub(crate) grounds: Vec<Ground>,
    pub(crate) hand_over: Option<&'static str>,
    /// The concierge, or a vendor's model.
    pub(crate) worded_by: String,
}

impl Stage for Answer {
    const NAME: &'static str = "chat";
    const STREAM: Stream = Stream::Chat;
    type Input = ChatAsked;

    async fn handle(&self, cx: &Context, asked: ChatAsked) -> Result<(), Failure> {
        let subject = LivePart::subject(asked.tenant, asked.lead);
        let ends_at = written(live::newest(cx, &subject).await);
        let (answering, known) = self.hear(cx, &asked, &ends_at).await?;
        self.show_what_they_said(cx, &asked).await?;
        let answer = asked.turn.answer();
        let fence = match answering {
            Answering::Begun(fence) => fence,
            // Whoever did it may have died before they said so.
            Answering::Done => return live::finish(cx, (asked.tenant, asked.lead), answer).await,
            Answering::WithPerson => return Ok(()),
            Answering::InProgress { .. } => {
                return Err(Failure::retry_after(LOOKS_AGAIN_AFTER, anyhow!("somebody else answers this customer")));
            }
        };
        let Some((mut known, turn, from)) = known else {
            return Err(Failure::reject(anyhow!("there is no lead {}", asked.lead)));
        };
        let whom = ForWhom { tenant: asked.tenant, lead: asked.lead, answer, fence };
        let answer_them = async {
            known.look_up_services(asked.tenant, &self.catalogs).await;
            self.answer(cx, &known, whom, turn, from, &asked).await
        };
        // A CRM, a catalog or a model may take longer than the lease lasts.
        let answered = tokio::select! {
            biased;
            answered = answer_them => answered,
            overtaken = live::go_on_until_overtaken(cx, whom, self.config.lease) => Err(overtaken),
        };
        match answered {
            Ok(()) => live::finish(cx, (asked.tenant, asked.lead), answer).await,
            // It may have been kept in that very moment.
            Err(Lost::Overtaken) if is_said(cx, whom).await? => {
                live::finish(cx, (asked.tenant, asked.lead), answer).await
            }
            Err(Lost::Overtaken) => {
                info!(lead.id = %asked.lead, "somebody else has the conversation; this answer is not said");
                Ok(())
            }
            Err(Lost::Failed(failure)) => {
                self.leave(cx, whom).await;
                Err(failure)
            }
        }
    }
}

impl Answer {
    /// Keeps what they said, ends the follow-up, and begins to answer, in one transaction.
    async fn hear(
        &self,
        cx: &Context,
        asked: &ChatAsked,
        ends_at: &str,
    ) -> Result<(Answering, Option<(Known, u32, Position)>), Failure> {
        let wall = cx.clock().wall();
        let mut tx = cx.begin(asked.tenant).await?;
        if tx.leads().lookup(asked.lead).await?.is_none() {
            return Err(Failure::reject(anyhow!("there is no lead {}", asked.lead)));
        }
        // Their words say it best; what their page speaks counts until they have said something.
        let before = tx.chats().find(asked.lead).await?.and_then(|chat| chat.language);
        let spoken = concierge::language_of(&asked.words).or(asked.language.filter(|_| before.is_none()));
        let turn = NewTurn {
            id: asked.turn,
            said_by: SaidBy::Customer,
            name: None,
            channel: asked.by,
            words: &asked.words,
            cards: &[],
            grounds: &[],
            worded_by: None,
        };
        let number = tx.chats().add(asked.lead, &turn, spoken, cx.now()).await?;
        let mut left = BTreeSet::new();
        if keyword(&asked.words) == Some(Keyword::Stop) {
            // Whoever wants no more messages may say so anywhere.
            let source = format!("chat:{}", asked.turn);
            left = tx.people().opt_out(asked.lead, &source, asked.asked_at, cx.now()).await?;
        } else {
            tx.leads().stop(asked.lead, StopReason::Replied, cx.now()).await?;
        }
        let until = wall + TimeDelta::from_std(self.config.lease).unwrap_or(TimeDelta::seconds(5));
        let answering = tx.chats().begin_answer(asked.lead, number, ends_at, wall, until).await?;
        let known = match answering {
            Answering::Begun(_) => self.know(&mut tx, asked, number).await?,
            Answering::WithPerson => {
                // Whoever has it is reminded, if they do not look.
                ask_for_an_answer(&mut tx, asked.lead, asked.turn, cx.now() + A_PERSON_WITHIN, cx.now()).await?;
                None
            }
            Answering::Done | Answering::InProgress { .. } => None,
        };
        cx.commit(tx).await?;
        for lead in left {
            cx.announce(&LeadClosed { tenant: asked.tenant, lead, reason: StopReason::OptedOut }).await?;
        }
        Ok((answering, known))
    }

    async fn know(
        &self,
        tx: &mut Transaction,
        asked: &ChatAsked,
        number: u32,
    ) -> Result<Option<(Known, u32, Position)>, Failure> {
        let chat = tx.chats().find(asked.lead).await?.unwrap_or_default();
        let from = chat.answering_from.as_deref().and_then(read_position);
        let Some(known) = known::read(tx, asked.lead).await? else { return Ok(None) };
        let number = known.turns.iter().map(|turn| turn.number).max().unwrap_or(number);
        Ok(Some((known, number, from.unwrap_or(Position { sequence: 0, written_ms: 0 }))))
    }

    /// To whoever has the page open twice.
    async fn show_what_they_said(&self, cx: &Context, asked: &ChatAsked) -> Result<(), Failure> {
        let turn = LiveTurn {
            id: asked.turn,
            said_by: SaidBy::Customer,
            name: None,
            words: asked.words.clone(),
            cards: Vec::new(),
            said_at: cx.now(),
        };
        let part = LivePart::DataTurn { data: turn };
        cx.publish(&part.pack(asked.tenant, asked.lead, &format!("turn:{}", asked.turn))).await
    }

    async fn answer(
        &self,
        cx: &Context,
        known: &Known,
        whom: ForWhom,
        turn: u32,
        from: Position,
        asked: &ChatAsked,
    ) -> Result<(), Lost> {
        let begin = async {
            let mut live = LiveAnswer::begin(cx, whom, self.config.lease, from).await?;
            live.write(&LivePart::DataStatus { data: Status::Thinking }).await?;
            Ok::<_, Lost>(live)
        };
        // A model takes longest: it is asked while the pages are told that somebody answers.
        let (live, asked_model) = tokio::join!(begin, self.ask_model_at_once(cx, known, whom));
        let mut live = live?;
        let mut calls = Vec::new();
        let checked = match self.hear_model(cx, known, whom, &mut live, asked_model?, &mut calls).await? {
            Some(checked) => checked,
            None => self.ask_concierge(cx, known, whom, &mut live).await?,
        };
        cx.checkpoint(Step::AfterCall).await;
        self.keep(cx, whom, turn, asked, &checked, &calls).await
    }

    /// `None`: there is no model.
    async fn ask_model_at_once(&self, cx: &Context, known: &Known, whom: ForWhom) -> Result<Option<AskedModel>, Lost> {
        // Whoever wants no more messages is told so in our own words.
        if keyword(&known.waiting_words()) == Some(Keyword::Stop) {
            return Ok(None);
        }
        let Some(model) = self.models.find(cx, whom.tenant).await? else { return Ok(None) };
        let prompting = Prompting::new(known, whom, cx.now());
        let first = model.ask(&prompting.prompt()).await;
        Ok(Some(AskedModel { model, prompting, first }))
    }

    /// `None`: there is no model, or it is away; the concierge always answers.
    async fn hear_model(
        &self,
        cx: &Context,
        known: &Known,
        whom: ForWhom,
        live: &mut LiveAnswer<'_>,
        asked_model: Option<AskedModel>,
        calls: &mut Vec<ModelCall>,
    ) -> Result<Option<Checked>, Lost> {
        let Some(AskedModel { model, prompting, first }) = asked_model else { return Ok(None) };
        let calendars = &self.calendars;
        let mut assistant = Assistant { cx, model: model.as_ref(), calendars, known, whom, live, calls };
        match assistant.answer(prompting, first).await {
            Ok(checked) => Ok(Some(checked)),
            Err(GaveUp::Lost(lost)) => Err(lost),
            Err(GaveUp::Failed { failed, has_spoken, hand_over }) => {
                warn!(lead.id = %whom.lead, error = service::telemetry::causes(&failed), "the model has not answered; the concierge does");
                if has_spoken {
                    live.begin_anew().await?;
                }
                let mut checked = self.ask_concierge(cx, known, whom, live).await?;
                // What the model asked for while it could.
                checked.hand_over = checked.hand_over.or(hand_over);
                Ok(Some(checked))
            }
        }
    }

    async fn ask_concierge(
        &self,
        cx: &Context,
        known: &Known,
        whom: ForWhom,
        live: &mut LiveAnswer<'_>,
    ) -> Result<Checked, Lost> {
        let draft = concierge::answer(cx, &self.calendars, known, whom, &known.waiting_words()).await?;
        let checked = check(draft, known, cx);
        for sentence in spaced(&checked.sentences) {
            live.more(&sentence).await?;
        }
        live.end_text().await?;
        for card in &checked.cards {
            live.card(card).await?;
        }
        Ok(checked)
    }

    /// The answer is a turn, and what it asks of the staff is a task, or nothing is, because somebody else has the conversation by now.
    async fn keep(
        &self,
        cx: &Context,
        whom: ForWhom,
        turn: u32,
        asked: &ChatAsked,
        checked: &Checked,
        calls: &[ModelCall],
    ) -> Result<(), Lost> {
        let words = checked.sentences.join(" ");
        let said = NewTurn {
            id: whom.answer,
            said_by: SaidBy::Assistant,
            name: None,
            channel: asked.by,
            words: &words,
            cards: &checked.cards,
            grounds: &checked.grounds,
            worded_by: Some(&checked.worded_by),
        };
        let mut tx = cx.begin(whom.tenant).await?;
        tx.model_calls().keep(whom.lead, whom.answer, whom.fence, calls, cx.now()).await.map_err(Failure::from)?;
        let number = tx.chats().answer(whom.lead, whom.fence, turn, &said, cx.now()).await.map_err(Failure::from)?;
        if number.is_none() {
            return Err(Lost::Overtaken);
        }
        if let Some(why) = checked.hand_over {
            // What is due at once is told to the staff at once.
            ask_for_an_answer(&mut tx, whom.lead, asked.turn, cx.now(), cx.now()).await?;
            metrics::counter!("chat_hand_overs_total", "why" => why).increment(1);
            info!(lead.id = %whom.lead, why, "a person is asked to answer");
        }
        cx.commit(tx).await?;
        metrics::counter!("chat_answers_total", "by" => checked.worded_by.clone()).increment(1);
        info!(lead.id = %whom.lead, "answered a customer");
        Ok(())
    }

    /// Somebody else may try at once.
    async fn leave(&self, cx: &Context, whom: ForWhom) {
        let leave = async {
            let mut tx = cx.begin(whom.tenant).await?;
            tx.chats().leave_answer(whom.lead, whom.fence).await?;
            tx.commit().await?;
            Ok::<_, Failure>(())
        };
        if leave.await.is_err() {
            warn!(lead.id = %whom.lead, "an answer was not left; somebody else takes over when its time is over");
        }
    }
}

async fn is_said(cx: &Context, whom: ForWhom) -> Result<bool, Failure> {
    let mut tx = cx.begin(whom.tenant).await?;
    Ok(tx.chats().find_turn(whom.lead, whom.answer).await?.is_some())
}

/// A person is to answer this turn.
async fn ask_for_an_answer(
    tx: &mut Transaction,
    lead: LeadId,
    turn: TurnId,
    due_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let task = NewTask {
        id: TaskId::of_turn(turn),
        lead,
        title: "Answer them in the chat",
        due_at,
        assignee: None,
        created_by: "reply",
    };
    Ok(tx.tasks().add(&task, now).await?)
}

/// What may be said of a draft. A sentence that rests on nothing is left out, and a person is asked.
fn check(draft: Draft, known: &Known, cx: &Context) -> Checked {
    let mut grounds: Grounds = known.grounds(cx.now());
    for card in &draft.cards {
        if let Card::Slots { slots, .. } = card {
            grounds.slots.extend(slots.iter().map(|offered| (offered.hold, offered.slot)));
        }
    }
    let mut checked = Checked {
        sentences: Vec::new(),
        cards: draft.cards,
        grounds: Vec::new(),
        hand_over: draft.hand_over,
        worded_by: CONCIERGE.to_owned(),
    };
    for sentence in draft.sentences {
        match grounds.check(&sentence) {
            Ok(rests_on) => {
                checked.grounds.extend(rests_on);
                checked.sentences.push(sentence);
            }
            Err(ungrounded) => {
                error!(claim = ungrounded.claim, "a sentence rests on nothing, and is not said");
                metrics::counter!("chat_ungrounded_total", "by" => CONCIERGE).increment(1);
                checked.hand_over = checked.hand_over.or(Some("ungrounded"));
            }
        }
    }
    checked.grounds.dedup();
    checked
}

/// Each with the space before the next.
fn spaced(sentences: &[String]) -> Vec<String> {
    let last = sentences.len().saturating_sub(1);
    let with_space = |(place, sentence): (usize, &String)| {
        if place == last { sentence.clone() } else { format!("{sentence} ") }
    };
    sentences.iter().enumerate().map(with_space).collect()
}
