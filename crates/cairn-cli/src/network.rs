//! Being reachable, and exchanging once.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use cairn_node::Node;
use cairn_node::transport::Redial;
use cairn_words::{Words, text_id};
use tokio::time::Instant;

use crate::answer::Answer;
use crate::arguments::{Serve, Sync};
use crate::events;
use crate::failure::Failure;
use crate::output::Output;

/// Exchanges once with everyone who can be reached.
///
/// # Errors
/// The node's reason; what was exchanged until then stays.
pub(crate) fn sync(node: &Node, sync: &Sync, words: &Words) -> Result<Answer, Failure> {
    let report = node.sync_once(&sync.peer, Duration::from_secs(sync.timeout))?;
    let plain = words.format(
        text_id!("cli-synced"),
        &[
            ("documents", report.documents.into()),
            ("sent", report.changes_sent.into()),
            ("received", report.changes_received.into()),
            ("millis", report.millis.into()),
        ],
    );
    Ok(Answer::new(report, plain))
}

/// Stays reachable until interrupted, and prints what happens.
///
/// # Errors
/// The address cannot be bound, or the vault failed. Being interrupted is none.
pub(crate) fn serve(
    node: &Node,
    serve: &Serve,
    words: &Words,
    output: &Output,
) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut events = node.subscribe();
    let interrupted = {
        // Signals are caught from here on, before anyone can know that this serves.
        let _runtime = runtime.enter();
        interrupted()?
    };
    node.listen(serve.listen)?;
    runtime.block_on(async {
        tokio::pin!(interrupted);
        let mut peers = Peers::new(&serve.peer);
        loop {
            tokio::select! {
                () = &mut interrupted => return Ok(()),
                () = peers.due() => peers.dial(node),
                event = events.next() => match event {
                    Some(event) => events::tell(node, &event, words, output)?,
                    None => return Ok(()),
                },
            }
        }
    })
}

/// The addresses given on the command line: dialled until as many people are connected. Who was
/// reached once is dialled by the node itself from then on.
struct Peers<'a> {
    addresses: &'a [SocketAddr],
    redial: Redial,
    due: Instant,
}

impl<'a> Peers<'a> {
    fn new(addresses: &'a [SocketAddr]) -> Self {
        Self {
            addresses,
            redial: Redial::new(u64::from(std::process::id())),
            due: Instant::now(),
        }
    }

    async fn due(&self) {
        if self.addresses.is_empty() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep_until(self.due).await;
    }

    fn dial(&mut self, node: &Node) {
        let people = node.people();
        let connected = people.iter().filter(|one| one.connected).count();
        if connected >= self.addresses.len().min(people.len()) {
            self.redial.reset();
        } else {
            for address in self.addresses {
                node.dial(*address);
            }
        }
        self.due = Instant::now() + self.redial.next_delay();
    }
}

/// Completes when the program is asked to end.
#[cfg(unix)]
fn interrupted() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Completes when the program is asked to end.
#[cfg(not(unix))]
fn interrupted() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    })
}
