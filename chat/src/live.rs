//! An answer on its way to whoever reads it: part by part into the conversation's live log, by one writer at a time.

use std::time::Duration;

use domain::{Card, TurnId};
use events::{LivePart, Reset, Stream};
use stage::{AppendError, Behind, Context, Entry, Failure, Position};
use tracing::warn;

use crate::offer::ForWhom;

const PATIENCE: Duration = Duration::from_secs(2);
/// Others write there seldom: a second page of the customer's, one of the staff.
const MOST_TRIES: u32 = 8;

/// Why an answer goes no further.
#[derive(Debug)]
pub(crate) enum Lost {
    /// Somebody else answers by now, or nobody is to: whatever else this one has to say is nobody's.
    Overtaken,
    Failed(Failure),
}

impl From<Failure> for Lost {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// As pages write it.
pub(crate) fn written(position: Option<Position>) -> String {
    let Position { sequence, written_ms } = position.unwrap_or(Position { sequence: 0, written_ms: 0 });
    format!("{sequence}-{written_ms}")
}

/// As [`written`] writes it.
pub(crate) fn read_position(text: &str) -> Option<Position> {
    let (sequence, written_ms) = text.trim().split_once('-')?;
    Some(Position { sequence: sequence.parse().ok()?, written_ms: written_ms.parse().ok()? })
}

/// Where the live log ends. One that cannot be read keeps nobody from being answered.
pub(crate) async fn newest(cx: &Context, subject: &str) -> Option<Position> {
    match cx.bus().newest(Stream::ChatLive, subject).await {
        Ok(newest) => newest.map(|entry| entry.position),
        Err(error) => {
            warn!(error = error.to_string(), "the live log cannot be read; the answer is written without looking");
            None
        }
    }
}

/// Writes one answer.
pub(crate) struct LiveAnswer<'c> {
    cx: &'c Context,
    whom: ForWhom,
    lease: Duration,
    /// The newest entry, as far as this one knows.
    after: u64,
    parts: u32,
    texts: u32,
    /// The text that grows just now.
    open: Option<String>,
    /// The log takes nothing: the answer is whole in the end, and is not seen growing.
    is_mute: bool,
}

impl<'c> LiveAnswer<'c> {
    /// Begins, and takes back what somebody wrote who began before and did not finish. In this order: behind our first entry they can write
    /// nothing more, so what is looked through is all of it.
    pub(crate) async fn begin(cx: &'c Context, whom: ForWhom, lease: Duration, from: Position) -> Result<Self, Lost> {
        let subject = LivePart::subject(whom.tenant, whom.lead);
        let newest = newest(cx, &subject).await;
        let mut live = Self {
            cx,
            whom,
            lease,
            after: newest.map_or(0, |position| position.sequence),
            parts: 0,
            texts: 0,
            open: None,
            is_mute: false,
        };
        live.write(&LivePart::Start { message_id: whom.answer }).await?;
        if live.has_begun_before(&subject, from).await {
            live.write(&LivePart::DataReset { data: Reset {} }).await?;
        }
        Ok(live)
    }

    /// Whether somebody else has begun since. Where that cannot be read, it is taken for so: forgetting nothing does no harm.
    async fn has_begun_before(&self, subject: &str, from: Position) -> bool {
        let Ok(Behind::Entries(entries)) = self.cx.bus().entries_behind(Stream::ChatLive, subject, from).await else {
            return true;
        };
        let is_start = |entry: &&Entry| matches!(serde_json::from_slice(&entry.payload), Ok(LivePart::Start { .. }));
        entries.iter().filter(is_start).any(|entry| entry.position.sequence < self.after)
    }

    /// Some more of the text, which begins with it.
    pub(crate) async fn more(&mut self, words: &str) -> Result<(), Lost> {
        let id = if let Some(id) = &self.open {
            id.clone()
        } else {
            self.texts += 1;
            let id = format!("{}-{}", self.whom.fence.0, self.texts);
            self.write(&LivePart::TextStart { id: id.clone() }).await?;
            self.open.insert(id).clone()
        };
        self.write(&LivePart::TextDelta { id, delta: words.to_owned() }).await
    }

    pub(crate) async fn end_text(&mut self) -> Result<(), Lost> {
        match self.open.take() {
            Some(id) => self.write(&LivePart::TextEnd { id }).await,
            None => Ok(()),
        }
    }

    /// Takes back what was said, and begins anew: somebody else words it.
    pub(crate) async fn begin_anew(&mut self) -> Result<(), Lost> {
        self.open = None;
        self.write(&LivePart::Start { message_id: self.whom.answer }).await?;
        self.write(&LivePart::DataReset { data: Reset {} }).await
    }

    pub(crate) async fn card(&mut self, card: &Card) -> Result<(), Lost> {
        self.write(&LivePart::DataCard { data: card.clone() }).await
    }

    pub(crate) async fn write(&mut self, part: &LivePart) -> Result<(), Lost> {
        if self.is_mute {
            return Ok(());
        }
        self.parts += 1;
        let ForWhom { tenant, lead, answer, fence } = self.whom;
        let out = part.pack(tenant, lead, &format!("{answer}:{}:{}", fence.0, self.parts));
        for _ in 0..MOST_TRIES {
            match self.cx.bus().append(&out, self.after, PATIENCE).await {
                Ok(position) => {
                    self.after = position;
                    return Ok(());
                }
                // Whoever takes over draws a number before it writes.
                Err(AppendError::Overtaken) => {
                    go_on(self.cx, self.whom, self.lease).await?;
                    let newest = newest(self.cx, &out.subject).await;
                    self.after = newest.map_or(0, |position| position.sequence);
                }
                Err(error) => {
                    warn!(
                        error = service::telemetry::causes(&error),
                        "the live log takes nothing; the answer is not seen growing"
                    );
                    break;
                }
            }
        }
        self.is_mute = true;
        Ok(())
    }
}

/// Says that this one still answers.
pub(crate) async fn go_on(cx: &Context, whom: ForWhom, lease: Duration) -> Result<(), Lost> {
    let until = cx.clock().wall() + lease;
    let mut tx = cx.begin(whom.tenant).await?;
    let is_ours = tx.chats().go_on(whom.lead, whom.fence, until).await.map_err(Failure::from)?;
    tx.commit().await.map_err(Failure::from)?;
    if is_ours { Ok(()) } else { Err(Lost::Overtaken) }
}

/// Says so again and again, for as long as it is so.
pub(crate) async fn go_on_until_overtaken(cx: &Context, whom: ForWhom, lease: Duration) -> Lost {
    loop {
        tokio::time::sleep(lease / 3).await;
        // With the database away nobody else can take over either.
        if let Err(Lost::Overtaken) = go_on(cx, whom, lease).await {
            return Lost::Overtaken;
        }
    }
}

/// The answer is over, and is read where all turns are. Said under one name, so that whoever finds it done may say it again.
pub(crate) async fn finish(
    cx: &Context,
    whom: (domain::TenantId, domain::LeadId),
    answer: TurnId,
) -> Result<(), Failure> {
    cx.publish(&LivePart::Finish { message_id: answer }.pack(whom.0, whom.1, &format!("{answer}:finish"))).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read_as_they_are_written() {
        let position = Position { sequence: 42, written_ms: 1_795_377_924_123 };
        assert_eq!(read_position(&written(Some(position))), Some(position));
        assert_eq!(read_position(&written(None)), Some(Position { sequence: 0, written_ms: 0 }));
        for text in ["", "42", "a-b", "-1-2", "42-"] {
            assert_eq!(read_position(text), None, "{text}");
        }
    }
}
