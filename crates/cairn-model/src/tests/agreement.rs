//! Agreement needs both persons, on the exact words, now.

use automerge::transaction::Transactable;
use automerge::{ROOT, ReadDoc};

use crate::TextField::{GoodEnough, Title, Why};
use crate::testing::{ANN, BOB, CAS, Replica, rate, set, splice, step};
use crate::{
    Agreement, AgreementState, CommandError, Digest, GoalCommand, GoalKind, GoalOutcome,
    IgnoredReason, Words,
};

/// Client and therapist with the same goal, proposed by the client.
fn proposed() -> (Replica, Replica, String) {
    let mut ann = Replica::goal("Walk");
    let proposal = ann.proposes(BOB);
    let bob = ann.fork(BOB, 1);
    (ann, bob, proposal)
}

fn agreed() -> (Replica, Replica, String) {
    let (mut ann, mut bob, proposal) = proposed();
    bob.accepts(&proposal).unwrap();
    assert_eq!(ann.meet(&mut bob).agreement.state(), AgreementState::Agreed);
    (ann, bob, proposal)
}

fn reads(replica: &Replica, state: AgreementState) {
    assert_eq!(replica.view().agreement.state(), state);
}

#[test]
fn row_15_agreement_needs_both() {
    let mut ann = Replica::goal("Walk");
    assert_eq!(ann.view().agreement, Agreement::NoProposal);
    let proposal = ann.proposes(BOB);
    let mut bob = ann.fork(BOB, 1);
    let waiting = Agreement::Proposed {
        proposal: proposal.clone(),
        by: ANN.to_owned(),
        waiting_for: vec![BOB.to_owned()],
    };
    assert_eq!(bob.view().agreement, waiting);
    assert_eq!(ann.accepts(&proposal).unwrap(), GoalOutcome::Unchanged);
    assert_eq!(ann.view().agreement, waiting);

    bob.accepts(&proposal).unwrap();
    let view = ann.meet(&mut bob);
    let Agreement::Agreed {
        proposal: agreed,
        by,
        ..
    } = &view.agreement
    else {
        panic!("not agreed");
    };
    assert_eq!(
        (agreed, by),
        (&proposal, &vec![ANN.to_owned(), BOB.to_owned()])
    );
    assert_eq!(view.proposals[0].title, "Walk");
    assert_eq!(view.ignored, []);
}

#[test]
fn row_15_agreement_needs_both_also_when_the_therapist_proposes() {
    let ann = Replica::goal("Walk");
    let mut bob = ann.fork(BOB, 1);
    let proposal = bob.proposes(ANN);
    let mut ann = bob.fork(ANN, 2);
    reads(&ann, AgreementState::Proposed);
    ann.accepts(&proposal).unwrap();
    assert_eq!(ann.meet(&mut bob).agreement.state(), AgreementState::Agreed);
}

#[test]
fn row_15_agreement_needs_both_to_have_seen_the_text() {
    let (mut ann, mut bob, proposal) = proposed();
    ann.does(set(Title, "Walk every day"));
    bob.accepts(&proposal).unwrap();
    reads(&bob, AgreementState::Agreed);
    let view = ann.meet(&mut bob);
    assert_eq!(
        view.agreement,
        Agreement::Changed {
            since: proposal,
            was_agreed: true
        }
    );
    assert_eq!(view.title, "Walk every day");
}

#[test]
fn row_15_agreement_needs_both_at_the_moment_of_the_click() {
    let (mut ann, mut bob, proposal) = proposed();
    let seen = bob.view().proposals[0].digest;
    ann.does(set(Title, "Run"));
    bob.pull(&mut ann);
    let accept = GoalCommand::Accept {
        proposal,
        digest: seen,
    };
    assert!(matches!(
        bob.apply(&accept),
        Err(CommandError::WordingChanged)
    ));
    let propose = |wording: Digest| GoalCommand::Propose {
        wording,
        parties: vec![BOB.to_owned()],
        reason: Words::default(),
    };
    let seen = ann.view().wording;
    ann.does(set(GoodEnough, "twice a week"));
    assert!(matches!(
        ann.apply(&propose(seen)),
        Err(CommandError::WordingChanged)
    ));
}

#[test]
fn row_15_agreement_needs_both_anew_after_any_edit_of_the_wording() {
    let check = |edits: &[GoalCommand]| {
        let (mut ann, mut bob, proposal) = agreed();
        for edit in edits {
            ann.does(edit.clone());
        }
        let view = ann.meet(&mut bob);
        assert_eq!(
            view.agreement,
            Agreement::Changed {
                since: proposal,
                was_agreed: true
            }
        );
        assert_eq!(view.title, "Walk");
        let renewed = ann.proposes(BOB);
        bob.pull(&mut ann);
        reads(&bob, AgreementState::Proposed);
        bob.accepts(&renewed).unwrap();
        assert_eq!(ann.meet(&mut bob).agreement.state(), AgreementState::Agreed);
    };
    // A → B → A: by setting, by an insertion deleted again, by a deletion typed again.
    check(&[set(Title, "Run"), set(Title, "Walk")]);
    check(&[splice(Title, 4, 0, "x"), splice(Title, 4, 1, "")]);
    check(&[splice(Title, 3, 1, ""), splice(Title, 3, 0, "k")]);
    check(&[
        GoalCommand::SetKind(Some(GoalKind::Growth)),
        GoalCommand::SetKind(None),
    ]);
    check(&[set(GoodEnough, "often"), set(GoodEnough, "")]);
    check(&[GoalCommand::SetKind(Some(GoalKind::Growth))]);
    check(&[set(GoodEnough, "often")]);
}

#[test]
fn row_15_agreement_needs_both_anew_after_a_raw_edit_that_leaves_no_mark() {
    // An editor that does not note its edits: the ids of the visible elements still differ.
    let (mut ann, mut bob, _) = agreed();
    let mut transaction = ann.document.transaction();
    let (_, title) = transaction.get(ROOT, "title").unwrap().unwrap();
    transaction.splice_text(&title, 0, 1, "W").unwrap();
    transaction.commit();
    let view = ann.meet(&mut bob);
    assert_eq!(view.title, "Walk");
    assert_eq!(view.agreement.state(), AgreementState::Changed);
}

#[test]
fn a_b_a_in_two_concurrent_halves_revives_nothing() {
    let (mut ann, mut bob, _) = agreed();
    ann.does(splice(Title, 4, 0, "ing"));
    ann.meet(&mut bob);
    reads(&bob, AgreementState::Changed);
    bob.does(splice(Title, 4, 3, ""));
    assert_eq!(
        ann.meet(&mut bob).agreement.state(),
        AgreementState::Changed
    );
}

#[test]
fn what_is_not_the_wording_leaves_the_agreement_alone() {
    let (mut ann, mut bob, _) = agreed();
    for edit in [
        set(Why, "for my knees"),
        step("to the bridge"),
        rate(4),
        GoalCommand::Pause,
        GoalCommand::Resume,
    ] {
        ann.does(edit);
        assert_eq!(ann.meet(&mut bob).agreement.state(), AgreementState::Agreed);
    }
    assert_eq!(
        ann.apply(&set(Title, "Walk")).unwrap(),
        GoalOutcome::Unchanged
    );
    reads(&ann, AgreementState::Agreed);
}

#[test]
fn a_conflict_in_the_wording_ends_the_agreement_and_must_be_settled_first() {
    let (mut ann, mut bob, _) = agreed();
    ann.does(GoalCommand::SetKind(Some(GoalKind::Growth)));
    bob.does(GoalCommand::SetKind(Some(GoalKind::Emotion)));
    let view = ann.meet(&mut bob);
    assert_eq!(view.agreement.state(), AgreementState::Changed);
    let mut both = vec![view.kind.unwrap()];
    both.extend(&view.kind_conflicts);
    both.sort();
    assert_eq!(both, [GoalKind::Emotion, GoalKind::Growth]);
    let propose = GoalCommand::Propose {
        wording: view.wording,
        parties: vec![BOB.to_owned()],
        reason: Words::default(),
    };
    assert!(matches!(
        ann.apply(&propose),
        Err(CommandError::WordingConflicted)
    ));
    ann.does(GoalCommand::SetKind(Some(GoalKind::Growth)));
    assert_eq!(ann.view().kind_conflicts, []);
    ann.proposes(BOB);
}

#[test]
fn withdrawing_ends_it_and_accepting_again_renews_it() {
    let (mut ann, mut bob, proposal) = agreed();
    bob.does(GoalCommand::Withdraw {
        proposal: proposal.clone(),
    });
    assert_eq!(
        ann.meet(&mut bob).agreement.state(),
        AgreementState::Proposed
    );
    bob.accepts(&proposal).unwrap();
    assert_eq!(ann.meet(&mut bob).agreement.state(), AgreementState::Agreed);

    // Taken back on one device, given again on another: the withdrawal outweighs.
    let mut other = bob.fork(BOB, 2);
    other.does(GoalCommand::Withdraw {
        proposal: proposal.clone(),
    });
    bob.does(GoalCommand::Withdraw {
        proposal: proposal.clone(),
    });
    bob.accepts(&proposal).unwrap();
    reads(&bob, AgreementState::Agreed);
    assert_eq!(
        bob.meet(&mut other).agreement.state(),
        AgreementState::Agreed
    );

    ann.does(GoalCommand::Withdraw {
        proposal: proposal.clone(),
    });
    let view = ann.meet(&mut bob);
    assert_eq!(view.agreement, Agreement::NoProposal);
    assert!(matches!(
        bob.accepts(&proposal),
        Err(CommandError::NoSuchProposal)
    ));
}

#[test]
fn deleting_a_withdrawal_brings_no_acceptance_and_no_proposal_back() {
    let (mut ann, mut bob, proposal) = agreed();
    bob.does(GoalCommand::Withdraw {
        proposal: proposal.clone(),
    });
    ann.meet(&mut bob);
    delete_withdrawal(&mut ann, "acceptances", &format!("{BOB}/{proposal}"));
    let view = bob.meet(&mut ann);
    assert_eq!(view.agreement.state(), AgreementState::Proposed);

    let (mut ann, mut bob, proposal) = agreed();
    ann.does(GoalCommand::Withdraw {
        proposal: proposal.clone(),
    });
    bob.meet(&mut ann);
    delete_withdrawal(&mut bob, "proposals", &proposal);
    assert_eq!(ann.meet(&mut bob).agreement, Agreement::NoProposal);
}

/// What a changed program could do: nobody is recorded as having deleted a key.
fn delete_withdrawal(replica: &mut Replica, container: &str, key: &str) {
    let mut transaction = replica.document.transaction();
    let (_, container) = transaction.get(ROOT, container).unwrap().unwrap();
    let (_, entry) = transaction.get(&container, key).unwrap().unwrap();
    transaction.delete(&entry, "withdrawn_at").unwrap();
    transaction.commit();
}

#[test]
fn proposing_the_same_to_each_other_is_agreement() {
    let mut ann = Replica::goal("Walk");
    let mut bob = ann.fork(BOB, 1);
    ann.proposes(BOB);
    let bobs = bob.proposes(ANN);
    assert_eq!(ann.meet(&mut bob).agreement.state(), AgreementState::Agreed);
    bob.does(GoalCommand::Withdraw { proposal: bobs });
    assert_eq!(
        ann.meet(&mut bob).agreement.state(),
        AgreementState::Proposed
    );
}

#[test]
fn a_new_proposal_for_the_same_words_does_not_undo_the_agreement() {
    let (mut ann, mut bob, _) = agreed();
    bob.proposes(CAS);
    let view = ann.meet(&mut bob);
    assert_eq!(view.agreement.state(), AgreementState::Agreed);
    assert_eq!(view.ignored[0].reason, IgnoredReason::PartiesIncomplete);
}

#[test]
fn nobody_can_agree_around_the_owner() {
    let mut ann = Replica::goal("Walk");
    let mut bob = ann.fork(BOB, 1);
    let wording = bob.view().wording;
    let parties = vec![CAS.to_owned()];
    let reason = Words::default();
    bob.does(GoalCommand::Propose {
        wording,
        parties: parties.clone(),
        reason: reason.clone(),
    });
    let view = ann.meet(&mut bob);
    assert_eq!(view.agreement, Agreement::NoProposal);
    assert_eq!(view.ignored[0].reason, IgnoredReason::PartiesIncomplete);

    let alone = GoalCommand::Propose {
        wording,
        parties: vec![BOB.to_owned()],
        reason,
    };
    assert!(matches!(
        bob.apply(&alone),
        Err(CommandError::PartiesInvalid)
    ));
}

#[test]
fn three_persons_must_all_accept() {
    let mut ann = Replica::goal("Walk");
    let wording = ann.view().wording;
    let parties = vec![CAS.to_owned(), BOB.to_owned()];
    let propose = GoalCommand::Propose {
        wording,
        parties,
        reason: "together".into(),
    };
    let proposal = ann.does(propose);
    let mut bob = ann.fork(BOB, 1);
    let mut cas = ann.fork(CAS, 1);
    bob.accepts(&proposal).unwrap();
    let view = ann.meet(&mut bob);
    assert_eq!(view.proposals[0].waiting_for(), [CAS]);
    assert_eq!(view.proposals[0].reason, "together");
    cas.accepts(&proposal).unwrap();
    assert_eq!(ann.meet(&mut cas).agreement.state(), AgreementState::Agreed);
}

#[test]
fn a_person_who_was_not_asked_cannot_accept() {
    let (ann, _, proposal) = proposed();
    let mut cas = ann.fork(CAS, 1);
    assert!(matches!(
        cas.accepts(&proposal),
        Err(CommandError::NotAParty)
    ));
}

#[test]
fn a_forged_acceptance_counts_for_nothing() {
    let (mut ann, mut bob, proposal) = proposed();
    let digest = ann.view().proposals[0].digest;
    let key = format!("{BOB}/{proposal}");
    forge_acceptance(&mut ann, &key, digest.as_bytes());
    let view = ann.meet(&mut bob);
    assert_eq!(view.agreement.state(), AgreementState::Proposed);
    let forged = &view.ignored[0];
    assert_eq!(forged.key, key);
    assert_eq!(forged.author.as_deref(), Some(ANN));
    assert_eq!(forged.reason, IgnoredReason::AnotherAuthor);
    // Also when the therapist really accepts later, over the forged one.
    bob.accepts(&proposal).unwrap();
    assert_eq!(ann.meet(&mut bob).agreement.state(), AgreementState::Agreed);
}

#[test]
fn a_forged_digest_in_ones_own_acceptance_counts_for_nothing() {
    let (mut ann, mut bob, proposal) = proposed();
    forge_acceptance(&mut bob, &format!("{BOB}/{proposal}"), &[7; 32]);
    assert_eq!(
        ann.meet(&mut bob).agreement.state(),
        AgreementState::Proposed
    );
}

fn forge_acceptance(replica: &mut Replica, key: &str, digest: &[u8]) {
    let mut transaction = replica.document.transaction();
    let (_, map) = transaction.get(ROOT, "acceptances").unwrap().unwrap();
    let entry = transaction
        .put_object(&map, key, automerge::ObjType::Map)
        .unwrap();
    transaction.put(&entry, "digest", digest.to_vec()).unwrap();
    transaction.put(&entry, "at", 5_i64).unwrap();
    transaction.commit();
}

#[test]
fn a_proposal_cannot_be_changed_under_those_who_accepted_it() {
    let check = |field: &str, value: &str| {
        let (mut ann, mut bob, proposal) = agreed();
        let mut transaction = ann.document.transaction();
        let (_, map) = transaction.get(ROOT, "proposals").unwrap().unwrap();
        let (_, entry) = transaction.get(&map, proposal.as_str()).unwrap().unwrap();
        transaction.put(&entry, field, value).unwrap();
        transaction.commit();
        let view = ann.meet(&mut bob);
        assert_eq!(view.agreement, Agreement::NoProposal, "{field}");
        assert_eq!(view.ignored[0].reason, IgnoredReason::NotAsked);
        assert_eq!(view.ignored[1].reason, IgnoredReason::Misquoted);
    };
    check("title", "Fly");
    check("kind", "growth");
    check("good_enough", "never");
    check("parties", "ann/bob/cas");
}

#[test]
fn a_proposal_rewritten_as_a_whole_loses_its_acceptances() {
    let (mut ann, mut bob, proposal) = agreed();
    ann.does(set(Title, "Fly"));
    let other = ann.proposes(BOB);
    let mut transaction = ann.document.transaction();
    let (_, map) = transaction.get(ROOT, "proposals").unwrap().unwrap();
    let entry = |transaction: &automerge::transaction::Transaction<'_>, key: &str| {
        transaction.get(&map, key).unwrap().unwrap().1
    };
    let (to, from) = (entry(&transaction, &proposal), entry(&transaction, &other));
    for field in ["title", "revision", "digest"] {
        let (value, _) = transaction.get(&from, field).unwrap().unwrap();
        let value = value.as_scalar().unwrap().to_owned();
        transaction.put(&to, field, value).unwrap();
    }
    transaction.commit();
    let view = ann.meet(&mut bob);
    assert_eq!(view.agreement.state(), AgreementState::Proposed);
    let rewritten = view
        .proposals
        .iter()
        .find(|known| known.id == proposal)
        .unwrap();
    assert_eq!((&*rewritten.title, rewritten.live), ("Fly", true));
    assert_eq!(rewritten.waiting_for(), [BOB]);
}

#[test]
fn nothing_is_proposed_without_a_title_or_to_nobody() {
    let check = |title: &str, parties: &[&str], expected: &str| {
        let mut ann = Replica::goal(title);
        let propose = GoalCommand::Propose {
            wording: ann.view().wording,
            parties: parties.iter().map(|party| (*party).to_owned()).collect(),
            reason: Words::default(),
        };
        let error = ann.apply(&propose).unwrap_err();
        assert!(format!("{error:?}").starts_with(expected), "{error:?}");
        assert_eq!(ann.view().proposals, []);
    };
    check(" ", &[BOB], "NothingToPropose");
    check("Walk", &[], "PartiesInvalid");
    check("Walk", &[ANN], "PartiesInvalid");
    check("Walk", &["a/b"], "PartiesInvalid");
    check(
        "Walk",
        &["1", "2", "3", "4", "5", "6", "7", "8"],
        "PartiesInvalid",
    );
}

#[test]
fn the_digest_follows_the_written_encoding() {
    // The encoding of docs/schema.md, by hand.
    let (ann, _, _) = proposed();
    let view = ann.view();
    let operation = |counter: u64| {
        let mut bytes = counter.to_le_bytes().to_vec();
        bytes.extend(2_u32.to_le_bytes());
        bytes.extend([b'a', 1]);
        bytes
    };
    let number = |number: u32| number.to_le_bytes().to_vec();
    let mut revision = b"cairn wording revision v1".to_vec();
    // The title object is operation 5, its four elements follow.
    revision.extend([number(1), operation(5), number(4)].concat());
    revision.extend((6..10).flat_map(operation));
    revision.extend(number(0));
    // The why object is operation 10, the good-enough object operation 11.
    revision.extend([number(1), operation(11), number(0)].concat());
    revision.extend(number(0));
    let revision = blake3::hash(&revision);
    let mut wording = b"cairn wording v1".to_vec();
    wording.extend([number(1), number(4), b"Walk".to_vec()].concat());
    wording.extend([number(0), number(1), number(0)].concat());
    wording.extend(revision.as_bytes());
    let wording = blake3::hash(&wording);
    assert_eq!(view.wording.as_bytes(), wording.as_bytes());
    let mut proposal = b"cairn proposal v1".to_vec();
    proposal.extend(wording.as_bytes());
    proposal.extend(
        [
            number(2),
            number(3),
            b"ann".to_vec(),
            number(3),
            b"bob".to_vec(),
        ]
        .concat(),
    );
    assert_eq!(
        view.proposals[0].digest.as_bytes(),
        blake3::hash(&proposal).as_bytes()
    );
}
