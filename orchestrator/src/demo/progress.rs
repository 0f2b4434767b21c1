//! Leads moving through the stages, live in the terminal.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use sim::{Event, World};
use store::Store;

/// One bar for each stage, all against the number of webhooks played. Cheap to clone: all draw on the same lines.
#[derive(Clone)]
pub(super) struct Progress {
    all: MultiProgress,
    bars: [ProgressBar; 6],
}

const STAGES: [&str; 6] = ["webhooks in", "orders judged", "leads", "first touches", "texts and emails", "receipts in"];

impl Progress {
    /// Draws on a terminal alone; elsewhere, and for `--json`, it keeps quiet.
    pub(super) fn new(webhooks: u64, quiet: bool) -> Self {
        let all = MultiProgress::with_draw_target(if quiet {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        });
        let style = ProgressStyle::with_template("  {prefix:>18}  {bar:36.cyan/dim}  {pos:>5} {msg:.dim}")
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("━╸─");
        let bars = STAGES.map(|stage| {
            let bar = all.add(ProgressBar::new(webhooks).with_style(style.clone()));
            bar.set_prefix(stage);
            bar.tick();
            bar
        });
        Self { all, bars }
    }

    /// A line above the bars.
    pub(super) fn say(&self, line: &str) {
        if self.all.is_hidden() {
            eprintln!("{line}");
        } else {
            let _ = self.all.println(line);
        }
    }

    /// Looks at the journal and the database until it is told to stop.
    pub(super) async fn follow(&self, world: &World, store: &Store) {
        loop {
            // A database that is being restarted has nothing to show for a moment.
            let _ = self.look(world, store).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    pub(super) async fn look(&self, world: &World, store: &Store) -> Result<(), store::Error> {
        let [webhooks, judged, leads, touches, sent, receipts] = &self.bars;
        let journal = &world.journal;
        let set = |bar: &ProgressBar, count: usize| {
            let count = count as u64;
            if bar.length().is_some_and(|length| length < count) {
                bar.set_length(count);
            }
            bar.set_position(count);
        };
        set(webhooks, journal.count(|event| matches!(event, Event::WebhookAnswered { .. })));
        set(
            sent,
            journal.count(|event| matches!(event, Event::Text { .. } | Event::Whatsapp { .. } | Event::Email { .. })),
        );
        set(receipts, journal.count(|event| matches!(event, Event::CallbackAnswered { status: 200..300, .. })));
        let by_status = store.everywhere().count_leads_by_status().await?;
        let not_leads: i64 = store.everywhere().count_judgements_by_reason().await?.iter().map(|(_, n)| n).sum();
        let all_leads: i64 = by_status.iter().map(|(_, n)| n).sum();
        let written_to: i64 = by_status.iter().filter(|(status, _)| status != "new").map(|(_, n)| n).sum();
        set(judged, usize::try_from(all_leads + not_leads).unwrap_or_default());
        set(leads, usize::try_from(all_leads).unwrap_or_default());
        set(touches, usize::try_from(written_to).unwrap_or_default());
        let words: Vec<_> = by_status.iter().map(|(status, n)| format!("{n} {}", in_words(status))).collect();
        leads.set_message(words.join(", "));
        Ok(())
    }
}

/// A lead that never answered is not one that we lost.
fn in_words(status: &str) -> String {
    if status == "lost" { "given up".to_owned() } else { status.replace('_', " ") }
}
