//! Words of this person that are not in their document any more, because the owner's side never
//! took them: to be read, and entered again elsewhere.
//!
//! What a change built on may be gone, so it is read by itself: what it wrote, not where.

use cairn_engine::chunk::{Action, Key, OpId, Value};
use cairn_engine::{ChangeChunk, DocumentId};
use cairn_model::{Words, holds_value, holds_words};

use crate::goals::EditError;
use crate::node::Node;

/// What one change wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// When, by the clock of the device it was written on: seconds since the Unix epoch.
    pub at_seconds: i64,
    /// Texts, and pieces that were added to texts, in the order in which they were written.
    pub texts: Vec<Words>,
    /// Ratings and moods.
    pub values: Vec<i64>,
}

impl Node {
    /// The words and ratings that are kept aside of a document, oldest first; also of one that its
    /// owner erased.
    ///
    /// # Errors
    /// [`EditError::UnknownDocument`] or [`EditError::Damaged`].
    pub fn drafts(&self, document: DocumentId) -> Result<Vec<Draft>, EditError> {
        match self.load(document) {
            Ok(()) | Err(EditError::Erased) => {}
            Err(error) => return Err(error),
        }
        let chunks = self
            .core
            .with_engine(|engine, _| engine.set_aside(document));
        let read = chunks.iter().filter_map(|bytes| {
            let chunk = ChangeChunk::parse(bytes, &self.core.limits);
            chunk.map(|chunk| draft(&chunk)).ok()
        });
        let said = |draft: &Draft| !draft.texts.is_empty() || !draft.values.is_empty();
        Ok(read.filter(said).collect())
    }
}

fn draft(chunk: &ChangeChunk<'_>) -> Draft {
    let mut texts: Vec<String> = Vec::new();
    let mut values = Vec::new();
    // The object and the element that the text being read goes on behind.
    let mut end = None;
    for (operation, counter) in chunk.operations().zip(chunk.start_op()..) {
        match (&operation.action, operation.key) {
            (Action::Put(Value::Text(text)), key) if operation.insert => {
                let goes_on =
                    matches!(key, Key::Element(id) if end == Some((operation.object, id)));
                match texts.last_mut().filter(|_| goes_on) {
                    Some(last) => last.push_str(text),
                    None => texts.push((*text).to_owned()),
                }
                end = Some((operation.object, OpId { counter, actor: 0 }));
            }
            (Action::Put(Value::Text(text)), Key::Map(key)) if holds_words(key) => {
                texts.push((*text).to_owned());
            }
            (Action::Put(Value::Int(value)), Key::Map(key)) if holds_value(key) => {
                values.push(*value);
            }
            _ => {}
        }
    }
    Draft {
        at_seconds: chunk.time(),
        texts: texts.into_iter().map(Words::from).collect(),
        values,
    }
}
