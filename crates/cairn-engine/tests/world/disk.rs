//! What a vault would keep.

use std::collections::BTreeMap;

use cairn_engine::{
    Append, ChangeChunk, DeviceId, DocumentContent, DocumentId, DocumentRow, Limits, Restored,
    SignedStatement, StagedBytes, StagedPiece, StagedTransfer,
};

/// See the [module](self).
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk {
    pub(crate) statements: BTreeMap<[u8; 32], Vec<u8>>,
    rows: BTreeMap<DocumentId, DocumentRow>,
    pub(crate) contents: BTreeMap<DocumentId, DocumentContent>,
    staged: BTreeMap<(DocumentId, DeviceId), BTreeMap<u64, StagedPiece>>,
}

impl Disk {
    pub(crate) fn add_statement(&mut self, signed: &SignedStatement) {
        self.statements
            .insert(signed.hash().0, signed.bytes().to_vec());
    }

    pub(crate) fn write(&mut self, append: Append) {
        for (hash, bytes) in append.statements {
            self.statements.insert(hash.0, bytes);
        }
        for part in append.documents {
            let document = part.row.document;
            let content = self.contents.entry(document).or_default();
            content
                .changes
                .extend(part.changes.into_iter().map(|(_, bytes)| bytes));
            let hash = |bytes: &Vec<u8>| {
                let chunk = ChangeChunk::parse(bytes, &Limits::default());
                chunk.unwrap().hash()
            };
            for gone in &part.set_aside {
                let place = content.changes.iter().position(|it| hash(it) == *gone);
                let apart = content.set_aside.iter().any(|it| hash(it) == *gone);
                assert!(place.is_some() || apart);
                content
                    .set_aside
                    .extend(place.map(|place| content.changes.remove(place)));
            }
            if part.erased {
                let mut kept = std::mem::take(&mut content.set_aside);
                kept.retain(|bytes| part.set_aside.contains(&hash(bytes)));
                *content = DocumentContent {
                    set_aside: kept,
                    ..DocumentContent::default()
                };
                self.staged.retain(|(of, _), _| *of != document);
            }
            let apart = part.apart.into_iter().map(|(_, bytes)| bytes);
            content.set_aside.extend(apart);
            content.salts.extend(part.salts);
            content.attestations.retain(|bytes| {
                let hash = blake3::hash(&bytes[..bytes.len() - 64]);
                !part
                    .attestations_replaced
                    .iter()
                    .any(|old| old.0 == *hash.as_bytes())
            });
            content
                .attestations
                .extend(part.attestations.into_iter().map(|(_, bytes)| bytes));
            for device in part.unstaged {
                self.staged.remove(&(document, device));
            }
            for piece in part.staged {
                let pieces = self.staged.entry((document, piece.device)).or_default();
                pieces.insert(piece.at, piece);
            }
            self.rows.insert(document, part.row);
        }
    }

    pub(crate) fn restored(&self) -> Restored {
        let staged = self.staged.iter();
        Restored {
            statements: self.statements.values().cloned().collect(),
            documents: self.rows.values().cloned().collect(),
            staged: staged
                .map(|((document, device), pieces)| StagedBytes {
                    document: *document,
                    device: *device,
                    bytes: pieces.values().map(|piece| piece.bytes.len() as u64).sum(),
                })
                .collect(),
        }
    }

    pub(crate) fn content(&self, document: DocumentId) -> DocumentContent {
        let mut content = self.contents.get(&document).cloned().unwrap_or_default();
        let of_document = self.staged.iter().filter(|((of, _), _)| *of == document);
        content.staged = of_document
            .map(|((_, device), pieces)| StagedTransfer {
                device: *device,
                resume: pieces[&0].resume.clone(),
                pieces: pieces.values().map(|piece| piece.bytes.clone()).collect(),
            })
            .collect();
        content
    }

    pub(crate) fn damage(&mut self, document: DocumentId) {
        let content = self.contents.get_mut(&document).unwrap();
        content.changes[0].truncate(20);
    }

    /// Bytes of all that is staged.
    pub(crate) fn staged_bytes(&self) -> usize {
        let pieces = self.staged.values().flat_map(BTreeMap::values);
        pieces.map(|piece| piece.bytes.len()).sum()
    }
}
