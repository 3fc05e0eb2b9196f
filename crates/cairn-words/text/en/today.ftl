# The first page: mood, ratings that are due, small steps.

today-title = Today
today-mood-title = How is it right now?
today-mood-heavy = heavy
today-mood-low = low
today-mood-so-so = so-so
today-mood-fair = fair
today-mood-good = good
today-mood-keys = Keys 1 to 5 choose, Ctrl+Enter saves
today-mood-words = Add a few words…
today-mood-words-name = A few words about it
today-mood-save = Save
today-mood-saved = { $mood }, { $when }
today-mood-earlier = Earlier
today-steps-title = Small steps
today-steps-empty = Steps you plan for a goal show up here, so that today has something small in it.
today-steps-empty-do = Go to your goals
today-steps-done = { $count ->
    [one] One step done today
   *[other] { $count } steps done today
}
today-with-others-title = With others
today-rate-title = A goal asks for a look
today-rate-question = Thinking about it now, how close does it feel?
today-rate-ends = 0 not started, 10 where I want it to be
today-rate-note = What makes it that number?
today-rate-save = Save rating
today-rate-empty = When a goal has not been rated for a week, it shows up here.
today-rate-none = Nothing to rate today. Numbers can wait.
today-first-title = A good first step
today-first-body = Write down one thing you want to work on. It does not have to be clear yet.
today-open-goal = Open this goal
today-proposed-by = { $name } proposed words for it
