//! Verification and the doctor's report.

use cairn_node::{Node, VerifyFault};
use cairn_words::{Words, text_id};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::failure::Failure;

/// Checks every stored byte and every signature.
///
/// # Errors
/// The vault cannot be read at all.
pub(crate) fn verify(node: &Node, words: &Words) -> Result<Answer, Failure> {
    let report = node.verify()?;
    let faults: Vec<Value> = report.faults.iter().map(fault).collect();
    let mut plain = words.format(
        text_id!("cli-verified"),
        &[
            ("documents", report.documents.into()),
            ("changes", report.changes.into()),
            ("statements", report.statements.into()),
            ("faults", faults.len().into()),
        ],
    );
    for fault in &faults {
        plain.push_str(&format!("\n{fault}"));
    }
    let json = json!({
        "documents": report.documents,
        "changes": report.changes,
        "statements": report.statements,
        "faults": faults,
    });
    let mut answer = Answer::new(json, plain);
    answer.fault = count_faults(faults.len());
    Ok(answer)
}

fn count_faults(count: usize) -> Option<String> {
    (count > 0).then(|| format!("{count} faults were found in the vault; nothing was changed"))
}

fn fault(fault: &VerifyFault) -> Value {
    match fault {
        VerifyFault::Damaged { document, reason } => {
            json!({ "kind": "damaged", "document": document.to_string(), "reason": reason })
        }
        VerifyFault::Unproven { document, change } => json!({
            "kind": "unproven",
            "document": document.to_string(),
            "change": change.to_string(),
        }),
        VerifyFault::Statement { position } => {
            json!({ "kind": "statement", "position": position })
        }
        VerifyFault::Vault { reason } => json!({ "kind": "vault", "reason": reason }),
        other => json!({ "kind": "other", "reason": format!("{other:?}") }),
    }
}

/// Version, sizes and checks; no content.
///
/// # Errors
/// The vault cannot be read at all.
pub(crate) fn doctor(node: &Node, words: &Words) -> Result<Answer, Failure> {
    let report = node.doctor()?;
    let plain = words.format(
        text_id!("cli-doctor"),
        &[
            ("version", report.version.into()),
            ("bytes", report.sizes.database_bytes.into()),
            ("log", report.sizes.log_bytes.into()),
            ("documents", report.sizes.documents.into()),
            ("changes", report.sizes.changes.into()),
            ("people", report.people.into()),
            ("reachable", report.people_with_address.into()),
            (
                "checked",
                if report.was_checked { "yes" } else { "no" }.into(),
            ),
            ("faults", report.vault_faults.len().into()),
        ],
    );
    let json = json!({
        "version": report.version,
        "protocol": { "oldest": report.protocol.0, "newest": report.protocol.1 },
        "vault": {
            "database_bytes": report.sizes.database_bytes,
            "log_bytes": report.sizes.log_bytes,
            "documents": report.sizes.documents,
            "changes": report.sizes.changes,
            "statements": report.sizes.statements,
        },
        "was_checked": report.was_checked,
        "vault_faults": report.vault_faults,
        "people": report.people,
        "people_with_address": report.people_with_address,
    });
    let mut answer = Answer::new(json, plain);
    answer.fault = count_faults(report.vault_faults.len());
    Ok(answer)
}
