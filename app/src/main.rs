//! The program `cairn`: arguments, logging, and a window on whichever renderer starts.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use cairn::NotebookWindow;
use cairn::app::{self, App};
use cairn::demo::Demo;
use cairn::ending::Ending;
use cairn::on_node::{NodeCover, NodeNotebook, Reach};
use cairn_words::{Language, Words, text_id};
use clap::Parser;
use eframe::{NativeOptions, Renderer};

/// A private notebook for therapy goals that a client and a therapist keep together.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The folder of the notebook
    #[arg(long, value_name = "DIR", conflicts_with = "demo")]
    vault: Option<PathBuf>,
    /// Where this notebook listens
    #[arg(
        long,
        value_name = "ADDR",
        default_value = "0.0.0.0:0",
        conflicts_with = "demo"
    )]
    listen: SocketAddr,
    /// Where a paired person may be reached; repeatable
    #[arg(long, value_name = "ADDR", conflicts_with = "demo")]
    peer: Vec<SocketAddr>,
    /// Two made-up notebooks side by side, deleted at the end
    #[arg(long)]
    demo: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let words = Arc::new(Words::new(Language::English));
    match start(&arguments, &words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            // Where even this cannot be written, the exit code says it.
            let written = writeln!(std::io::stderr(), "{reason}");
            if written.is_err() {
                ExitCode::from(2)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

fn start(arguments: &Arguments, words: &Arc<Words>) -> Result<(), String> {
    let ending = Ending::listen().unwrap_or_else(|error| {
        tracing::warn!(%error, "asked to end, this program ends at once");
        Ending::default()
    });
    if !arguments.demo {
        let folder = arguments.vault.clone().or_else(own_folder);
        let folder = folder.ok_or_else(|| words.text(text_id!("app-no-folder")).into_owned())?;
        let reach = Reach {
            listen: arguments.listen,
            peers: arguments.peer.clone(),
        };
        let cover = Arc::new(NodeCover::new(folder, reach));
        return run(words, &app::window(), |ctx| {
            ending.closes(ctx);
            let window = NotebookWindow::new(Arc::clone(words), cover.clone());
            App::new(ctx, window.offering_demo())
        });
    }
    let demo = Demo::new().map_err(|error| error.to_string())?;
    let notebooks =
        [&demo.client, &demo.therapist].map(|node| Arc::new(NodeNotebook::quiet(node.clone())));
    run(words, &app::one_of_two(0), |ctx| {
        ending.closes(ctx);
        let [client, therapist] = notebooks
            .each_ref()
            .map(|notebook| NotebookWindow::opened(Arc::clone(words), notebook.clone()));
        App::new(ctx, client).with_second(therapist)
    })
}

/// Opens the window with wgpu, and with OpenGL where wgpu does not start.
fn run(
    words: &Words,
    window: &egui::ViewportBuilder,
    make: impl Fn(&egui::Context) -> App,
) -> Result<(), String> {
    let mut last = None;
    for renderer in [Renderer::Wgpu, Renderer::Glow] {
        let options = NativeOptions {
            viewport: window.clone(),
            renderer,
            ..NativeOptions::default()
        };
        let create = |creation: &eframe::CreationContext<'_>| -> Result<Box<dyn eframe::App>, _> {
            Ok(Box::new(make(&creation.egui_ctx)))
        };
        match eframe::run_native("Cairn", options, Box::new(create)) {
            Ok(()) => return Ok(()),
            Err(error) => {
                tracing::warn!(%renderer, %error, "this renderer does not start");
                last = Some(error);
            }
        }
    }
    let id = match last {
        Some(eframe::Error::WinitEventLoop(_)) => text_id!("app-no-display"),
        _ => text_id!("app-no-renderer"),
    };
    Err(words.text(id).into_owned())
}

/// Where a person's own notebook lies by default (XDG base directories; `APPDATA` on Windows).
fn own_folder() -> Option<PathBuf> {
    let variable = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    variable("XDG_DATA_HOME")
        .or_else(|| variable("APPDATA"))
        .or_else(|| variable("HOME").map(|home| home.join(".local").join("share")))
        .map(|base| base.join("cairn"))
}
