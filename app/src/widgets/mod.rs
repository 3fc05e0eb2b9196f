//! What pages are made of; each takes a `Ui` and draws with the tokens of its theme.

mod button;
mod card;
mod chart;
mod entry;
mod face;
mod icon;
mod marks;
mod mood;
mod pill;
mod rating;
mod row;
mod text_field;
mod tick;

pub use button::{Button, link_ui, title_link_ui};
pub(crate) use card::heading_ui;
pub use card::{Columns, bleed_ui, card_title_ui, card_ui, columns_ui, empty_ui};
pub use chart::chart_ui;
pub use entry::Entry;
pub use icon::Icon;
pub use marks::marks_ui;
pub use mood::{Mood, mood_ui};
pub use pill::{Tone, pill_ui};
pub use rating::rating_ui;
pub use row::{line_ui, row_ui};
pub use text_field::{FieldLook, TextField, Typed};
pub use tick::tick_ui;
