//! A shop's places: offered to somebody, booked by somebody, or taken by the shop itself.
//!
//! That no bay is taken twice the table itself holds, whoever writes to it.

use chrono::{DateTime, Utc};
use domain::{AppointmentId, LeadId, LocationId, Slot, Taken};

use crate::{Error, Transaction};

/// A place that is kept for somebody while they think about it.
#[derive(Debug, Clone, Copy)]
pub struct NewHold<'a> {
    pub id: AppointmentId,
    pub lead: LeadId,
    pub location: LocationId,
    pub bay: u16,
    pub slot: Slot,
    /// What the shop is to do, by the CRM's id of it.
    pub service: Option<&'a str>,
    /// By the wall's clock.
    pub held_until: DateTime<Utc>,
}

/// What a customer has booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookedSlot {
    pub id: AppointmentId,
    pub location: LocationId,
    pub slot: Slot,
    pub service: Option<String>,
    pub booked_at: DateTime<Utc>,
}

/// Whether somebody has the time that they chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Booking {
    /// From now on, or since they pressed before.
    Booked { appointment: BookedSlot, is_new: bool },
    /// It was not kept for them any more, or never.
    Gone,
}

#[derive(Debug)]
pub struct Appointments<'t>(pub(crate) &'t mut Transaction);

impl Appointments<'_> {
    /// Keeps everybody else from taking places in a shop until this transaction ends, and gives up what nobody keeps any more.
    pub async fn lock_shop(self, location: LocationId, wall: DateTime<Utc>) -> Result<(), Error> {
        sqlx::query!("select pg_advisory_xact_lock(hashtextextended($1::uuid::text, 5))", location.uuid())
            .execute(&mut *self.0.inner)
            .await
            .map_err(Error::doing("wait for a shop's places"))?;
        sqlx::query!(
            "update appointments set state = 'ended', ended_because = 'expired', held_until = null
             where location_id = $1 and tenant_id = $2 and state = 'held' and held_until <= $3",
            location.uuid(),
            self.0.tenant.uuid(),
            wall
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("give up places that nobody keeps"))
    }

    /// How many cars a shop can have at once.
    pub async fn count_bays(self, location: LocationId) -> Result<u16, Error> {
        let bays = sqlx::query_scalar!(
            "select bays from locations where tenant_id = $1 and id = $2",
            self.0.tenant.uuid(),
            location.uuid()
        )
        .fetch_optional(&mut *self.0.inner)
        .await
        .map_err(Error::doing("count a shop's bays"))?;
        Ok(bays.map_or(0, i16::unsigned_abs))
    }

    /// What is taken in a shop at some time between two.
    pub async fn list_taken(
        self,
        location: LocationId,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<Taken>, Error> {
        let rows = sqlx::query!(
            r#"select bay, lower(during) as "starts_at!", upper(during) as "ends_at!" from appointments
               where location_id = $1 and tenant_id = $2 and state <> 'ended' and during && tstzrange($3, $4)
               order by during, bay"#,
            location.uuid(),
            self.0.tenant.uuid(),
            from,
            until
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("list what is taken in a shop"))?;
        let taken = rows.into_iter().map(|row| Taken {
            bay: row.bay.unsigned_abs(),
            during: Slot { starts_at: row.starts_at, ends_at: row.ends_at },
        });
        Ok(taken.collect())
    }

    /// Keeps a place for somebody. Answers false if somebody else has it.
    pub async fn hold(self, hold: &NewHold<'_>) -> Result<bool, Error> {
        let held = sqlx::query!(
            "insert into appointments (tenant_id, id, location_id, bay, during, state, lead_id, service, held_until)
             values ($1, $2, $3, $4, tstzrange($5, $6), 'held', $7, $8, $9)
             on conflict do nothing",
            self.0.tenant.uuid(),
            hold.id.uuid(),
            hold.location.uuid(),
            i16::try_from(hold.bay).unwrap_or(i16::MAX),
            hold.slot.starts_at,
            hold.slot.ends_at,
            hold.lead.uuid(),
            hold.service,
            hold.held_until
        )
        .execute(&mut *self.0.inner)
        .await
        .map_err(Error::doing("hold a place"))?;
        Ok(held.rows_affected() == 1)
    }

    /// Nothing is kept for somebody any more: they were offered other times, or have booked.
    pub async fn release_holds(self, lead: LeadId) -> Result<(), Error> {
        sqlx::query!(
            "update appointments set state = 'ended', ended_because = 'released', held_until = null
             where lead_id = $1 and tenant_id = $2 and state = 'held'",
            lead.uuid(),
            self.0.tenant.uuid()
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("release places"))
    }

    /// Books what was kept for somebody, once, however often they press.
    /// `wall`: by which it is still kept. `now`: business time.
    pub async fn book(
        mut self,
        id: AppointmentId,
        lead: LeadId,
        wall: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Booking, Error> {
        let booked = sqlx::query!(
            "update appointments set state = 'booked', held_until = null, booked_at = $5
             where id = $1 and tenant_id = $2 and lead_id = $3 and state = 'held' and held_until > $4",
            id.uuid(),
            self.0.tenant.uuid(),
            lead.uuid(),
            wall,
            now
        )
        .execute(&mut *self.0.inner)
        .await
        .map_err(Error::doing("book a place"))?;
        let is_new = booked.rows_affected() == 1;
        let theirs = self.list_booked_of(lead).await?.into_iter().find(|booked| booked.id == id);
        Ok(theirs.map_or(Booking::Gone, |appointment| Booking::Booked { appointment, is_new }))
    }

    /// Somebody calls off what they have booked. `None`: they have no such appointment.
    pub async fn cancel(mut self, id: AppointmentId, lead: LeadId) -> Result<Option<BookedSlot>, Error> {
        let theirs = self.list_booked_of(lead).await?.into_iter().find(|booked| booked.id == id);
        if theirs.is_some() {
            sqlx::query!(
                "update appointments set state = 'ended', ended_because = 'cancelled'
                 where id = $1 and tenant_id = $2 and lead_id = $3 and state = 'booked'",
                id.uuid(),
                self.0.tenant.uuid(),
                lead.uuid()
            )
            .execute(&mut *self.0.inner)
            .await
            .map_err(Error::doing("call off an appointment"))?;
        }
        Ok(theirs)
    }

    /// Somebody has booked another time, in the place of any before it.
    pub async fn end_others(self, lead: LeadId, but: AppointmentId) -> Result<(), Error> {
        sqlx::query!(
            "update appointments set state = 'ended', ended_because = 'moved'
             where lead_id = $1 and tenant_id = $2 and id <> $3 and state = 'booked'",
            lead.uuid(),
            self.0.tenant.uuid(),
            but.uuid()
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("end what was booked before"))
    }

    /// What somebody has booked and not called off, the earliest first.
    pub async fn list_booked(mut self, lead: LeadId) -> Result<Vec<BookedSlot>, Error> {
        self.list_booked_of(lead).await
    }

    async fn list_booked_of(&mut self, lead: LeadId) -> Result<Vec<BookedSlot>, Error> {
        let rows = sqlx::query!(
            r#"select id, location_id, lower(during) as "starts_at!", upper(during) as "ends_at!", service,
                      booked_at as "booked_at!"
               from appointments
               where lead_id = $1 and tenant_id = $2 and state = 'booked' order by during"#,
            lead.uuid(),
            self.0.tenant.uuid()
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("list what somebody has booked"))?;
        let booked = rows.into_iter().map(|row| BookedSlot {
            id: AppointmentId::new(row.id),
            location: LocationId::new(row.location_id),
            slot: Slot { starts_at: row.starts_at, ends_at: row.ends_at },
            service: row.service,
            booked_at: row.booked_at,
        });
        Ok(booked.collect())
    }
}
