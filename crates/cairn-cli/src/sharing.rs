//! Consent: giving it, taking it back, and looking it up.

use cairn_node::{DocumentId, GrantRole, Node, PersonId, ShareTerms};
use cairn_words::{Words, text_id};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::arguments::Share;
use crate::failure::Failure;
use crate::values::grant_word;
use crate::{moment, people};

/// Lets a person see a document.
///
/// # Errors
/// The node's reason; nothing was shared.
pub(crate) fn share(node: &Node, share: &Share, words: &Words) -> Result<Answer, Failure> {
    let person = people::find(node, &share.with)?;
    let terms = ShareTerms {
        role: share.role,
        purpose: share.purpose.clone(),
        expires_millis: share.expires.map(|at| at.at_millis),
    };
    let first = node.consent(share.document).is_empty();
    let document = if share.fresh {
        node.share_afresh(share.document, person, terms)?
    } else {
        node.share(share.document, person, terms)?;
        share.document
    };
    let mut plain = words.format(
        text_id!("cli-shared"),
        &[("name", people::call(node, person).into())],
    );
    if first && !share.fresh && !share.with_history && node.has_removed_words(document)? {
        plain.push('\n');
        plain.push_str(&words.text(text_id!("cli-shared-history")));
    }
    if share.fresh {
        plain.push('\n');
        plain.push_str(&document.to_string());
    }
    Ok(Answer::new(terms_now(document, person, share.role), plain))
}

/// Stops sharing a document.
///
/// # Errors
/// The node's reason; nothing was changed.
pub(crate) fn unshare(
    node: &Node,
    document: DocumentId,
    with: &str,
    words: &Words,
) -> Result<Answer, Failure> {
    let person = people::find(node, with)?;
    node.unshare(document, person)?;
    let plain = words.format(
        text_id!("cli-unshared"),
        &[("name", people::call(node, person).into())],
    );
    Ok(Answer::new(
        terms_now(document, person, GrantRole::None),
        plain,
    ))
}

fn terms_now(document: DocumentId, person: PersonId, role: GrantRole) -> Value {
    json!({
        "document": document.to_string(),
        "person": person.to_string(),
        "role": grant_word(role),
    })
}

/// Every statement of consent about a document, oldest first.
///
/// # Errors
/// There is no such document.
pub(crate) fn consent(node: &Node, document: DocumentId, words: &Words) -> Result<Answer, Failure> {
    if node.marks(document).owner.is_none() {
        return Err(Failure::refused("there is no such document here"));
    }
    let mut plain = String::new();
    let mut json: Vec<Value> = Vec::new();
    for line in node.consent(document) {
        let receipt = line.receipt_millis.map(moment::utc);
        let since = moment::utc(line.at_millis);
        plain.push_str(&words.format(
            if line.erase {
                text_id!("cli-consent-erase")
            } else {
                text_id!("cli-consent")
            },
            &[
                ("name", people::call(node, line.grantee).into()),
                ("role", grant_word(line.role).into()),
                ("since", since.as_str().into()),
                ("purpose", line.purpose.as_str().into()),
                ("receipt", receipt.as_deref().unwrap_or("-").into()),
                ("force", if line.in_force { "yes" } else { "no" }.into()),
            ],
        ));
        plain.push('\n');
        json.push(json!({
            "person": line.grantee.to_string(),
            "role": grant_word(line.role),
            "purpose": line.purpose,
            "since": since,
            "expires": line.expires_millis.map(moment::utc),
            "receipt": receipt,
            "in_force": line.in_force,
            "erase": line.erase,
        }));
    }
    if json.is_empty() {
        plain = words.text(text_id!("cli-consent-none")).into_owned();
    }
    Ok(Answer::new(json, plain))
}
