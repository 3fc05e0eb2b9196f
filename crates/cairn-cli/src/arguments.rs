//! The words of the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use cairn_model::{ClosingOutcome, GoalKind, Moment, SCALE_MAX};
use cairn_node::{DocumentId, GrantRole, Role};
use clap::{Args, Parser, Subcommand};

use crate::goals::Field;
use crate::values;

/// Every address of this machine, on a port that the system chooses.
const ANYWHERE: &str = "0.0.0.0:0";

/// A private notebook for therapy goals, without its window.
///
/// Every command opens the vault, does one thing and closes it again. See docs/cli.md.
#[derive(Debug, Parser)]
#[command(name = "cairn-cli", version, max_term_width = 100)]
pub(crate) struct Arguments {
    /// The folder of the vault
    #[arg(long, value_name = "DIR")]
    pub(crate) vault: PathBuf,

    /// Print JSON: one value, or one a line where things go on happening
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Read the passphrase from this file instead of asking for it
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "CAIRN_PASSPHRASE_FILE",
        hide_env_values = true
    )]
    pub(crate) passphrase_file: Option<PathBuf>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// A line of `import history`: the same words, without the options of the whole program.
#[derive(Debug, Parser)]
#[command(
    no_binary_name = true,
    disable_help_flag = true,
    disable_help_subcommand = true
)]
pub(crate) struct Line {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a notebook
    Init(Init),
    /// Whose notebook it is
    Whoami,
    /// Goals: what one wants to work on
    Goal {
        #[command(subcommand)]
        command: GoalCommand,
    },
    /// Moods: how it is right now
    Mood {
        #[command(subcommand)]
        command: MoodCommand,
    },
    /// Let a paired person see a document
    Share(Share),
    /// Stop sharing a document; what has arrived stays with the other person
    Unshare {
        /// The document's id
        #[arg(value_name = "DOC")]
        document: DocumentId,
        /// Their id, its first eight letters or more, or their name here
        #[arg(long, value_name = "PERSON")]
        with: String,
    },
    /// Who was allowed to see a document, when and what for
    Consent {
        /// The document's id
        #[arg(value_name = "DOC")]
        document: DocumentId,
    },
    /// Own words that the owner of a document never took, kept aside on this device
    Drafts {
        /// The document's id
        #[arg(value_name = "DOC")]
        document: DocumentId,
    },
    /// Remove a document here and ask everyone who ever could see it to remove it; once more to see
    /// who has answered
    Erase {
        /// The document's id
        #[arg(value_name = "DOC")]
        document: DocumentId,
    },
    /// Go on in a new goal that has what this one shows now and nothing from before; this one is
    /// erased
    FreshCopy {
        /// The document's id
        #[arg(value_name = "DOC")]
        document: DocumentId,
    },
    /// Connect with another person's notebook, once
    Pair {
        #[command(subcommand)]
        command: PairCommand,
    },
    /// The people this notebook is paired with
    People,
    /// The devices of this notebook's person
    Devices,
    /// Stay reachable and exchange with everyone paired, until interrupted
    Serve(Serve),
    /// Exchange once with everyone who can be reached
    Sync(Sync),
    /// Run many commands from a file
    Import {
        #[command(subcommand)]
        command: ImportCommand,
    },
    /// Bookmarks: moments worth coming back to
    Bookmark {
        #[command(subcommand)]
        command: BookmarkCommand,
    },
    /// Who changed what in a document, and when
    History(History),
    /// What changed since then, in every document
    Changes(Changes),
    /// Check every stored byte and every signature
    Verify,
    /// Version, sizes and checks; no content
    Doctor,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// What you use the notebook as
    #[arg(long, value_parser = values::role())]
    pub(crate) role: Role,
    /// What you call yourself; the people you pair with see it
    #[arg(long)]
    pub(crate) name: String,
    /// Write the recovery code to this new file, which only you can read
    #[arg(long, value_name = "FILE")]
    pub(crate) recovery_file: Option<PathBuf>,
    /// For tests and very slow machines: derive the key from the passphrase in one pass over this
    /// much memory, in KiB, which protects a stolen vault less
    #[arg(long, value_name = "KIB", hide = true)]
    pub(crate) kdf_memory_kib: Option<u32>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum GoalCommand {
    /// Write down a goal
    Add {
        /// What it is called
        #[arg(long, allow_hyphen_values = true)]
        title: String,
        /// What it is about
        #[arg(long, value_parser = values::kind())]
        kind: Option<GoalKind>,
        /// Why it matters
        #[arg(
            long,
            value_name = "TEXT",
            default_value = "",
            hide_default_value = true,
            allow_hyphen_values = true
        )]
        why: String,
    },
    /// All goals in short
    List,
    /// One goal in full, now or as it was
    Show {
        /// The document's id
        #[arg(value_name = "DOC")]
        document: DocumentId,
        /// As it was at this time
        #[arg(long, value_name = "RFC3339", value_parser = crate::moment::parse,
            conflicts_with = "as_of")]
        at: Option<Moment>,
        /// As it was when this bookmark was set
        #[arg(long, value_name = "BOOKMARK")]
        as_of: Option<String>,
    },
    /// Change fields: title=…, why=…, good-enough=…, kind=… (empty: not chosen)
    Set {
        /// The document's id
        #[arg(value_name = "DOC")]
        document: DocumentId,
        /// What it should be
        #[arg(value_name = "FIELD=VALUE", required = true)]
        fields: Vec<Field>,
    },
    /// Steps: small things to try
    Step {
        #[command(subcommand)]
        command: StepCommand,
    },
    /// Ask others to agree to the wording as it is
    Propose {
        /// The document's id
        #[arg(value_name = "DOC")]
        document: DocumentId,
        /// Whom to ask; everyone who can see the goal when left out
        #[arg(long, value_name = "PERSON")]
        with: Vec<String>,
        /// Why
        #[arg(
            long,
            value_name = "TEXT",
            default_value = "",
            hide_default_value = true,
            allow_hyphen_values = true
        )]
        reason: String,
    },
    /// Agree to the proposed wording
    Accept {
        /// The document's id
        #[arg(value_name = "DOC")]
        document: DocumentId,
        /// Only if it is the proposal with this digest, as `goal show` gave it
        #[arg(long)]
        digest: Option<String>,
    },
    /// Put a goal aside
    Pause {
        /// The document's id
        #[arg(value_name = "DOC")]
        document: DocumentId,
    },
    /// Take a paused goal up again
    Resume {
        /// The document's id
        #[arg(value_name = "DOC")]
        document: DocumentId,
    },
    /// End a goal
    Close {
        /// The document's id
        #[arg(value_name = "DOC")]
        document: DocumentId,
        /// How it ended
        #[arg(long, value_parser = values::outcome())]
        outcome: ClosingOutcome,
        /// What was learned
        #[arg(
            long,
            value_name = "TEXT",
            default_value = "",
            hide_default_value = true,
            allow_hyphen_values = true
        )]
        note: String,
    },
    /// Say how close it feels, from 0 to 10
    Rate {
        /// The document's id
        #[arg(value_name = "DOC")]
        document: DocumentId,
        #[command(flatten)]
        score: Score,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum StepCommand {
    /// Add a step behind all others
    Add {
        /// The document's id
        #[arg(value_name = "DOC")]
        document: DocumentId,
        /// What to do; after `--` when it begins with a dash
        text: String,
    },
    /// Mark a step done
    Done {
        /// The document's id
        #[arg(value_name = "DOC")]
        document: DocumentId,
        /// The step's id
        step: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum MoodCommand {
    /// Note a mood from 0, very low, to 10, very good
    Add(Score),
    /// All moods noted here, oldest first
    List,
}

/// A number with own words and its time.
#[derive(Debug, Args)]
pub(crate) struct Score {
    /// From 0 to 10
    #[arg(value_parser = clap::value_parser!(u8).range(..=i64::from(SCALE_MAX)))]
    pub(crate) value: u8,
    /// Own words beside it
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    pub(crate) note: String,
    /// When it was so, as in 2026-11-20T21:14:00+01:00; now when left out
    #[arg(long, value_name = "RFC3339", value_parser = crate::moment::parse)]
    pub(crate) at: Option<Moment>,
}

#[derive(Debug, Args)]
pub(crate) struct Share {
    /// The document's id
    #[arg(value_name = "DOC")]
    pub(crate) document: DocumentId,
    /// Their id, its first eight letters or more, or their name here
    #[arg(long, value_name = "PERSON")]
    pub(crate) with: String,
    /// What they may do
    #[arg(long, value_parser = values::grant_role())]
    pub(crate) role: GrantRole,
    /// What for
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    pub(crate) purpose: String,
    /// When it ends
    #[arg(long, value_name = "RFC3339", value_parser = crate::moment::parse)]
    pub(crate) expires: Option<Moment>,
    /// Share a fresh copy, without anything that was removed or replaced before; the answer has its
    /// id
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Share it with all that was there before, under the same id; so it is without --fresh
    #[arg(long, conflicts_with = "fresh")]
    pub(crate) with_history: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PairCommand {
    /// Show a code and wait for the other notebook, at most ten minutes
    Offer {
        /// Where to wait
        #[arg(long, value_name = "ADDR", default_value = ANYWHERE)]
        listen: SocketAddr,
        /// What to call the other person here; their own name when left out
        #[arg(long = "as", value_name = "NAME")]
        name: Option<String>,
    },
    /// Answer a ticket, or a spoken code together with the address told with it
    Accept {
        /// The ticket, or the eight digits
        #[arg(value_name = "TICKET|CODE")]
        invitation: String,
        /// Where the other notebook waits; goes with a code
        #[arg(long, value_name = "ADDR")]
        peer: Option<SocketAddr>,
        /// What to call the other person here; their own name when left out
        #[arg(long = "as", value_name = "NAME")]
        name: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Where to listen
    #[arg(long, value_name = "ADDR", default_value = ANYWHERE)]
    pub(crate) listen: SocketAddr,
    /// Where a paired person may be reached; repeatable
    #[arg(long, value_name = "ADDR")]
    pub(crate) peer: Vec<SocketAddr>,
}

#[derive(Debug, Args)]
pub(crate) struct Sync {
    /// Where paired people may be reached, in place of where they last were; repeatable
    #[arg(long, value_name = "ADDR")]
    pub(crate) peer: Vec<SocketAddr>,
    /// How long to try, in seconds
    #[arg(long, value_name = "S", default_value_t = 30,
        value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout: u64,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BookmarkCommand {
    /// Remember every document as it is now
    Add {
        /// What to call it, in at most 100 characters
        name: String,
    },
    /// All bookmarks, oldest first
    List,
    /// Forget a bookmark; the documents stay as they are
    Remove {
        /// Its name, or met:PERSON or met-before:PERSON
        #[arg(value_name = "BOOKMARK")]
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct History {
    /// The document's id
    #[arg(value_name = "DOC")]
    pub(crate) document: DocumentId,
    /// Only what came after this bookmark: its name, or met:PERSON or met-before:PERSON
    #[arg(long, value_name = "BOOKMARK")]
    pub(crate) since: Option<String>,
    /// Only up to this time
    #[arg(long, value_name = "RFC3339", value_parser = crate::moment::parse)]
    pub(crate) at: Option<Moment>,
}

#[derive(Debug, Args)]
pub(crate) struct Changes {
    /// Since this bookmark: its name, or met:PERSON or met-before:PERSON
    #[arg(long, value_name = "BOOKMARK")]
    pub(crate) since: Option<String>,
    /// Only in what both of you can see; without --since, since your devices last met
    #[arg(long, value_name = "PERSON")]
    pub(crate) with: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// Run the commands of a file of JSON lines, each as its own change
    History {
        /// Lines such as {"run":["goal","add","--title","Walk"],"as":"g1"}
        file: PathBuf,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
        Line::command().debug_assert();
    }

    #[test]
    fn json_may_stand_anywhere() {
        let check = |words: &[&str]| {
            let all = ["cairn-cli", "--vault", "v"].iter().chain(words);
            assert!(Arguments::try_parse_from(all).unwrap().json, "{words:?}");
        };
        check(&["--json", "whoami"]);
        check(&["whoami", "--json"]);
        check(&["goal", "list", "--json"]);
    }
}
