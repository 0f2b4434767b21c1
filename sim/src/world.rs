use std::{sync::Arc, time::Duration};

use axum::Router;
use domain::Clock;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    Journal,
    anthropic::Anthropic,
    connection::{Cut, CuttableListener},
    control,
    faults::Faults,
    page,
    sendgrid::Sendgrid,
    shopmonkey::Shopmonkey,
    slack::Slack,
    tekmetric::Tekmetric,
    telegram::Telegram,
    twilio::Twilio,
    whatsapp::Whatsapp,
};

#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to listen; port 0: any free one.
    pub listen: String,
    /// Business time, for the dates of rows.
    pub clock: Clock,
    /// How long a receipt takes.
    pub receipt_delay: Duration,
    /// How long a text that was taken stays out of Twilio's list.
    pub list_lag: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:0".into(),
            clock: Clock::system(),
            receipt_delay: Duration::from_millis(30),
            list_lag: Duration::ZERO,
        }
    }
}

/// All vendors, in one process, at one address. Dropped, they are gone.
pub struct Sim {
    pub url: String,
    pub world: Arc<World>,
    server: JoinHandle<()>,
}

pub struct World {
    pub settings: Settings,
    pub journal: Journal,
    pub faults: Faults,
    pub shopmonkey: Shopmonkey,
    pub tekmetric: Tekmetric,
    pub twilio: Twilio,
    pub anthropic: Anthropic,
    pub sendgrid: Sendgrid,
    pub slack: Slack,
    pub telegram: Telegram,
    pub whatsapp: Whatsapp,
    pub(crate) http: reqwest::Client,
}

impl Sim {
    pub async fn start(settings: Settings) -> std::io::Result<Self> {
        let listener = TcpListener::bind(&settings.listen).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let http =
            reqwest::Client::builder().timeout(Duration::from_secs(15)).build().map_err(std::io::Error::other)?;
        let world = Arc::new(World {
            shopmonkey: Shopmonkey::default(),
            tekmetric: Tekmetric::default(),
            twilio: Twilio::default(),
            anthropic: Anthropic::default(),
            sendgrid: Sendgrid::default(),
            slack: Slack::default(),
            telegram: Telegram::default(),
            whatsapp: Whatsapp::default(),
            faults: Faults::default(),
            journal: Journal::new(settings.clock.clone()),
            settings,
            http,
        });
        let router = Router::new()
            .merge(crate::shopmonkey::router())
            .merge(crate::tekmetric::router())
            .merge(crate::twilio::router())
            .merge(crate::anthropic::router())
            .merge(crate::sendgrid::router())
            .merge(crate::slack::router())
            .merge(crate::telegram::router())
            .merge(crate::whatsapp::router())
            .merge(control::router())
            .merge(page::router())
            .with_state(world.clone());
        let service = router.into_make_service_with_connect_info::<Cut>();
        let server = tokio::spawn(async move {
            let _ = axum::serve(CuttableListener(listener), service).await;
        });
        Ok(Self { url, world, server })
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.server.abort();
    }
}
