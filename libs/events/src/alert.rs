//! Facts about what the staff is told.

use domain::{AlertId, TenantId};
use serde::{Deserialize, Serialize};

use crate::{Event, Stream};

/// Somebody of the staff should hear of a lead now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertRaised {
    pub tenant: TenantId,
    pub alert: AlertId,
    /// How often it was tried before; one that is tried again is a new fact.
    pub attempts: u32,
}

impl Event for AlertRaised {
    const NAME: &'static str = "alert.raised";
    const VERSION: u32 = 1;
    const STREAM: Stream = Stream::Messages;

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn key(&self) -> String {
        format!("{}:{}", self.alert, self.attempts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Decode, Raw};

    #[test]
    fn version_1_of_raised_is_read_for_ever() {
        let payload = include_str!("../fixtures/alert.raised.v1.json").into();
        let event = AlertRaised::decode(&Raw { subject: "", headers: &[], payload: &payload }).unwrap();
        assert_eq!(event.attempts, 2);
    }
}
