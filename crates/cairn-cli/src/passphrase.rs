//! Where the passphrase comes from: a file or a terminal, never an argument.

use std::path::Path;

use cairn_node::secret::Passphrase;
use cairn_words::{Words, text_id};
use zeroize::Zeroizing;

use crate::failure::Failure;

/// The passphrase of a vault.
///
/// # Errors
/// The file cannot be read, or there is neither file nor terminal.
pub(crate) fn known(file: Option<&Path>, words: &Words) -> Result<Passphrase, Failure> {
    match file {
        Some(file) => read(file),
        None => Ok(Passphrase::new(&ask(
            &words.text(text_id!("cli-passphrase"))
        )?)),
    }
}

/// The passphrase of a vault to be made, asked for twice at a terminal.
///
/// # Errors
/// As [`known`], or the two differ.
pub(crate) fn new(file: Option<&Path>, words: &Words) -> Result<Passphrase, Failure> {
    if let Some(file) = file {
        return read(file);
    }
    let first = ask(&words.text(text_id!("cli-passphrase-new")))?;
    if *ask(&words.text(text_id!("cli-passphrase-again")))? != *first {
        return Err(Failure::refused(
            "the two passphrases differ; nothing was made",
        ));
    }
    Ok(Passphrase::new(&first))
}

fn read(file: &Path) -> Result<Passphrase, Failure> {
    Passphrase::read(file)
        .map_err(|error| Failure::refused(format!("the passphrase file cannot be read: {error}")))
}

fn ask(question: &str) -> Result<Zeroizing<String>, Failure> {
    let typed = rpassword::prompt_password(format!("{question} ")).map_err(|_no_terminal| {
        Failure::Usage(
            "there is no terminal to ask for the passphrase; name a file that holds it with \
             --passphrase-file or CAIRN_PASSPHRASE_FILE"
                .into(),
        )
    })?;
    Ok(Zeroizing::new(typed))
}
