//! A shop's places: offered to somebody, booked by somebody, or taken by the shop itself.
//!
//! That no bay is taken twice the table itself holds, whoever writes to it.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::{AppointmentId, LeadId, LocationId, Slot, Taken, TenantId};

use crate::{Error, Everywhere, Transaction, tenants::parse_zone};

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

/// An appointment that the CRM is to be told of.
#[derive(Debug, Clone)]
pub struct AppointmentToTell {
    pub lead: LeadId,
    pub slot: Slot,
    /// It is booked; otherwise it was, and was called off or moved.
    pub is_booked: bool,
    /// The CRM's id of it, once that is known.
    pub crm_id: Option<String>,
    /// The CRM may have it already.
    pub was_asked: bool,
    /// The CRM's id of the shop.
    pub crm_location_id: String,
    pub zone: Tz,
    /// Whose lead it is: a CRM's name, or `form`.
    pub crm: String,
    pub crm_order_id: String,
    pub crm_customer_id: Option<String>,
    pub service: String,
    pub vehicle: String,
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

    /// The shop's own appointments, as its CRM has those that begin between two instants. Whoever has locked the shop does this; each takes
    /// the first bay that is free then, or one beside those there are.
    pub async fn take_in(
        mut self,
        location: LocationId,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
        theirs: &[(String, Slot)],
    ) -> Result<(), Error> {
        let known = sqlx::query!(
            r#"select id, crm_id as "crm_id!", lower(during) as "starts_at!", upper(during) as "ends_at!", lead_id from appointments
               where location_id = $1 and tenant_id = $2 and state = 'booked' and crm_id is not null
                 and during && tstzrange($3, $4)"#,
            location.uuid(),
            self.0.tenant.uuid(),
            from,
            until
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("read what a shop had of its own"))?;
        for row in known.iter().filter(|row| row.lead_id.is_none() && row.starts_at >= from) {
            let is_there = |(id, slot): &(String, Slot)| {
                *id == row.crm_id && (slot.starts_at, slot.ends_at) == (row.starts_at, row.ends_at)
            };
            if !theirs.iter().any(is_there) {
                sqlx::query!(
                    "update appointments set state = 'ended', ended_because = 'gone' where id = $1 and tenant_id = $2",
                    row.id,
                    self.0.tenant.uuid()
                )
                .execute(&mut *self.0.inner)
                .await
                .map_err(Error::doing("end what a shop has no more"))?;
            }
        }
        for (crm_id, slot) in theirs {
            let is_known = known.iter().any(|row| {
                row.crm_id == *crm_id
                    && (row.lead_id.is_some() || (row.starts_at, row.ends_at) == (slot.starts_at, slot.ends_at))
            });
            if !is_known {
                self.take_in_one(location, crm_id, *slot).await?;
            }
        }
        Ok(())
    }

    async fn take_in_one(&mut self, location: LocationId, crm_id: &str, slot: Slot) -> Result<(), Error> {
        sqlx::query!(
            "insert into appointments (tenant_id, id, location_id, bay, during, state, crm_id)
             select $1, gen_random_uuid(), $2, bay, tstzrange($3, $4), 'booked', $5
             from generate_series(0, 99) as bay
             where not exists (
                 select from appointments a
                 where a.location_id = $2 and a.tenant_id = $1 and a.bay = bay.bay and a.state <> 'ended'
                   and a.during && tstzrange($3, $4))
             order by bay limit 1",
            self.0.tenant.uuid(),
            location.uuid(),
            slot.starts_at,
            slot.ends_at,
            crm_id
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("take in an appointment of a shop's own"))
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
            "update appointments set state = 'booked', held_until = null, booked_at = $5, crm_look_at = $4
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

    /// The time of an appointment, whatever became of it. `None`: there is no such one.
    pub async fn find_slot(self, id: AppointmentId) -> Result<Option<Slot>, Error> {
        let row = sqlx::query!(
            r#"select lower(during) as "starts_at!", upper(during) as "ends_at!" from appointments where id = $1 and tenant_id = $2"#,
            id.uuid(),
            self.0.tenant.uuid()
        )
        .fetch_optional(&mut *self.0.inner)
        .await
        .map_err(Error::doing("find an appointment"))?;
        Ok(row.map(|row| Slot { starts_at: row.starts_at, ends_at: row.ends_at }))
    }

    /// Whether an appointment stands.
    pub async fn is_booked(self, id: AppointmentId) -> Result<bool, Error> {
        sqlx::query_scalar!(
            r#"select exists (select from appointments where id = $1 and tenant_id = $2 and state = 'booked') as "yes!""#,
            id.uuid(),
            self.0.tenant.uuid()
        )
        .fetch_one(&mut *self.0.inner)
        .await
        .map_err(Error::doing("look whether an appointment stands"))
    }

    /// Somebody calls off what they have booked. `None`: they have no such appointment.
    pub async fn cancel(
        mut self,
        id: AppointmentId,
        lead: LeadId,
        wall: DateTime<Utc>,
    ) -> Result<Option<BookedSlot>, Error> {
        let theirs = self.list_booked_of(lead).await?.into_iter().find(|booked| booked.id == id);
        if theirs.is_some() {
            sqlx::query!(
                "update appointments set state = 'ended', ended_because = 'cancelled', crm_look_at = $4
                 where id = $1 and tenant_id = $2 and lead_id = $3 and state = 'booked'",
                id.uuid(),
                self.0.tenant.uuid(),
                lead.uuid(),
                wall
            )
            .execute(&mut *self.0.inner)
            .await
            .map_err(Error::doing("call off an appointment"))?;
        }
        Ok(theirs)
    }

    /// Somebody has booked another time, in the place of any before it. Answers what that was.
    pub async fn end_others(
        self,
        lead: LeadId,
        but: AppointmentId,
        wall: DateTime<Utc>,
    ) -> Result<Vec<AppointmentId>, Error> {
        let ended = sqlx::query_scalar!(
            "update appointments set state = 'ended', ended_because = 'moved', crm_look_at = $4
             where lead_id = $1 and tenant_id = $2 and id <> $3 and state = 'booked' returning id",
            lead.uuid(),
            self.0.tenant.uuid(),
            but.uuid(),
            wall
        )
        .fetch_all(&mut *self.0.inner)
        .await
        .map_err(Error::doing("end what was booked before"))?;
        Ok(ended.into_iter().map(AppointmentId::new).collect())
    }

    /// What somebody has booked and not called off, the earliest first.
    pub async fn list_booked(mut self, lead: LeadId) -> Result<Vec<BookedSlot>, Error> {
        self.list_booked_of(lead).await
    }

    /// Reads what the CRM is to be told, and keeps everybody else from it until this transaction ends. `None`: it knows, or whoever took it
    /// until `ours_until` has it no more, because somebody else took it since.
    pub async fn lock_to_tell(
        self,
        id: AppointmentId,
        ours_until: DateTime<Utc>,
    ) -> Result<Option<AppointmentToTell>, Error> {
        let row = sqlx::query!(
            r#"select a.lead_id as "lead_id!", lower(a.during) as "starts_at!", upper(a.during) as "ends_at!",
                      a.state = 'booked' as "is_booked!", a.crm_id, a.crm_asked_at is not null as "was_asked!",
                      s.crm_location_id, s.time_zone, l.crm as "crm!", l.crm_order_id as "crm_order_id!", l.crm_customer_id,
                      l.service as "service!", l.vehicle as "vehicle!"
               from appointments a
               cross join lateral (select * from leads where tenant_id = a.tenant_id and id = a.lead_id limit 1) l
               join locations s on s.tenant_id = a.tenant_id and s.id = a.location_id
               where a.id = $1 and a.tenant_id = $2 and a.crm_look_at <= $3 for update of a"#,
            id.uuid(),
            self.0.tenant.uuid(),
            ours_until
        )
        .fetch_optional(&mut *self.0.inner)
        .await
        .map_err(Error::doing("lock an appointment"))?;
        row.map(|row| {
            Ok(AppointmentToTell {
                lead: LeadId::new(row.lead_id),
                slot: Slot { starts_at: row.starts_at, ends_at: row.ends_at },
                is_booked: row.is_booked,
                crm_id: row.crm_id,
                was_asked: row.was_asked,
                crm_location_id: row.crm_location_id,
                zone: parse_zone(&row.time_zone)?,
                crm: row.crm,
                crm_order_id: row.crm_order_id,
                crm_customer_id: row.crm_customer_id,
                service: row.service,
                vehicle: row.vehicle,
            })
        })
        .transpose()
    }

    /// From now on the CRM may have it: whoever looks next asks for it first.
    pub async fn note_asked(self, id: AppointmentId, wall: DateTime<Utc>) -> Result<(), Error> {
        sqlx::query!(
            "update appointments set crm_asked_at = coalesce(crm_asked_at, $3) where id = $1 and tenant_id = $2",
            id.uuid(),
            self.0.tenant.uuid(),
            wall
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("note that the CRM is asked"))
    }

    /// The CRM did not take it; it is told again at `at`, by the wall's clock.
    pub async fn tell_again_at(self, id: AppointmentId, at: DateTime<Utc>) -> Result<(), Error> {
        sqlx::query!(
            "update appointments set crm_look_at = $3 where id = $1 and tenant_id = $2 and crm_look_at is not null",
            id.uuid(),
            self.0.tenant.uuid(),
            at
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("put off what the CRM is told"))
    }

    /// The CRM has it under this id, if any, and need not be told again of what it was when `is_booked` was read. What became of it
    /// since is looked at again, even if somebody has looked before the CRM had it.
    pub async fn set_told(
        self,
        id: AppointmentId,
        crm_id: Option<&str>,
        is_booked: bool,
        wall: DateTime<Utc>,
    ) -> Result<(), Error> {
        sqlx::query!(
            "update appointments
             set crm_id = coalesce($3, crm_id),
                 crm_look_at = case when (state = 'booked') = $4 then null else coalesce(crm_look_at, $5) end
             where id = $1 and tenant_id = $2",
            id.uuid(),
            self.0.tenant.uuid(),
            crm_id,
            is_booked,
            wall
        )
        .execute(&mut *self.0.inner)
        .await
        .map(drop)
        .map_err(Error::doing("note that the CRM knows"))
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

impl Everywhere<'_> {
    /// Appointments whose CRM is to be told, of all tenants. Nobody else takes them until `again_at`. By the wall's clock.
    pub async fn appointments_to_tell(
        &self,
        at: DateTime<Utc>,
        again_at: DateTime<Utc>,
        most: u16,
    ) -> Result<Vec<(TenantId, AppointmentId)>, Error> {
        let rows = sqlx::query!(
            r#"select tenant_id as "tenant_id!", id as "id!" from appointments_to_tell($1, $2, $3)"#,
            at,
            again_at,
            i32::from(most)
        )
        .fetch_all(&mut *self.0.lend().await?)
        .await
        .map_err(Error::doing("take appointments whose CRM is to be told"))?;
        Ok(rows.into_iter().map(|row| (TenantId::new(row.tenant_id), AppointmentId::new(row.id))).collect())
    }
}
