//! The client for calls to vendors, and the server every role uses.

use std::{net::SocketAddr, time::Duration};

use axum::{
    Router,
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderValue, header::RETRY_AFTER},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use futures::FutureExt as _;
use tokio::{net::TcpListener, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, error, info_span, warn};

use crate::{Code, Problem};

/// Makes TLS work. Call it first in every program; calling it again does nothing.
pub fn install_tls() {
    // A second install is refused, which is what we want.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A client that never waits for ever and never follows a redirect: a vendor's API does not redirect, and following one
/// would hand our credentials to whoever it names.
pub fn client(connect: Duration, total: Duration) -> reqwest::Client {
    install_tls();
    let builder = || {
        reqwest::Client::builder()
            .user_agent(concat!("lead-orchestrator/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(connect)
            .timeout(total)
            .tcp_nodelay(true)
            .redirect(reqwest::redirect::Policy::none())
    };
    builder().build().unwrap_or_default()
}

/// A vendor that asks for a longer wait is asked again within the hour: its slip must not be a customer's silence.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// How long a vendor's answer asks us to wait, if it says so in seconds.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

/// Binds the address and says which one it became (port 0: any free one).
pub async fn bind(address: &str) -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

/// Serves until `stopping`; requests in hand are finished.
pub async fn serve(listener: TcpListener, router: Router, stopping: CancellationToken) -> std::io::Result<()> {
    use axum::serve::ListenerExt as _;
    let router = router.layer(middleware::from_fn(name_request));
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, router).with_graceful_shutdown(stopping.cancelled_owned()).await
}

/// Gives each request an id and a span: every log line about it carries the id, so does its answer, and what it publishes
/// belongs to its trace. The span names the route, not the address: an address holds a token.
async fn name_request(request: Request, next: Next) -> Response {
    let id = uuid::Uuid::now_v7().to_string();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let span = info_span!("request", request.id = id, http.route = route, http.method = %request.method());
    let mut response = answer(request, next).instrument(span).await;
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", id);
    }
    response
}

/// Whatever happens inside, the sender gets an answer that says what to do.
async fn answer(request: Request, next: Next) -> Response {
    let work = std::panic::AssertUnwindSafe(next.run(request)).catch_unwind();
    work.await.unwrap_or_else(|_panic| {
        error!("a request was not answered because of a mistake in this program");
        Problem::new(Code::Internal, "Please tell us, with the x-request-id of this answer.").into_response()
    })
}

/// Gives every request to these routes so long, from the end of its head to our answer: whoever sends a body more slowly holds a
/// place that others need.
pub fn within(slowest: Duration, router: Router) -> Router {
    router.layer(middleware::from_fn(move |request: Request, next: Next| async move {
        timeout(slowest, next.run(request)).await.unwrap_or_else(|_| {
            warn!("a request was not complete, or not answered, within {slowest:?}");
            metrics::counter!("http_too_slow_total").increment(1);
            let detail = format!("Send the whole request within {} seconds.", slowest.as_secs());
            Problem::new(Code::TooSlow, detail).into_response()
        })
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vendor_may_ask_for_an_hour_and_not_for_ever() {
        let asked = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, value.parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(asked("7"), Some(Duration::from_secs(7)));
        assert_eq!(asked("18446744073709551615"), Some(LONGEST_WAIT));
        assert_eq!(asked("Wed, 21 Oct 2026 07:28:00 GMT"), None);
    }
}
