# First start, recovery code, and unlocking.

welcome-title = A notebook for your goals
welcome-lead = Kept together by the two of you, stored on your own devices. There is no account and no server.
welcome-role-title = What brings you here?
welcome-role-client = I come to therapy
welcome-role-client-hint = Write down what you want to work on, and share what you choose.
welcome-role-therapist = I am a therapist
welcome-role-therapist-hint = Work on goals with the people who share theirs with you.
welcome-role-supporter = I support someone
welcome-role-supporter-hint = See what a friend or relative chose to show you.
welcome-name = Your name
welcome-name-hint = As the people you share with will see it
welcome-passphrase = Passphrase
welcome-passphrase-hint = Only this opens the notebook. Four or more words in a row are easy to keep in mind and hard to guess.
welcome-passphrase-again = The same passphrase again
welcome-passphrase-short = Short ones are quick to guess for someone who has this computer. You can still use it.
welcome-passphrase-common = This is on every guesser's list. You can still use it, but it would not keep anyone out.
welcome-passphrase-differs = The two are not the same yet.
welcome-show-passphrase = Show what I type
welcome-needs-role = Choose one of the three first.
welcome-needs-name = Your name is still missing.
welcome-needs-passphrase = A passphrase is still missing.
welcome-create = Make my notebook
welcome-demo = Look around in a demo
welcome-demo-hint = Two made-up notebooks, deleted when you close them.
welcome-working = Making the notebook…
welcome-working-hint = This takes a moment on purpose: it makes guessing slow.

welcome-recovery-title = Your recovery code
welcome-recovery-lead = If you forget the passphrase, this code is the only way back in. Nobody else has it, and it is shown only now. Write it down, or print it, and keep it where you keep important papers.
welcome-recovery-code = Recovery code
welcome-recovery-copy = Copy
welcome-recovery-copied = Copied. Paste it into a document to print it, then clear the clipboard.
welcome-recovery-written = I have written it down
welcome-recovery-open = Open my notebook

welcome-unlock-title = Welcome back
welcome-unlock-lead = This notebook is locked.
welcome-unlock-open = Open
welcome-unlock-working = Opening…
welcome-unlock-wrong = That passphrase does not open this notebook. Nothing was changed; try again.
