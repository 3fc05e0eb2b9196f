//! Searching the bytes of files.

use std::fs;
use std::path::{Path, PathBuf};

/// Every file below the folders that holds one of the words as UTF-8, in any position. Files that
/// vanish meanwhile are passed over.
pub fn files_with(folders: &[&Path], words: &[&str]) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| folder.to_path_buf()).collect();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if let Ok(bytes) = fs::read(&path) {
                for word in words {
                    if holds(&bytes, word.as_bytes()) {
                        found.push((path.clone(), (*word).to_owned()));
                    }
                }
            }
        }
    }
    found
}

/// Whether `bytes` hold `word`.
fn holds(bytes: &[u8], word: &[u8]) -> bool {
    let Some(first) = word.first() else {
        return true;
    };
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| byte == first) {
        rest = &rest[at..];
        if rest.starts_with(word) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}
