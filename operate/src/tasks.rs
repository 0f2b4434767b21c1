//! What is left for a person to do, and what a person did.

use chrono::{DateTime, Utc};
use domain::{LeadId, StopReason, TaskId};
use store::{NewTask, TaskLine};
use uuid::Uuid;

use crate::{Desk, Error};

const MOST_TASKS: u16 = 500;
const LONGEST_TITLE_BYTES: usize = 500;

/// Those of a tenant that are not done, the most urgent first.
pub async fn list_tasks(desk: &Desk, slug: &str) -> Result<Vec<TaskLine>, Error> {
    let mut tx = desk.store.begin(desk.find(slug).await?).await?;
    Ok(tx.tasks().list_open(MOST_TASKS).await?)
}

/// Leaves something about a lead for a person to do.
pub async fn add_task(
    desk: &Desk,
    slug: &str,
    lead: LeadId,
    title: &str,
    due_at: DateTime<Utc>,
    assignee: Option<&str>,
    by: &str,
) -> Result<TaskId, Error> {
    let title = title.trim();
    if title.is_empty() || title.len() > LONGEST_TITLE_BYTES || title.contains(['\n', '\r', '\0']) {
        return Err(Error::Title);
    }
    let mut tx = desk.store.begin(desk.find(slug).await?).await?;
    tx.leads().lookup(lead).await?.ok_or(Error::NoSuchLead(lead))?;
    let id = TaskId::new(Uuid::new_v4());
    let task = NewTask { id, lead, title, due_at, assignee, created_by: by };
    tx.tasks().add(&task, desk.clock.now()).await?;
    tx.commit().await?;
    Ok(id)
}

/// It is done. Where it was to answer what they wrote, they have their answer, and nobody is alerted any more.
pub async fn complete_task(desk: &Desk, slug: &str, id: TaskId, by: &str) -> Result<(), Error> {
    let mut tx = desk.store.begin(desk.find(slug).await?).await?;
    let (lead, is_an_answer) = tx.tasks().complete(id, by, desk.clock.now()).await?.ok_or(Error::NoSuchTask(id))?;
    if is_an_answer {
        tx.leads().stop(lead, StopReason::TakenOver, desk.clock.now()).await?;
        tx.slas().set_responder(lead, by).await?;
    }
    Ok(tx.commit().await?)
}

/// Somebody else does it.
pub async fn assign_task(desk: &Desk, slug: &str, id: TaskId, to: &str) -> Result<(), Error> {
    let mut tx = desk.store.begin(desk.find(slug).await?).await?;
    if !tx.tasks().assign(id, to, desk.clock.now()).await? {
        return Err(Error::NoSuchTask(id));
    }
    Ok(tx.commit().await?)
}

/// A person has talked to the customer, or writes to them from now on: the follow-up ends and the clock stops.
pub async fn answer(desk: &Desk, slug: &str, lead: LeadId, how: Answered, by: &str) -> Result<(), Error> {
    let mut tx = desk.store.begin(desk.find(slug).await?).await?;
    tx.leads().lookup(lead).await?.ok_or(Error::NoSuchLead(lead))?;
    let reason = match how {
        Answered::Called => StopReason::Called,
        Answered::TakenOver => StopReason::TakenOver,
    };
    tx.leads().stop(lead, reason, desk.clock.now()).await?;
    tx.slas().set_responder(lead, by).await?;
    Ok(tx.commit().await?)
}

/// What a person did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    Called,
    TakenOver,
}
