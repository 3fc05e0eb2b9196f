# Pairing, people, and who sees what.

people-title = People
people-empty = The people you share with belong here: your therapist, your client, someone who supports you.
people-connect-title = Connect with someone
people-connect-lead = Do this together, in the same room or on the phone. One of you shows a code, the other types it.
people-show-code = Show a code
people-enter-code = Type a code
people-code-shown = Read this out, or show it
people-code-where = Address of this device
people-code-waiting = Waiting for the other device…
people-code = Code
people-code-hint = Words or letters, as the other device shows them
people-address = Address
people-address-hint = As the other device shows it
people-connect = Connect
people-connecting = Connecting…
people-connected-with = Connected with { $name }. Nothing is shared yet: you choose that goal by goal.
people-refused = That did not work: { $reason }. Nothing was shared. Ask for a new code and try again.
people-try-again = Start again
people-local-name = My name for { $name }
people-local-name-hint = Only on your devices
people-rename = Change my name for them
people-online = connected
people-offline = not connected right now
people-devices = { $count ->
    [one] one device
   *[other] { $count } devices
}
people-shares-title = Who sees what
people-shares-empty = Nothing is shared with anyone. You share goal by goal, on the goal's page.
people-shares-what = What
people-shares-who = Who sees it
people-shares-access = Access
people-shares-since = Since
people-shares-receipt = Arrived there
people-shares-not-yet = not yet
people-shares-mine = Yours
people-shares-stop = Stop sharing { $what } with { $name }
