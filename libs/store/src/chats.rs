//! A lead's conversation: who said what, and who answers now.
//!
//! Whoever answers draws a number, the fence. Only who holds the newest can finish: one that was thought dead, and was not, finds that
//! another number was drawn, and what it wrote is nobody's.

use chrono::{DateTime, Utc};
use domain::{Card, ChatChannel, Ground, Language, LeadId, SaidBy, TurnId};
use uuid::Uuid;

use crate::{Error, Transaction, languages::language};

/// Something that is said at once.
#[derive(Debug, Clone)]
pub struct NewTurn<'a> {
    pub id: TurnId,
    pub said_by: SaidBy,
    /// Of one of the staff.
    pub name: Option<&'a str>,
    pub channel: ChatChannel,
    pub words: &'a str,
    pub cards: &'a [Card],
    pub grounds: &'a [Ground],
    /// The concierge, or a vendor's model.
    pub worded_by: Option<&'a str>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    pub id: TurnId,
    pub number: u32,
    pub said_by: SaidBy,
    pub name: Option<String>,
    pub channel: ChatChannel,
    pub words: String,
    pub cards: Vec<Card>,
    pub said_at: DateTime<Utc>,
}

/// How a conversation stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chat {
    pub last_turn: u32,
    /// Until here nothing of the customer's waits for an answer.
    pub answered_turn: u32,
    /// Somebody answers until then, by the wall's clock.
    pub answering_until: Option<DateTime<Utc>>,
    /// Where the live log ended when they began.
    pub answering_from: Option<String>,
    /// Who of the staff has it. `None`: the assistant.
    pub held_by: Option<String>,
    pub language: Option<Language>,
}

/// Who answers. The number of whoever began last is the only one that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence(pub i64);

/// Whether somebody may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answering {
    Begun(Fence),
    /// Everything up to there has its answer.
    Done,
    /// Somebody else answers until then, unless they say that they go on.
    InProgress {
        until: DateTime<Utc>,
    },
    /// A person has the conversation, and answers or does not.
    WithPerson,
}

struct TurnRow {
    id: Uuid,
    number: i32,
    said_by: String,
    name: Option<String>,
    channel: String,
    words: String,
    cards: serde_json::Value,
    said_at: DateTime<Utc>,
}

impl TurnRow {
    fn parse(self) -> Result<Turn, Error> {
        Ok(Turn {
            id: TurnId::new(self.id),
            number: self.number.unsigned_abs(),
            said_by: self.said_by.parse().map_err(|error| Error::corrupt("who said it", error))?,
            name: self.name,
            channel: self.channel.parse().map_err(|error| Error::corrupt("channel", error))?,
            words: self.words,
            cards: serde_json::from_value(self.cards).map_err(|error| Error::corrupt("cards", error))?,
            said_at: self.said_at,
        })
    }
}

#[derive(Debug)]
pub struct Chats<'t>(pub(crate) &'t mut Transaction);

impl Chats<'_> {
    /// Something is said; what is there stays as it is. Answers its number, and keeps everybody else from saying something until this
    /// transaction ends.
    pub async fn add(
        self,
        lead: LeadId,
        turn: &NewTurn<'_>,
        spoken: Option<Language>,
        now: DateTime<Utc>,
    ) -> Result<u32, Error> {
        let tenant = self.0.tenant.uuid();
        sqlx::query!(
            "insert into chats (tenant_id, lead_id, opened_at) values ($1, $2, $3) on conflict do nothing",
            tenant,
            lead.uuid(),
            now
        )
        .execute(&mut *self.0.inner)
        .await
        .map_err(Error::doing("open a conversation"))?;
        let number = sqlx::query_scalar!(
            r#"update chats set last_turn = last_turn + 1, language = coalesce($3, language)
               where lead_id = $1 and tenant_id = $2 returning last_turn"#,
            lead.uuid(),
            tenant,
            spoken.map(Language::as_str)
        )
        .fetch_one(&mut *self.0.inner)
        .await
        .map_err(Error::doing("take a turn's number"))?;
        // Looked for only now, with the conversation locked.
        let known =
            sqlx::query_scalar!("select number from turns where id = $1 and tenant_id = $2", turn.id.uuid(), tenant)
                .fetch_optional(&mut *self.0.inner)
                .await
                .map_err(Error::doing("look for a turn"))?;
        if let Some(known) = known {
            sqlx::query!(
                "update chats set last_turn = last_turn - 1 where lead_id = $1 and tenant_id = $2",
                lead.uuid(),
                tenant
            )
            .execute(&mut *self.0.inner)
            .await
            .map_err(Error::doing("give a turn's number back"))?;
            return Ok(known.unsigned_abs());
        }
        self.insert(lead, number, turn, now).await?;
        Ok(number.unsigned_abs())
    }

    /// Draws the number of whoever answers the turns up to `turn`, unless there is nothing to answer.
    /// `wall`, `until`: by the wall's clock. `from`: where the live log ends.
    pub async fn begin_answer(
        self,
        lead: LeadId,
        turn: u32,
        from: &str,
        wall: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Answering, Error> {
        let tenant = self.0.tenant.uuid();
        let row = sqlx::query!(
            "select answered_turn, answering_until, held_by from chats where lead_id = $1 and tenant_id = $2 for update",
            lead.uuid(),
            tenant
        )
        .fetch_one(&mut *self.0.inner)
        .await
        .map_err(Error::doing("look who answers"))?;
        if row.answered_turn.unsigned_abs() >= turn {
            return Ok(Answering::Done);
        }
        if row.held_by.is_some() {
            return Ok(Answering::WithPerson);
        }
        if let Some(until) = row.answering_until.filter(|until| *until > wall) {
            return Ok(Answering::InProgress { until });
        }
        let fence = sqlx::query_scalar!(
            // Whoever takes over begins where the one before began: what that one wrote is still read, and taken back.
            "update chats
             set fence = fence + 1, answering_until = $3,
                 answering_from = case when answering_until is null then $4 else answering_from end
             where lead_id = $1 and tenant_id = $2 returning fence",
            lead.uuid(),
            tenant,
            until,
            from
        )
        .fetch_one(&mut *self.0.inner)
        .await
        .map_err(Error::doing("begin an answer"))?;
        Ok(Answering::Begun(Fence(fence)))
    }

    /// Says that whoever holds this number goes on. Answers false if it counts no more.
    pub async fn go_on(self, lead: LeadId, fence: Fence, until: DateTime<Utc>) -> Result<bool, Error> {
        let done = sqlx::query!(
            "update chats set answering_until = $4
             where lead_id = $1 and tenant_id = $2 and fence = $3 and answering_until is not null",
            lead.uuid(),
            self.0.tenant.uuid(),
            fence.0,
            until
        )
        .execute(&mut *self.0.inner)
        .await
        .map_err(Error::doing("go on answering"))?;
        Ok(done.rows_affected() == 1)
    }

    /// The answer is whole: it is said, and the turns up to `turn` have it. Answers its number; `None`: somebody else has begun since, a
    /// person has taken over, or the customer wanted no more of it, and nothing is said.
    pub async fn answer(
        self,
        lead: LeadId,
        fence: Fence,
        turn: u32,
        answer: &NewTurn<'_>,
        now: DateTime<Utc>,
    ) -> Result<Option<u32>, Error> {
        let number = sqlx::query_scalar!(
            "update chats
             set last_turn = last_turn + 1, answered_turn = greatest(answered_turn, $4), answering_until = null
             where lead_id = $1 and tenant_id = $2 and fence = $3 and answering_until is not null and held_by is null
             returning last_turn",
            lead.uuid(),
            self.0.tenant.uuid(),
            fence.0,
            i32::try_from(turn).unwrap_or(i32::MAX)
        )
        .fetch_optional(&mut *self.0.inner)
        .await
        .map_err(Error::doing("finish an answer"))?;
        let Some(number) = number else { return Ok(None) };
        self.insert(lead, number, answer, now).await?;
        Ok(Some(number.unsigned_abs()))
    }

    /// Whoever holds this number answers no more; somebody else may begin.
    pub async fn leave_answer(self, lead: LeadId, fence: Fence) -> Result<(), Error> {
        sqlx::query!(
            "update chats set answering_until = null where lead_id = $1 and tenant_id = $2 and fence = $3",
            lead.uuid(),
            self.0.tenant.uuid(),
            fence.0
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("leave an answer"))
    }

    /// The customer wants no more of the answer. Answers what it would have been an answer to; `None`: nobody was answering.
    pub async fn stop_answer(self, lead: LeadId) -> Result<Option<TurnId>, Error> {
        let done = sqlx::query!(
            "update chats set fence = fence + 1, answering_until = null, answered_turn = last_turn
             where lead_id = $1 and tenant_id = $2 and answering_until is not null",
            lead.uuid(),
            self.0.tenant.uuid()
        )
        .execute(&mut *self.0.inner)
        .await
        .map_err(Error::doing("stop an answer"))?;
        if done.rows_affected() == 0 {
            return Ok(None);
        }
        let turn = sqlx::query_scalar!(
            "select id from turns where lead_id = $1 and tenant_id = $2 and said_by = 'customer' order by number desc limit 1",
            lead.uuid(),
            self.0.tenant.uuid()
        )
        .fetch_optional(&mut *self.0.inner)
        .await
        .map_err(Error::doing("find what was not answered"))?;
        Ok(turn.map(TurnId::new))
    }

    /// Somebody of the staff has the conversation from now on, and nobody else answers. Answers false if they had it already.
    pub async fn take_over(self, lead: LeadId, by: &str, now: DateTime<Utc>) -> Result<bool, Error> {
        sqlx::query_scalar!(
            r#"with before as (
                   select held_by from chats where lead_id = $1 and tenant_id = $2 for update
               )
               update chats set held_by = $3, held_since = coalesce(held_since, $4), fence = fence + 1, answering_until = null,
                                answered_turn = last_turn
               where lead_id = $1 and tenant_id = $2
               returning (select before.held_by from before) is distinct from $3 as "is_new!""#,
            lead.uuid(),
            self.0.tenant.uuid(),
            by,
            now
        )
        .fetch_one(&mut *self.0.inner)
        .await
        .map_err(Error::doing("take a conversation over"))
    }

    /// The assistant answers what is said from now on. Answers false if nobody of the staff had the conversation.
    pub async fn give_back(self, lead: LeadId) -> Result<bool, Error> {
        let done = sqlx::query!(
            "update chats set held_by = null, held_since = null, answered_turn = last_turn
             where lead_id = $1 and tenant_id = $2 and held_by is not null",
            lead.uuid(),
            self.0.tenant.uuid()
        )
        .execute(&mut *self.0.inner)
        .await
        .map_err(Error::doing("give a conversation back"))?;
        Ok(done.rows_affected() == 1)
    }

    pub async fn find(self, lead: LeadId) -> Result<Option<Chat>, Error> {
        let row = sqlx::query!(
            "select last_turn, answered_turn, answering_until, answering_from, held_by, language from chats where lead_id = $1 and tenant_id = $2",
            lead.uuid(),
            self.0.tenant.uuid()
        )
        .fetch_optional(&mut *self.0.inner)
        .await
        .map_err(Error::doing("find a conversation"))?;
        row.map(|row| {
            Ok(Chat {
                last_turn: row.last_turn.unsigned_abs(),
                answered_turn: row.answered_turn.unsigned_abs(),
                answering_until: row.answering_until,
                answering_from: row.answering_from,
                held_by: row.held_by,
                language: language(row.language.as_deref())?,
            })
        })
        .transpose()
    }

    /// One turn of a lead's conversation. `None`: nobody has said it there.
    pub async fn find_turn(self, lead: LeadId, id: TurnId) -> Result<Option<Turn>, Error> {
        sqlx::query_as!(
            TurnRow,
            "select id, number, said_by, name, channel, words, cards, said_at from turns
             where id = $1 and tenant_id = $2 and lead_id = $3",
            id.uuid(),
            self.0.tenant.uuid(),
            lead.uuid()
        )
        .fetch_optional(&mut *self.0.inner)
        .await
        .map_err(Error::doing("find a turn"))?
        .map(TurnRow::parse)
        .transpose()
    }

    /// The newest turns before one, the oldest first.
    pub async fn list_before(self, lead: LeadId, before: Option<u32>, most: u16) -> Result<Vec<Turn>, Error> {
        let before = before.and_then(|number| i32::try_from(number).ok()).unwrap_or(i32::MAX);
        let rows = sqlx::query_as!(
            TurnRow,
            "select id, number, said_by, name, channel, words, cards, said_at from turns
             where lead_id = $1 and tenant_id = $2 and number < $3 order by number desc limit $4",
            lead.uuid(),
            self.0.tenant.uuid(),
            before,
            i64::from(most)
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("read a conversation"))?;
        rows.into_iter().rev().map(TurnRow::parse).collect()
    }

    async fn insert(self, lead: LeadId, number: i32, turn: &NewTurn<'_>, now: DateTime<Utc>) -> Result<(), Error> {
        let cards = serde_json::to_value(turn.cards).map_err(|error| Error::corrupt("cards", error))?;
        let grounds = serde_json::to_value(turn.grounds).map_err(|error| Error::corrupt("grounds", error))?;
        sqlx::query!(
            "insert into turns (tenant_id, lead_id, number, id, said_by, name, channel, words, cards, grounds, worded_by, said_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            self.0.tenant.uuid(),
            lead.uuid(),
            number,
            turn.id.uuid(),
            turn.said_by.as_str(),
            turn.name,
            turn.channel.as_str(),
            turn.words,
            cards,
            grounds,
            turn.worded_by,
            now
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("keep a turn"))
    }
}
