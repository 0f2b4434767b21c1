//! When somebody may be written to: the law where they may be, the shop's hours, the tenant's own rules, and how much they have had.
//!
//! One question, [`Rules::decide`], is asked by whoever sends, by whoever plans, and by the time machine that shows a plan before it
//! happens. Its answer names the rule that moved or stopped a message.

mod area_code;
mod because;
mod decide;
mod holiday;
mod hours;
mod law;
mod pause;
mod sender;
mod state;
mod whereabouts;
mod window;

pub use area_code::Area;
pub use because::{Because, Moved};
pub use decide::{Departure, InShopHours, OwnRules, Rules, Sending, ShopCalendar};
pub use holiday::federal_holiday;
pub use hours::{HoursError, WeekHours};
pub use law::{Certainty, Law, StateLaw};
pub use pause::{Pause, PauseScope, after_pauses};
pub use sender::{DailySegments, Rate, RateError, SenderLimits, TextSender, TextSenderError};
pub use state::State;
pub use whereabouts::Whereabouts;
pub(crate) use window::instant;
pub use window::{LegalWindow, WindowError};
