//! The conversation: what we add to a model's first words, what an open page costs, how fast one comes back, how fast it reads back.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use domain::{ChatChannel, ChosenModel, LeadId, ModelVendor, SaidBy, TurnId};
use futures::{StreamExt as _, future::join_all, stream};
use orchestrator::demo::{LOCATIONS, Site, report};
use reqwest::{Client, Response, header};
use serde_json::{Value, json};
use sim::play::Script;
use store::NewTurn;

use crate::{
    figures::{Figures, percentile},
    pipeline::Pipeline,
};

const LEADS: usize = 500;
const STREAMS_EACH: usize = 10;
const FIRST_WORDS: usize = 300;
const TURNS: usize = 1_000;
const HELLO: &str = "Hello there, who is this?";
const LONGEST: Duration = Duration::from_secs(120);

/// Somebody with a page open.
struct Page {
    lead: LeadId,
    cookie: String,
}

struct Pages {
    http: Client,
    url: String,
}

impl Pages {
    async fn open(&self, site: &Site, lead: LeadId) -> anyhow::Result<Page> {
        let mut tx = site.store.begin(site.franchise.tenant).await?;
        let token = tx.links().of_lead(lead, site.clock.now()).await?;
        tx.commit().await?;
        let body = json!({ "link": token.as_str() });
        let opened = self.http.post(format!("{}/api/chat/open", self.url)).json(&body).send().await?;
        let cookie = opened.headers().get(header::SET_COOKIE).context("no session")?.to_str()?;
        Ok(Page { lead, cookie: cookie.split(';').next().unwrap_or_default().to_owned() })
    }

    async fn get(&self, page: &Page, path: &str) -> anyhow::Result<Response> {
        let url = format!("{}/api/chat/{}/{path}", self.url, page.lead);
        Ok(self.http.get(url).header(header::COOKIE, &page.cookie).send().await?.error_for_status()?)
    }

    async fn say(&self, page: &Page, id: &str) -> anyhow::Result<()> {
        let url = format!("{}/api/chat/{}/message", self.url, page.lead);
        let request =
            self.http.post(url).header(header::COOKIE, &page.cookie).json(&json!({ "id": id, "words": HELLO }));
        request.send().await?.error_for_status()?;
        Ok(())
    }
}

/// Reads on until something stands in the stream. Answers how many bytes came.
async fn read_until(stream: &mut Response, sign: &str) -> anyhow::Result<usize> {
    let mut text = String::new();
    while !text.contains(sign) {
        let more = tokio::time::timeout(LONGEST, stream.chunk()).await.context("a stream says nothing")??;
        text.push_str(&String::from_utf8_lossy(&more.context("a stream has ended")?));
    }
    Ok(text.len())
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1_000.0
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

pub(crate) async fn measure(figures: &mut Figures) -> anyhow::Result<()> {
    let settings = [("notify.safe_mode", "off"), ("chat.per_address", "1000000"), ("chat.per_lead", "1000000")];
    let (site, _folder) = crate::site(&settings).await?;
    choose_model(&site).await?;
    let pipeline = Pipeline::start(&site).await?;
    let script = Script {
        webhooks: LEADS,
        locations: LOCATIONS.iter().map(|location| location.0.to_owned()).collect(),
        rude: false,
        first: 0,
        name: "chats".to_owned(),
    };
    let scenes = script.scenes();
    site.sim.world.play_all(&scenes, 200.0).await;
    let mut touched = report(&site, &scenes).await?;
    for _ in 0..60 {
        if touched.lost.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        touched = report(&site, &scenes).await?;
    }
    let orders = scenes.iter().map(|scene| scene.quote.order_id.as_str());
    let leads: Vec<LeadId> = orders.map(|order| LeadId::of_order(site.franchise.tenant, "shopmonkey", order)).collect();
    let pages = Pages { http: Client::builder().pool_max_idle_per_host(64).build()?, url: site.public_url.clone() };
    let mut open = Vec::new();
    for lead in leads {
        open.push(pages.open(&site, lead).await?);
    }
    first_words(figures, &site, &pages, &open).await?;
    many_streams(figures, &site, &pages, &open, &pipeline).await?;
    coming_back(figures, &pages, &open).await?;
    reading_back(figures, &site, &pages, &open[0]).await
}

async fn choose_model(site: &Site) -> anyhow::Result<()> {
    let mut tx = site.store.begin(site.franchise.tenant).await?;
    let mut settings = tx.tenants().settings().await?;
    settings.assistant = Some(ChosenModel { vendor: ModelVendor::Anthropic, model: "claude-haiku-5-5".to_owned() });
    tx.tenants().save(&site.franchise.slug, "Sample Tint", &settings, site.clock.now()).await?;
    let credentials =
        model::Credentials { base_url: site.sim.url.clone(), api_key: sim::anthropic::API_KEY.to_owned() };
    tx.tenants().save_credentials(model::ANTHROPIC, &credentials).await?;
    Ok(tx.commit().await?)
}

/// One conversation after the other, four at a time.
async fn first_words(figures: &mut Figures, site: &Site, pages: &Pages, open: &[Page]) -> anyhow::Result<()> {
    let mut own = Vec::new();
    for _ in 0..50 {
        let said = json!([{ "role": "user", "content": [{ "type": "text", "text": HELLO }] }]);
        let prompt = json!({ "model": "claude-haiku-5-5", "max_tokens": 100, "stream": true, "messages": said });
        let started = Instant::now();
        let request = pages.http.post(format!("{}/v1/messages", site.sim.url)).json(&prompt);
        let request = request.header("x-api-key", sim::anthropic::API_KEY).header("anthropic-version", "2026-10-21");
        read_until(&mut request.send().await?.error_for_status()?, "message_stop").await?;
        own.push(milliseconds(started));
    }
    let own = percentile(&sorted(own), 50);
    let ours = stream::iter(open.iter().take(FIRST_WORDS)).map(async |page| {
        let mut stream = pages.get(page, "stream").await?;
        read_until(&mut stream, "connected").await?;
        let started = Instant::now();
        let (said, heard) = tokio::join!(pages.say(page, "bench-1"), read_until(&mut stream, "text-delta"));
        said?;
        heard?;
        Ok::<_, anyhow::Error>(milliseconds(started) - own)
    });
    let added: Vec<anyhow::Result<f64>> = ours.buffer_unordered(4).collect().await;
    let added = sorted(added.into_iter().collect::<anyhow::Result<_>>()?);
    figures.below("added to a model's first words, p50", percentile(&added, 50), "ms", 10.0);
    figures.below("added to a model's first words, p99", percentile(&added, 99), "ms", 50.0);
    Ok(())
}

/// Each conversation open on several pages, and each answered at the same time.
async fn many_streams(
    figures: &mut Figures,
    site: &Site,
    pages: &Pages,
    open: &[Page],
    pipeline: &Pipeline,
) -> anyhow::Result<()> {
    let before = pipeline.memory_mb();
    let mut streams = Vec::new();
    for page in open {
        let before = history(pages, page, "").await?;
        let from = before["as_of"].as_str().unwrap_or_default().to_owned();
        for _ in 0..STREAMS_EACH {
            let mut stream = pages.get(page, &format!("stream?last_event_id={from}")).await?;
            read_until(&mut stream, "connected").await?;
            streams.push(stream);
        }
    }
    site.sim.world.anthropic.speak_slowly(Duration::from_millis(300));
    let mut most = pipeline.memory_mb();
    let started = Instant::now();
    let heard = join_all(streams.iter_mut().map(|stream| read_until(stream, "\"finish\"")));
    let said = async {
        for page in open {
            pages.say(page, "bench-2").await?;
        }
        Ok::<_, anyhow::Error>(milliseconds(started))
    };
    let (heard, said) = tokio::select! {
        both = async { tokio::join!(heard, said) } => both,
        () = async {
            loop {
                most = most.max(pipeline.memory_mb());
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        } => unreachable!("it looks for ever"),
    };
    said?;
    let whole = heard.into_iter().flatten().count();
    site.sim.world.anthropic.speak_slowly(Duration::ZERO);
    let count = f64::from(u32::try_from(streams.len())?);
    figures.at_least("streams that heard their whole answer", f64::from(u32::try_from(whole)?), "", count, 1.0);
    figures.below("  memory of each, 500 answers in progress", (most - before) * 1_024.0 / count, "KB", 40.0);
    Ok(())
}

async fn history(pages: &Pages, page: &Page, query: &str) -> anyhow::Result<Value> {
    Ok(pages.get(page, &format!("history{query}")).await?.json().await?)
}

/// A page that was away reads what it has missed.
async fn coming_back(figures: &mut Figures, pages: &Pages, open: &[Page]) -> anyhow::Result<()> {
    let mut took = Vec::new();
    for page in open.iter().take(200) {
        let started = Instant::now();
        let mut stream = pages.get(page, "stream?last_event_id=0-0").await?;
        read_until(&mut stream, "finish").await?;
        took.push(milliseconds(started));
    }
    figures.below("a page that comes back has what it missed, p99", percentile(&sorted(took), 99), "ms", 100.0);
    Ok(())
}

async fn reading_back(figures: &mut Figures, site: &Site, pages: &Pages, page: &Page) -> anyhow::Result<()> {
    let mut tx = site.store.begin(site.franchise.tenant).await?;
    for number in 0..TURNS {
        let turn = NewTurn {
            id: TurnId::of_customer(page.lead, &format!("long-{number}")),
            said_by: SaidBy::Customer,
            name: None,
            channel: ChatChannel::Web,
            words: "What would it cost to have all of the windows of a sedan tinted, and how long would that take?",
            cards: &[],
            grounds: &[],
            worded_by: None,
        };
        tx.chats().add(page.lead, &turn, None, site.clock.now()).await?;
    }
    tx.commit().await?;
    let (mut took, mut turns) = (Vec::new(), 0);
    for _ in 0..20 {
        let mut before = Value::Null;
        loop {
            let query = if before.is_null() { "?most=100".to_owned() } else { format!("?most=100&before={before}") };
            let started = Instant::now();
            let read = history(pages, page, &query).await?;
            took.push(milliseconds(started));
            turns += read["turns"].as_array().map_or(0, Vec::len);
            before = read["before"].clone();
            if before.is_null() {
                break;
            }
        }
    }
    anyhow::ensure!(turns >= 20 * TURNS, "{turns} turns were read back, which is not all");
    figures.below("a hundred of a thousand turns read back, p99", percentile(&sorted(took), 99), "ms", 10.0);
    Ok(())
}
