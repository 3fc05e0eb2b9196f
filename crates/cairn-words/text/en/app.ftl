# What every page shares: names, marks, dates, notices.

app-name = Cairn
app-window-title = { $name } – Cairn
app-me = You
app-cancel = Cancel
app-close = Close
app-save = Save
app-back = Back
app-and-more = { $count ->
    [one] and one more
   *[other] and { $count } more
}

# The two marks at the end of a line.
app-only-me = Only you
app-you-and = You and { $name }
app-you-and-others = You and { $count } people
app-seen-by-hint = Who can see this: { $who }
app-saving = Saving…
app-saved = Saved on this device
app-saved-short = Saved
app-delivered-short = Delivered
app-delivered-to = Delivered to { $name }
app-not-yet-delivered = Saved on this device, not yet with { $name }
app-waiting-short = Not delivered yet
app-delivered-to-some = Delivered to { $count } of { $total }
app-store-stopped = Not saved since { $when }
app-store-stopped-body = The disk refused to save. What you write stays in this window for now. Make room on the disk, then close and open the notebook.

# The other person's voice.
app-by-me = You
app-by-unknown = Someone else

# Dates and times.
app-just-now = just now
app-today-at = today { $time }
app-yesterday-at = yesterday { $time }
app-day-and-month = { $day } { $month }
app-day-month-year = { $day } { $month } { $year }
app-weekday-1 = Monday
app-weekday-2 = Tuesday
app-weekday-3 = Wednesday
app-weekday-4 = Thursday
app-weekday-5 = Friday
app-weekday-6 = Saturday
app-weekday-7 = Sunday
app-month-1 = January
app-month-2 = February
app-month-3 = March
app-month-4 = April
app-month-5 = May
app-month-6 = June
app-month-7 = July
app-month-8 = August
app-month-9 = September
app-month-10 = October
app-month-11 = November
app-month-12 = December

# Roles.
app-role-client = comes to therapy
app-role-therapist = therapist
app-role-supporter = supports someone

# The bottom of the side bar.
app-connected = { $count ->
    [0] Not connected
    [one] Connected to { $name }
   *[other] Connected to { $count } people
}
app-alone = Not shared with anyone

# Notices.
app-notices = Notices
app-dismiss = Dismiss
app-something-refused = That could not be done: { $reason }. Nothing was lost.

# Renderer trouble, shown in the terminal.
app-no-renderer = Cairn cannot open a window: no graphics driver answered. Your notebook is untouched. Install the packages libgl1, libgl1-mesa-dri and libegl1 (Debian, Ubuntu), or mesa (others), then start Cairn again.
app-no-display = Cairn cannot open a window: there is no display here. Your notebook is untouched. Start Cairn from a desktop session, or use cairn-cli.
app-no-folder = Cairn does not know where your notebook lies: neither XDG_DATA_HOME nor HOME is set. Nothing was changed. Start it with --vault and a folder.
