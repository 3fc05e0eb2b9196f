//! Pairing with another person's notebook.

use cairn_node::pairing::Ticket;
use cairn_node::{CancelPairing, Invitation, Node, PersonId};
use cairn_words::{Words, text_id};
use serde_json::json;

use crate::answer::Answer;
use crate::arguments::PairCommand;
use crate::failure::Failure;
use crate::output::Output;
use crate::people;

/// How every ticket begins; a code has digits only.
const TICKET_PREFIX: &str = "cairn1";

/// Offers or accepts.
///
/// # Errors
/// Nobody was paired.
pub(crate) fn run(
    node: &Node,
    command: &PairCommand,
    words: &Words,
    output: &Output,
) -> Result<(), Failure> {
    let person = match command {
        PairCommand::Offer { listen, name } => {
            let offer = node.offer_pairing(*listen)?;
            let (Some(code), Some(ticket)) = (offer.code(), offer.ticket()) else {
                return Err(Failure::refused(
                    "somebody tried the code before it was shown",
                ));
            };
            // Bound to every address, it is reached at one of those in the ticket.
            let address = match ticket.parse::<Ticket>()?.addresses() {
                [first, ..] => first.to_string(),
                [] => offer.address().to_string(),
            };
            let json = json!({ "code": *code, "ticket": *ticket, "address": address });
            let plain = words.format(
                text_id!("cli-pair-offer"),
                &[
                    ("code", code.as_str().into()),
                    ("ticket", ticket.as_str().into()),
                    ("address", address.as_str().into()),
                ],
            );
            output.line(&json, &plain)?;
            offer.wait(name.as_deref(), &CancelPairing::default())?
        }
        PairCommand::Accept {
            invitation,
            peer,
            name,
        } => {
            let invitation = match peer {
                Some(address) => Invitation::Code {
                    code: invitation,
                    address: *address,
                },
                None if invitation.starts_with(TICKET_PREFIX) => Invitation::Ticket(invitation),
                None => {
                    return Err(Failure::Usage(
                        "a code needs --peer, the address that was told with it".into(),
                    ));
                }
            };
            node.accept_pairing(&invitation, name.as_deref(), &CancelPairing::default())?
        }
    };
    if !node.flush() {
        return Err(Failure::not_saved());
    }
    output.answer(&paired(node, person, words))
}

fn paired(node: &Node, person: PersonId, words: &Words) -> Answer {
    let plain = words.format(
        text_id!("cli-paired"),
        &[("name", people::call(node, person).into())],
    );
    Answer::new(json!({ "paired": person.to_string() }), plain)
}
