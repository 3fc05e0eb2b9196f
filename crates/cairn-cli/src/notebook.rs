//! Making a notebook, and whose it is.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

use cairn_node::secret::{Passphrase, RecoveryCode};
use cairn_node::vault::KdfCost;
use cairn_node::{NewNotebook, Node};
use cairn_words::{Words, text_id};
use serde_json::json;

use crate::answer::Answer;
use crate::arguments::Init;
use crate::failure::Failure;

/// Makes a notebook.
///
/// # Errors
/// No notebook was made, or (said so) only the recovery code was not written.
pub(crate) fn init(
    vault: &Path,
    new: &Init,
    passphrase: &Passphrase,
    words: &Words,
) -> Result<(Node, Answer), Failure> {
    let cost = match new.kdf_memory_kib {
        None => KdfCost::STANDARD,
        Some(kib) => KdfCost::new(kib, 1, 1)
            .ok_or_else(|| Failure::Usage("--kdf-memory-kib takes 8 to 1048576".into()))?,
    };
    // Made first, so that no notebook is without the code that was asked for.
    let recovery = new
        .recovery_file
        .as_deref()
        .map(recovery_file)
        .transpose()?;
    let notebook = NewNotebook {
        role: new.role,
        name: &new.name,
        passphrase,
        cost,
    };
    let (node, code) = match Node::create(vault, &notebook) {
        Ok(made) => made,
        Err(error) => {
            if let Some(path) = &new.recovery_file {
                drop(std::fs::remove_file(path));
            }
            return Err(error.into());
        }
    };
    let kept = recovery.is_some();
    if let Some(file) = recovery {
        write_code(file, &code)?;
    }
    let whoami = node.whoami();
    let (person, device) = (whoami.person.to_string(), whoami.device.to_string());
    let mut plain = words.format(
        text_id!("cli-made"),
        &[
            ("name", whoami.name.as_str().into()),
            ("person", person.as_str().into()),
        ],
    );
    plain.push('\n');
    plain.push_str(&words.text(if kept {
        text_id!("cli-recovery-kept")
    } else {
        text_id!("cli-recovery-not-kept")
    }));
    Ok((
        node,
        Answer::new(json!({ "person": person, "device": device }), plain),
    ))
}

/// A new, empty file that only its owner can read.
fn recovery_file(path: &Path) -> Result<File, Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| {
        Failure::refused(format!(
            "the recovery file cannot be made, so no notebook was made: {error}"
        ))
    })
}

fn write_code(mut file: File, code: &RecoveryCode) -> Result<(), Failure> {
    let written = file
        .write_all(code.to_text().as_bytes())
        .and_then(|()| file.write_all(b"\n"))
        .and_then(|()| file.sync_all());
    written.map_err(|error| {
        Failure::refused(format!(
            "the notebook was made but its recovery code could not be written, and it is kept \
             nowhere else; remove the vault and make it again: {error}"
        ))
    })
}

/// Whose notebook it is.
pub(crate) fn whoami(node: &Node, words: &Words) -> Answer {
    let whoami = node.whoami();
    let (person, device) = (whoami.person.to_string(), whoami.device.to_string());
    let plain = words.format(
        text_id!("cli-whoami"),
        &[
            ("name", whoami.name.as_str().into()),
            ("role", role_word(whoami.role, words).into()),
            ("person", person.as_str().into()),
            ("device", device.as_str().into()),
        ],
    );
    let json = json!({
        "person": person,
        "device": device,
        "name": whoami.name,
        "role": whoami.role,
    });
    Answer::new(json, plain)
}

/// The word for a role.
pub(crate) fn role_word(role: cairn_node::Role, words: &Words) -> String {
    let id = match role {
        cairn_node::Role::Client => text_id!("cli-role-client"),
        cairn_node::Role::Therapist => text_id!("cli-role-therapist"),
        cairn_node::Role::Supporter => text_id!("cli-role-supporter"),
    };
    words.text(id).into_owned()
}
