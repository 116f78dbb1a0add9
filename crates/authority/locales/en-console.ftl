# The administrator's console

# Around every page
console-overview = Overview
console-users = Accounts
console-clients = Applications
console-keys = Keys
console-revocations = Revocation log
console-verifiers = Verifiers
console-everyone = Everyone
console-changed = The page has been brought up to date.
console-ended = This device was signed out.
console-more = Show more
console-none = Nothing yet.

# Figures
console-figure-head = Last entry of the log
console-figure-verifiers = Verifiers connected
console-figure-current = Verifiers up to date
console-latest = Latest revocations
console-all-revocations = The whole log

# Accounts
console-search = Beginning of a login name, or a whole id, of another system too
console-find = Find
console-nobody-found = No account has this name or id.
console-administrator = Administrator
console-person = Person
console-active = Active
console-locked = Locked
console-since = since
console-until = until
console-id = Id
console-role = Role
console-state = State
console-unlock = Unlock
console-sessions = Devices
console-no-sessions = Nothing is signed in.
console-sessions-further = Nothing that is still signed in is on this page.
console-user-agent = Introduces itself as
console-history = History
console-entry = entry { $n }

# Applications
console-kind = Kind
console-kind-browser = Runs in a browser
console-kind-native = Installed on a computer
console-kind-mobile = Installed on a phone or tablet
console-kind-service = A service, acting for itself
console-audiences = Tokens are for
console-scopes = Tokens may allow

# Keys
console-keys-intro = What access tokens are signed with, and what refresh tokens are protected with.
console-rotate = Make new keys
console-key-signing = Signs access tokens
console-key-mac = Protects refresh tokens and cookies
console-key-current = In use
console-key-superseded = Superseded
console-key-revoked = Revoked
console-compromise = Revoke
console-compromise-it = Revoke { $it }

# The log
console-revocations-intro = All that was ended, newest first.
console-position = Entry
console-time = When
console-scope = What
console-reason = Why
console-actor = Who
console-newest-enforced = The newest entry is enforced: no verifier accepts any more what it ended.
console-missing = { $confirmed } of { $of } verifiers have confirmed. These have not yet, and must, or stop accepting:
console-settling = No verifier that follows this server now is missing. It is certain everywhere once these are over:
console-late-here = this server itself
console-late-node = who followed the server before it was started
console-late-epoch = who followed the server in the epoch before
console-by = by
console-by-command-line = the command line
console-by-system = Rescind
console-by-nobody = nobody who is known
scope-everyone = Everyone
scope-everyone-services = Everyone, and all services
scope-client = An application
scope-user = All devices of
scope-user-others = All devices but one of
scope-user-deleted = The deleted account
scope-grant = What an application holds of
scope-session = One device of
scope-token = One access token
scope-key = A key
scope-foreign_issuer = Another issuer
scope-foreign_subject = Somebody at another issuer
scope-foreign_session = A session at another issuer

# Verifiers
console-verifiers-intro = Services that check tokens by themselves and follow this node's log. Those that are behind come first.
console-no-verifiers = No verifier follows this node.
console-head = The log ends at entry { $n }.
console-current = Up to date
console-gone = Gone
console-lag = { $n ->
    [one] { $n } entry behind
   *[other] { $n } entries behind
}
console-lease = Lease
console-seconds = { $n ->
    [one] { $n } second
   *[other] { $n } seconds
}
console-left = { $n ->
    [one] { $n } second left
   *[other] { $n } seconds left
}
console-evict = Send away
console-evict-it = Send away { $it }

# Before something of a wide scope is ended
console-type = Type { $it } to confirm
console-wrong-word = That is not what has to be typed. Nothing was done.
console-hit = { $n ->
    [0] No session is alive that this would end.
    [one] This ends { $n } session.
   *[other] This ends { $n } sessions.
}
console-hit-more = This ends more than 10,000 sessions.
console-hit-at-least = This ends at least { $n } sessions.
console-hit-up-to = { $n ->
    [0] No session is alive that this would end.
    [one] This ends { $n } session at most.
   *[other] This ends up to { $n } sessions.
}
console-hit-tokens = Every access token made with it is refused at once. No session ends: each gets a new token at its next refresh.
console-reason-too-long = At most 500 characters; accents and other scripts take more room. Nothing was done.
console-reason-missing = Say why, for whoever reads the log. Nothing was done.
console-new-password = New password
console-own-password = Your own password
console-own-password-too = You last gave your own password a while ago. Please type it, and the new one again.
console-services-too = Services that act for themselves, too
console-lock-for = For how long
console-lock-default = As long as configured
console-lock-hour = One hour
console-lock-day = One day
console-lock-week = One week
console-lock-forever = until it is unlocked
confirm-sign-out-title = Sign out everywhere
confirm-sign-out-about = All devices of { $it } are signed out at once, on every service.
confirm-sign-out-go = Sign out everywhere
confirm-lock-title = Lock the account
confirm-lock-about = All devices of { $it } are signed out, and nobody can sign in with this account until the lock is over.
confirm-lock-go = Lock
confirm-password-title = Set a password
confirm-password-about = { $it } gets a new password, and all devices of the account are signed out.
confirm-password-go = Set a password
confirm-client-title = Revoke an application
confirm-client-about = Everything that { $it } was given ends, for every account and for itself. The application stays, and may be used again.
confirm-client-go = Revoke everything it was given
confirm-key-title = Revoke a key
confirm-key-about = Everything made with { $it } is refused, as it must be if the key may have leaked. A new key takes its place.
confirm-key-go = Revoke this key
confirm-everyone-title = Sign everyone out
confirm-everyone-about = All devices of all accounts are signed out, yours too.
confirm-everyone-word = everyone
confirm-everyone-go = Sign everyone out

# Authenticating again
again-for-unlock = You last gave it a while ago. After that, the account is unlocked.
again-for-rotation = You last gave it a while ago. After that, new keys are made.
again-for-eviction = You last gave it a while ago. After that, the verifier is sent away.

# What was done
notice-unlocked = The account is unlocked. What the lock ended stays ended.
notice-rotated = New keys are in place. The old ones are good for what was made with them.
notice-evicted = The verifier was sent away. It may come back.
notice-signed-out-already = That device had been signed out before.

# What happened
console-event-user_created = Account made
console-event-user_imported = Account imported
console-event-user_deleted = Account deleted
console-event-user_locked = Account locked
console-event-user_unlocked = Account unlocked
console-event-user_changed = External id or metadata changed
console-event-role_changed = Role changed
console-event-password_changed = Password changed
console-event-password_reset = Password set by somebody else
console-event-password_upgraded = Password stored in a stronger form
console-event-signed_in = Signed in
console-event-sign_in_failed = Sign-in failed
console-event-reauthenticated = Gave the password again
console-event-reauthentication_failed = Gave a wrong password
console-event-session_ended = Device signed out
console-event-session_displaced = Device made room for a newer one
console-event-sessions_ended = Devices signed out
console-event-session_end_refused = Tried to sign out a device that is not theirs
console-event-session_changed = Device renamed or changed
console-event-refresh_reused = An old refresh token or cookie came back, and its device was signed out
console-event-refresh_refused = Refresh refused
console-event-client_authentication_failed = Wrong secret for an application
console-event-client_added = Application added
console-event-client_changed = Application changed
console-event-client_removed = Application removed
console-event-revoked = Revoked
console-event-key_added = Key added
console-event-key_revoked = Key revoked
console-event-epoch_begun = The store went back, and a new epoch began
console-event-verifier_evicted = Verifier sent away
console-event-set_up = Set up

# Charts
chart-hour = The last hour
chart-day = The last day
chart-hour-ago = an hour ago
chart-day-ago = a day ago
chart-sign-ins = Sign-ins
chart-refreshes = Refreshes
chart-tokens = Access tokens at this server
chart-enforcement = Time until enforced
chart-signed-in = { $n } signed in
chart-refreshed = { $n } refreshed
chart-accepted = { $n } accepted
chart-refused = { $n } refused
chart-median = half within { $ms } ms
chart-p99 = 99 of 100 within { $ms } ms
chart-table = As a table
