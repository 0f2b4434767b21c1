//! What stands in front of several replicas: a door that stays where it is while those behind it come and go.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

/// A replica behind the door, and what ends its connections.
type Behind = (SocketAddr, CancellationToken);

pub(crate) struct Balancer {
    pub(crate) address: SocketAddr,
    behind: Arc<Mutex<Vec<Behind>>>,
    /// Of whom the last connection was.
    last: Arc<Mutex<Option<SocketAddr>>>,
    _serving: JoinSet<()>,
}

impl Balancer {
    pub(crate) async fn start(replicas: impl IntoIterator<Item = SocketAddr>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let behind: Arc<Mutex<Vec<Behind>>> =
            Arc::new(Mutex::new(replicas.into_iter().map(|at| (at, CancellationToken::new())).collect()));
        let last = Arc::new(Mutex::new(None));
        let mut serving = JoinSet::new();
        serving.spawn(accept(listener, behind.clone(), last.clone()));
        Ok(Self { address, behind, last, _serving: serving })
    }

    /// Who has served last. `None`: nobody yet.
    pub(crate) fn serves(&self) -> Option<SocketAddr> {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody comes to this replica any more, and whoever was there is cut off.
    pub(crate) fn cut(&self, replica: SocketAddr) {
        self.behind.lock().unwrap_or_else(PoisonError::into_inner).retain(|(at, ends)| {
            if *at == replica {
                ends.cancel();
            }
            *at != replica
        });
    }

    pub(crate) fn add(&self, replica: SocketAddr) {
        self.behind.lock().unwrap_or_else(PoisonError::into_inner).push((replica, CancellationToken::new()));
    }
}

/// Each connection goes to the next replica in turn; with none there it is closed.
async fn accept(listener: TcpListener, behind: Arc<Mutex<Vec<Behind>>>, last: Arc<Mutex<Option<SocketAddr>>>) {
    let mut connections = JoinSet::new();
    let mut turn = 0_usize;
    while let Ok((mut from, _)) = listener.accept().await {
        let next = {
            let behind = behind.lock().unwrap_or_else(PoisonError::into_inner);
            turn = turn.wrapping_add(1);
            if behind.is_empty() { None } else { Some(behind[turn % behind.len()].clone()) }
        };
        let Some((at, ends)) = next else { continue };
        *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
        connections.spawn(async move {
            let Ok(mut to) = TcpStream::connect(at).await else { return };
            tokio::select! { () = ends.cancelled() => {}, _ = copy_bidirectional(&mut from, &mut to) => {} }
        });
    }
}
