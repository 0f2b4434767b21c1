//! One answer, as it comes.

use std::{collections::VecDeque, time::Duration};

use serde_json::Value;
use tokio::time::{Instant, timeout, timeout_at};

use crate::{Call, Failed, Usage, sse::Events};

/// What a model may take. A vendor that is slower is as good as away: somebody waits.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// Until the first byte of an answer.
    pub answer: Duration,
    /// Between two events.
    pub silence: Duration,
    /// Of a whole answer.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { answer: seconds(10), silence: seconds(20), total: seconds(60) }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// Some more of the text.
    Text(String),
    /// Only when the answer is whole.
    Call(Call),
    /// The last of all.
    End(Stop),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// It has said what it had to say.
    Done,
    /// It waits for what its calls find.
    Calls,
    /// It was cut short by the most tokens that it may say.
    Length,
}

/// A vendor's events, read. It asks nobody anything: the same events give the same pieces.
pub(crate) trait Decoder: Send {
    fn push(&mut self, data: &str, pieces: &mut VecDeque<Piece>) -> Result<(), Failed>;

    /// As far as it is known by now.
    fn usage(&self) -> Usage;

    /// Which of the vendor's models answers.
    fn served_by(&self) -> Option<&str>;

    /// What was said, as the vendor wants it back.
    fn content(&self) -> Vec<Value>;
}

/// An answer on its way.
pub struct Speaking {
    response: reqwest::Response,
    events: Events,
    decoder: Box<dyn Decoder>,
    pieces: VecDeque<Piece>,
    is_over: bool,
    timeouts: Timeouts,
    ends_at: Instant,
}

impl Speaking {
    pub(crate) fn new(response: reqwest::Response, decoder: Box<dyn Decoder>, timeouts: Timeouts) -> Self {
        let ends_at = Instant::now() + timeouts.total;
        let (events, pieces) = (Events::default(), VecDeque::new());
        Self { response, events, decoder, pieces, is_over: false, timeouts, ends_at }
    }

    /// The next piece. `None`: behind the last, which is an [`Piece::End`].
    pub async fn next(&mut self) -> Result<Option<Piece>, Failed> {
        loop {
            if let Some(piece) = self.pieces.pop_front() {
                self.is_over = matches!(piece, Piece::End(_));
                return Ok(Some(piece));
            }
            if self.is_over {
                return Ok(None);
            }
            self.read().await?;
        }
    }

    async fn read(&mut self) -> Result<(), Failed> {
        let Timeouts { silence, total, .. } = self.timeouts;
        let more = timeout_at(self.ends_at, timeout(silence, self.response.chunk())).await;
        let more = more.map_err(|_| Failed::TooLong(total))?.map_err(|_| Failed::Silent(silence))?;
        let Some(bytes) = more.map_err(|_| Failed::CutOff)? else { return Err(Failed::CutOff) };
        let mut data = Vec::new();
        let read = self.events.push(&bytes, |event| data.push(event));
        for event in data {
            self.decoder.push(&event, &mut self.pieces)?;
        }
        read.map_err(|_| Failed::NotReadable("an event that never ends".to_owned()))
    }

    /// What it has cost by now. Of an answer that failed, too.
    pub fn usage(&self) -> Usage {
        self.decoder.usage()
    }

    pub fn served_by(&self) -> Option<&str> {
        self.decoder.served_by()
    }

    /// What was said, as the vendor wants it back with what its calls found.
    pub fn content(&self) -> Vec<Value> {
        self.decoder.content()
    }
}
