//! The window as a person meets it, by name and role, without a graphics card.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod memory;
mod pages;
mod text_field;
