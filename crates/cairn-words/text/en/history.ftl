# Looking back: what changed since when, by whom. A sentence begins with who did it.

history-created = { $name } began this
history-title-changed = { $name } changed the words
history-why-changed = { $name } changed why it matters
history-enough-changed = { $name } changed what is good enough
history-kind-changed = { $name } changed what it is about
history-step-added = { $name } added a step
history-step-reworded = { $name } reworded a step
history-step-moved = { $name } moved a step
history-step-done = { $name } ticked a step
history-step-reopened = { $name } opened a step again
history-step-removed = { $name } removed a step
history-rated = { $name } rated this { $value }
history-rated-again = { $name } rated this { $value } (was { $was })
history-rated-unknown = { $name } added a rating
history-note-changed = { $name } changed the note beside a rating
history-rating-removed = { $name } took a rating back
history-proposed = { $name } proposed the wording
history-proposal-withdrawn = { $name } took the proposed wording back
history-accepted = { $name } agreed to the wording
history-acceptance-withdrawn = { $name } no longer agrees to the wording
history-paused = { $name } paused this
history-taken-up = { $name } took this up again
history-closed = { $name } closed this
history-closed-as = { $name } closed this: { $outcome }
history-moods = { $count ->
    [one] { $name } noted a mood
   *[other] { $name } noted { $count } moods
}
history-mood-notes = { $count ->
    [one] { $name } changed the note beside a mood
   *[other] { $name } changed notes beside moods, { $count } times
}
history-moods-removed = { $count ->
    [one] { $name } removed a mood
   *[other] { $name } removed { $count } moods
}
history-other = { $name } changed something that has no name here

# What follows a sentence.
history-with-words = { $sentence }: “{ $words }”
history-unproven = { $sentence } (who wrote it is not proven)
history-line = { $when } · { $sentence }

# What changed where.
history-goal = { $title }
history-goal-new = { $title } (new)
history-goal-renamed = { $title } (before: { $before })
history-moods-title = Moods
history-document-unknown = A document that this version does not show ({ $document })
history-nothing = Nothing has changed.

# Since when.
history-since-bookmark = Since “{ $bookmark }”, { $when }:
history-since-met = Since your device last met { $name }’s, { $when }:
history-since-met-before = Since your device met { $name }’s the time before, { $when }:
history-since-ever = From the beginning:
history-as-of = As it was { $when }:
history-bookmark = { $when } · { $bookmark }, { $documents ->
    [one] one document
   *[other] { $documents } documents
}
history-bookmark-met = { $when } · your device last met { $name }’s, { $documents ->
    [one] one document
   *[other] { $documents } documents
}
history-bookmark-met-before = { $when } · your device met { $name }’s the time before, { $documents ->
    [one] one document
   *[other] { $documents } documents
}
history-bookmark-added = Bookmark “{ $bookmark }” is set.
history-bookmark-removed = Bookmark “{ $bookmark }” is removed.
history-bookmarks-none = No bookmarks yet.
