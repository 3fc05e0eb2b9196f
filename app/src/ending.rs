//! Being asked to end from outside: the window closes as with its close button.
//!
//! Role: SIGINT and SIGTERM (Ctrl+C elsewhere) close the first window, so that everything is stored
//! and the peers are told before the program ends. A program asked before it has a window ends as
//! soon as it has one.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use egui::{ViewportCommand, ViewportId};

/// Whether the program was asked to end, and the window to close then.
#[derive(Clone, Default)]
pub struct Ending {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    asked: bool,
    window: Option<egui::Context>,
}

impl std::fmt::Debug for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ending")
    }
}

impl Ending {
    /// Listens from now on, on a thread of its own.
    ///
    /// # Errors
    /// The system has no thread or no signals to spare; the program then ends at once when asked.
    pub fn listen() -> io::Result<Self> {
        let ending = Self::default();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let asked = {
            let _runtime = runtime.enter();
            asked()?
        };
        let told = ending.clone();
        std::thread::Builder::new()
            .name("cairn-ending".into())
            .spawn(move || {
                runtime.block_on(asked);
                told.lock().asked = true;
                told.close();
            })?;
        Ok(ending)
    }

    /// Names the window to close, in place of the one named before.
    pub fn closes(&self, window: &egui::Context) {
        self.lock().window = Some(window.clone());
        self.close();
    }

    /// Closes the window if there is one and the program was asked to end.
    fn close(&self) {
        let state = self.lock();
        if let (true, Some(window)) = (state.asked, &state.window) {
            window.send_viewport_cmd_to(ViewportId::ROOT, ViewportCommand::Close);
            window.request_repaint_of(ViewportId::ROOT);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Completes when the program is asked to end.
#[cfg(unix)]
fn asked() -> io::Result<impl Future<Output = ()>> {
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
fn asked() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    })
}
