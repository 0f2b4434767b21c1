use std::time::Duration;

use service::config::Reader;
use stage::StageConfig;

#[derive(Debug, Clone)]
pub struct Config {
    pub stage: StageConfig,
    /// How often due rows are looked for when the last look found none.
    pub poll: Duration,
    /// Rows taken at once.
    pub batch: u16,
    /// When a released row that nobody has moved on comes up again, at the earliest: the longer it is overdue, the later,
    /// up to half an hour more. Wall time.
    pub lease: Duration,
}

impl Config {
    pub fn read(reader: &mut Reader) -> Self {
        let batch = reader.parse_or("schedule.batch", 256);
        if batch == 0 {
            reader.mistake("schedule.batch", "0 would release nothing; write for example 256");
        }
        Self {
            stage: StageConfig::read(reader, "schedule"),
            poll: reader.duration_or("schedule.poll", Duration::from_millis(250)),
            batch,
            lease: reader.duration_or("schedule.lease", Duration::from_secs(120)),
        }
    }
}
