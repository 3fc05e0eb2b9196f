# What the command line says. Its help is in its own source.

cli-passphrase = Passphrase:
cli-passphrase-new = New passphrase:
cli-passphrase-again = The same again:

cli-made = { $name }’s notebook is made. Your id is { $person }
cli-recovery-kept = The recovery code is in its file. Print it, keep the paper, then delete the file.
cli-recovery-not-kept = No recovery code was kept: only the passphrase opens this notebook.
cli-whoami = { $name }, { $role }
    person { $person }
    device { $device }
cli-role-client = client
cli-role-therapist = therapist
cli-role-supporter = supporter

cli-goal-added = Goal { $document }
cli-goals-none = No goals yet.
cli-goal-line = { $document } · { $title } · ({ $state }, { $count ->
    [0] only you
    [one] shared with one person
   *[other] shared with { $count } people
})
cli-no-title = (no words yet)
cli-changes = { $count ->
    [0] It was so already.
    [one] Changed.
   *[other] Changed, { $count } times.
}
cli-created = Noted as { $id }
cli-goal-kind = kind: { $value }
cli-goal-state = state: { $value }
cli-goal-outcome = how it ended: { $value }
cli-goal-why = why: { $value }
cli-goal-good-enough = good enough: { $value }
cli-goal-agreement = wording: { $value }
cli-agreement-proposed = proposed by { $name }, not agreed yet
cli-agreement-agreed = agreed { $when }
cli-agreement-changed = changed since it was proposed
cli-goal-rating = { $when } · { $name }: { $value } of 10 · { $note }
cli-goal-rating-copied = { $when } · { $name }: { $value } of 10 · { $note } · copied by { $copier }, unproven
cli-goal-visible = also seen by: { $value }
cli-goal-delivered = arrived at: { $value }

cli-mood = { $when } · { $value } of 10 · { $note }
cli-moods-none = No moods noted yet.

cli-shared = Shared with { $name }. It leaves this device when your devices next meet.
cli-shared-history = Words that were removed or replaced before travel with it. With --fresh they stay behind.
cli-unshared = No longer shared with { $name }. What has arrived there stays there.
cli-consent = { $since } · { $name }: { $role }, { $force ->
    [yes] in force
   *[no] replaced
}, received { $receipt } · { $purpose }
cli-consent-erase = { $since } · { $name }: asked to remove it, answered { $receipt }
cli-consent-none = Only you can see it, and nobody else ever could.

cli-erased = Removed here. A device of yours that stays offline, a backup or paper cannot be forced.
cli-erased-asked = Removed here, and { $name }’s device was asked. A device that stays offline, a backup or paper cannot be forced.
cli-erased-device = { $name } · { $device }: { $answered ->
    [yes] removed { $when }
   *[no] not answered yet
}
cli-draft = { $when } · { $words }
cli-drafts-none = Nothing is kept aside.
cli-fresh-copy = It goes on as { $document }, with the same consents. The old one is removed here, and everyone who could see it is asked to remove it.

cli-pair-offer = Code { $code } at { $address }, for ten minutes and one try.
    Or this ticket, over a channel that only the two of you read:
    { $ticket }
cli-paired = Paired with { $name }.
cli-person = { $name }, { $role } · { $person } · { $devices ->
    [one] one device
   *[other] { $devices } devices
}, { $connected ->
    [yes] connected
   *[no] not connected
}
cli-people-nobody = Not paired with anyone yet.
cli-device = { $device }
cli-device-this = { $device } · (this one)

cli-listening = Listening at { $address }
cli-connected = { $name } is connected
cli-disconnected = { $name } is no longer connected
cli-settled = Everything is exchanged with { $name }
cli-changed = { $document } changed
cli-delivered = { $document } has arrived at { $name }
cli-consent-changed = Consent for { $document } changed
cli-refused = { $count ->
    [one] One change
   *[other] { $count } changes
} of { $document } { $by ->
    [them] not taken by { $name }
   *[us] by { $name } not taken
}
cli-beyond-cut = { $count ->
    [one] One change
   *[other] { $count } changes
} of { $document } by a device of { $name } that was removed: not taken until somebody decides
cli-devices-changed = The devices of { $name } changed
cli-vault-behind = { $count ->
    [one] One change
   *[other] { $count } changes
} of { $document } came back: this notebook was older than what others had of it
cli-device-cloned = Two copies of one device of { $name } are in use. Close one of them; nothing is lost
cli-forked = A device of { $name } wrote two different changes of { $document } as the same one; one of them was taken
cli-malformed = A device of { $name } sent changes of { $document } that no honest program writes: nothing of them was taken, and the connection is closed
cli-set-aside = { $count ->
    [one] One change
   *[other] { $count } changes
} of { $document } kept aside, since the owner does not take { $count ->
    [one] it
   *[other] them
}
cli-document-erased = { $document } was erased by its owner and is removed from this device{ $count ->
    [0] { "" }
    [one] ; one change of yours that had not arrived is kept aside
   *[other] ; { $count } changes of yours that had not arrived are kept aside
}
cli-damaged = { $document } is damaged and is left as it is
cli-synced = { $documents ->
    [one] One shared document
   *[other] { $documents } shared documents
} compared, { $sent } changes sent, { $received } received, { $millis } ms

cli-imported = { $lines } lines, { $changes } changes in { $documents ->
    [one] one document
   *[other] { $documents } documents
}, { $millis } ms
cli-import-progress = { $lines } lines…
cli-verified = { $documents } documents, { $changes } changes, { $statements } statements: { $faults ->
    [0] all in order
    [one] one fault
   *[other] { $faults } faults
}
cli-doctor = Cairn { $version }
    vault: { $bytes } bytes, log { $log } bytes, { $documents } documents, { $changes } changes
    closed in order last time: { $checked ->
        [yes] no, so every page was checked
       *[no] yes
    }
    faults in its pages: { $faults }
    people: { $people }, with a known address { $reachable }
