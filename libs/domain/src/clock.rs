//! Time as an argument. Only [`Clock::system`] and [`Clock::virtual_from`] look at the machine's clock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};

/// Two times, kept apart on purpose.
///
/// *Business time* ([`Clock::now`]) is what customers live in: due times, legal windows, quiet hours. It can be moved and
/// sped up, so that thirty days of follow-up play in a minute. *Wall time* ([`Clock::wall`]) is the machine's: it judges
/// how fresh a signed webhook is and measures latency, and is never moved.
#[derive(Debug, Clone)]
pub struct Clock(Kind);

#[derive(Debug, Clone)]
enum Kind {
    System,
    Virtual {
        start: DateTime<Utc>,
        anchor: DateTime<Utc>,
        speed: f64,
    },
    /// Microseconds to add to the wall.
    Movable(Arc<AtomicI64>),
}

#[expect(clippy::disallowed_methods, reason = "the one place that asks the machine")]
fn wall() -> DateTime<Utc> {
    Utc::now()
}

impl Clock {
    pub fn system() -> Self {
        Self(Kind::System)
    }

    /// Whether time may run this many times as fast: a million is a lifetime within the hour, and its dates can still be written.
    pub fn takes(speed: f64) -> bool {
        speed > 0.0 && speed <= 1e6
    }

    /// Business time that read `start` when the wall read `anchor`, and runs `speed` times as fast since.
    /// Processes that are given the same three values agree on the time.
    pub fn virtual_from(start: DateTime<Utc>, anchor: DateTime<Utc>, speed: f64) -> Self {
        Self(Kind::Virtual { start, anchor, speed })
    }

    /// Business time that reads `at` now, runs as the wall does, and that [`Clock::set`] moves. For tests.
    pub fn movable(at: DateTime<Utc>) -> Self {
        let clock = Self(Kind::Movable(Arc::default()));
        clock.set(at);
        clock
    }

    /// Business time.
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            Kind::System => wall(),
            Kind::Virtual { start, anchor, speed } => *start + scale(wall() - *anchor, *speed),
            Kind::Movable(ahead) => wall() + TimeDelta::microseconds(ahead.load(Ordering::SeqCst)),
        }
    }

    /// The machine's time.
    pub fn wall(&self) -> DateTime<Utc> {
        wall()
    }

    /// The business time that will be read when `wall_time` has passed on the wall. For leases and retries, which guard
    /// against crashes and outages of the real world and must not shrink when business time runs fast.
    pub fn in_wall(&self, wall_time: Duration) -> DateTime<Utc> {
        let wall_time = TimeDelta::from_std(wall_time).unwrap_or(TimeDelta::MAX);
        let business_time = match &self.0 {
            Kind::Virtual { speed, .. } => scale(wall_time, *speed),
            Kind::System | Kind::Movable(_) => wall_time,
        };
        self.now().checked_add_signed(business_time).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// Moves a movable clock; any other is left alone.
    pub fn set(&self, at: DateTime<Utc>) {
        if let Kind::Movable(ahead) = &self.0 {
            ahead.store((at - wall()).num_microseconds().unwrap_or_default(), Ordering::SeqCst);
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "microseconds of a demo's clock")]
fn scale(elapsed: TimeDelta, speed: f64) -> TimeDelta {
    TimeDelta::microseconds((elapsed.num_microseconds().unwrap_or(i64::MAX / 2) as f64 * speed) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_that_no_calendar_has_ends_with_the_calendar() {
        assert_eq!(Clock::system().in_wall(Duration::MAX), DateTime::<Utc>::MAX_UTC);
    }

    #[test]
    fn a_lease_keeps_its_length_on_the_wall_when_business_time_runs_fast() {
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let fast = Clock::virtual_from(start, wall(), 43_200.0);
        let lease = fast.in_wall(Duration::from_secs(20)) - fast.now();
        assert!(
            (lease.num_seconds() - 864_000).abs() < 43_200,
            "twenty wall seconds are ten business days, not {lease}"
        );
    }
}
