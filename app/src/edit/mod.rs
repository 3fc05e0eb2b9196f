//! Editing a text that someone else may be editing too: splices, differences, own undo.
//!
//! Role: pure, without egui; the text field puts it on the screen.
//! All positions and lengths count code points, as automerge and egui do.

mod difference;
mod onto;
mod sheet;
mod splice;

pub use difference::differences;
pub use onto::onto;
pub use sheet::Sheet;
pub use splice::Splice;
