//! The desktop program: windows onto notebooks.
//!
//! Role: [`app`] is the frame, [`pages`] are functions of immutable views, [`command`] is all a
//! person can ask for, [`notebook`] is where views come from.

pub mod app;
pub mod command;
pub mod demo;
pub mod edit;
pub mod ending;
pub mod notebook;
pub mod on_node;
pub mod pages;
pub mod theme;
pub mod view;
pub mod when;
pub mod widgets;

mod chrome;
mod palette;
mod window;

pub use window::NotebookWindow;
