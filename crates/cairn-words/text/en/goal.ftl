# One goal.

goal-back = Goals
goal-title-name = The words of this goal
goal-title-hint = What do you want to work on?
goal-words-title = The words
goal-kind-title = What it is about
goal-why-title = Why it matters to me
goal-why-title-of = Why it matters to { $name }
goal-why-hint = In your own words, for the days when it is hard to see
goal-enough-title = Good enough
goal-enough-hint = What would be good enough on an ordinary day?

goal-agreement-title = Agreement
goal-agreement-draft = Not proposed to anyone yet. Both of you agree on the exact words, and changing them asks again.
goal-agreement-alone = Share this goal with someone to agree on its words together.
goal-agreement-proposed-by-me = You proposed these words { $when }. Waiting for { $name }.
goal-agreement-proposed-by-other = { $name } proposed these words { $when }. They count once you agree.
goal-agreement-agreed = You and { $name } agreed on these words { $when }.
goal-agreement-others-agreed = { $name } agreed on these words, proposed { $when }. You were not asked.
goal-agreement-others-proposed = These words were proposed { $when } between { $name }. You were not asked.
goal-agreement-changed = The words changed after you agreed on them. They count again once both of you agree.
goal-propose = Propose these words
goal-accept = Agree to these words
goal-wordings = Earlier wordings
goal-wordings-hide = Hide earlier wordings
goal-wording-by = { $name }, { $when }
goal-wording-empty = No words

goal-steps-title = Steps
goal-steps-empty = Small things you could try, one at a time.
goal-step-new = Add a small step…
goal-step-new-name = A new step
goal-step-add = Add step
goal-step-by = { $name }

goal-ratings-title = How close it feels
goal-ratings-count = { $count ->
    [one] { $count } rating
   *[other] { $count } ratings
}
goal-ratings-empty = Your ratings appear here as a line, with your own words beside each number.
goal-ratings-name = Own ratings from { $first } to { $last }, lowest { $low }, highest { $high }
goal-ratings-linear = Ratings go up and down. One number says little; the line shows the middle of three.
goal-rate-title = How it seems now
goal-rate-question = Thinking about it now, how close does it feel?
goal-rate-ends = 0 not started, 10 where I want it to be
goal-rate-note = What makes it that number?
goal-rate-save = Save rating
goal-rate-score = { $score } of 10
goal-rating-line = { $score } of 10, { $when }
goal-ratings-table = As a table
goal-ratings-chart = As a line
goal-ratings-when = When
goal-ratings-score = 0 to 10
goal-ratings-words = In own words

goal-who-title = Who can see it
goal-who-only-me = Only you. It does not leave this device.
goal-who-owner = { $name } shares this goal with you.
goal-share = Share with { $name }
goal-share-nobody = Connect with someone first, then you can share this goal.
goal-share-read = can read
goal-share-write = can read and write
goal-share-question = { $name } will see everything in this goal, also what was there before, and can write in it.
goal-share-confirm = Share it
goal-unshare = Stop sharing
goal-unshare-question = { $name } keeps what has already arrived. New changes stay with you.
goal-unshare-confirm = Stop sharing
goal-shared-since = since { $when }
goal-shared-receipt = received { $when }
goal-shared-no-receipt = not yet received

goal-history-title = What happened
goal-history-created = { $name } wrote down this goal
goal-history-title-changed = { $name } changed the words
goal-history-why-changed = { $name } changed why it matters
goal-history-enough-changed = { $name } changed what is good enough
goal-history-kind-changed = { $name } changed what it is about
goal-history-step-added = { $name } added a step
goal-history-step-done = { $name } ticked a step
goal-history-step-undone = { $name } opened a step again
goal-history-rated = { $name } added a rating
goal-history-proposed = { $name } proposed the words
goal-history-accepted = { $name } agreed to the words
goal-history-shared = { $name } shared it with { $other }
goal-history-unshared = { $name } stopped sharing it with { $other }
goal-history-paused = { $name } paused it
goal-history-resumed = { $name } took it up again
goal-history-closed = { $name } closed it
goal-history-other = { $name } changed something
goal-history-more = Show all

goal-pause = Pause
goal-resume = Take up again
goal-close = Close this goal…
goal-close-question = How did it turn out?
goal-close-achieved = Reached
goal-close-good-enough = Good enough
goal-close-partly = Partly
goal-close-changed = It became another goal
goal-close-let-go = Let go
goal-close-not-now = Not now
goal-state-focus = In focus
goal-state-paused = Paused
goal-state-closed = Closed: { $outcome }
