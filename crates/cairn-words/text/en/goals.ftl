# The list of goals.

goals-title = Goals
goals-lead = Many people work on one to three at a time.
goals-empty = What you want to work on in therapy belongs here, in your own words.
goals-empty-therapist = Goals that someone shares with you appear here.
goals-empty-supporter = Goals that someone shares with you appear here.
goals-add = Add a goal…
goals-new-title = A new goal
goals-new-words = In your own words
goals-new-words-hint = Rough is fine. You can change it at any time.
goals-new-unclear-hint = It can stay empty: finding out is a goal too.
goals-new-kind = What is it about?
goals-new-save = Add this goal
goals-unclear-words = Find out what I want to work on
goals-in-focus = In focus
goals-in-focus-empty = Nothing in focus right now. That is fine too.
goals-paused = Paused
goals-closed = Closed
goals-soft-limit = More than three in focus is fine, but you could pause some and come back to them.
goals-waiting-for-me = Waiting for you
goals-waiting-for-other = Waiting for { $name }
goals-agreed = Agreed
goals-words-changed = Words changed
goals-last-rating = { $score } of 10, { $when }
goals-not-rated = not rated yet
goals-steps-open = { $count ->
    [one] one open step
   *[other] { $count } open steps
}
goals-untitled = No words yet

goals-kind-symptom = Something I want to ease
goals-kind-symptom-short = Symptom
goals-kind-behaviour = Something I want to do
goals-kind-behaviour-short = Behaviour
goals-kind-emotion = Handling feelings
goals-kind-emotion-short = Feelings
goals-kind-relationship = Being with others
goals-kind-relationship-short = Relationship
goals-kind-growth = Who I want to be
goals-kind-growth-short = Growth
goals-kind-clarity = I don't know yet
goals-kind-clarity-short = Finding out
