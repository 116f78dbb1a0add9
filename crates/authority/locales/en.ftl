# The catalogue that is complete; what another language lacks is said as here.

# Everywhere
skip = Skip to the content
app-nav = Account
nav-devices = Your devices
nav-security = Security
nav-console = Administration
languages = Language
plain-http = This page came over plain HTTP, which is allowed on this machine only, for trying things out.
back = Back
cancel = Cancel
save = Save

# Time
ago-now = now
ago-minutes = { $n ->
    [one] { $n } minute ago
   *[other] { $n } minutes ago
}
ago-hours = { $n ->
    [one] { $n } hour ago
   *[other] { $n } hours ago
}
ago-days = { $n ->
    [one] { $n } day ago
   *[other] { $n } days ago
}
span-seconds = { $n ->
    [one] { $n } second
   *[other] { $n } seconds
}
span-minutes = { $n ->
    [one] { $n } minute
   *[other] { $n } minutes
}
span-hours = { $n ->
    [one] { $n } hour
   *[other] { $n } hours
}
span-days = { $n ->
    [one] { $n } day
   *[other] { $n } days
}

# Signing in, up and out
sign-in = Sign in
sign-in-title = Sign in
sign-in-instead = Sign in with an account that you have
login = Login name
login-invalid = This cannot be a login name. Use letters, digits and signs, without spaces.
password = Password
stay-signed-in = Stay signed in on this device
sign-up = Create the account
sign-up-title = Create an account
sign-up-instead = Create an account
signed-in-as = Signed in as { $it }
sign-out = Sign out
sign-out-title = Sign out
sign-out-ask = Sign out on this device?
signed-out = You are signed out.
signed-out-elsewhere = This device was signed out.

# Setting up
setup-title = Set up
setup-intro = Make the first administrator. The link is good once.
setup-open-again = Open the link again that the server printed as it started: the address is missing its end.
setup-go = Make the administrator

# New passwords
password-rules = At least 8 characters; a few words in a row are easy to remember. Not one that everybody tries first, and not your login name.
password-too-short = Too short: use at least 8 characters.
password-too-long = Too long: 256 characters are enough.
password-common = Too common: this one is among the first that anybody tries. Choose another one.
password-same-as-login = The same as your login name. Choose one that nobody can guess from it.

# Your devices
devices-title = Your devices
devices-intro = Everything that is signed in to your account is here. Sign out what you do not know.
devices-changed = The list of devices has changed.
this-device = This device
other-devices = Other devices
device-on = { $browser } on { $os }
device-named = { $it }
device-unknown = Unknown device
device-new = New
device-name = Name of the device
rename = Rename
device-sign-out = Sign out { $it }
software = Browser and system
last-active = Last active
signed-in-since = Signed in since
address = Address
application = Application
others-further = Devices that are signed in are on a further page, if any are.
others-none = No other device is signed in.
show-more = Show more
back-to-first = Back to the beginning of the list
several = Several devices at once
sign-out-others = Sign out all other devices
sign-out-everywhere = Sign out everywhere
others-count = { $n ->
    [one] { $n } other device is signed out.
   *[other] { $n } other devices are signed out.
}
others-many = All other devices are signed out, those on further pages too.
others-ask = This one stays signed in.
everywhere-ask = Every device is signed out, this device too.

# New sign-ins
new-sign-in = New sign-in: { $it }
new-from = from { $it }
that-was-me = That was me
not-me = Not me: sign it out and change my password

# Security
security-title = Security
password-change = Change the password
password-change-intro = All other devices are signed out. This one stays signed in.
password-current = Current password
password-new = New password
events-title = Recent security events
events-none = Nothing yet.
show-older = Show older
by-administrator = by an administrator
by-this-device = from this device
lock = Lock my account
lock-what = For when you think that somebody else is in your account. Every device is signed out, and nobody can sign in for { $it }, not even you.
lock-ask = This device is signed out, too.
delete = Delete my account
delete-what = Every device is signed out, and the account is gone for good. Nobody can bring it back.
delete-sure = I want my account to be deleted for good
delete-for-good = Delete for good

# What happened to an account
event-user-created = The account was made
event-user-imported = The account was taken over from another system
event-user-deleted = The account was deleted
event-user-locked = The account was locked
event-user-unlocked = The account was unlocked
event-user-changed = The account's external id or metadata was changed
event-role-changed = The account's role was changed
event-password-changed = The password was changed
event-password-reset = The password was reset
event-password-upgraded = The password was stored more safely
event-signed-in = A device signed in
event-sign-in-failed = A sign-in failed
event-reauthenticated = The password was given again
event-reauthentication-failed = The password was given again, and was wrong
event-session-ended = A device was signed out
event-session-displaced = A device was signed out to make room for a newer one
event-sessions-ended = Several devices were signed out at once
event-session-end-refused = A device that is not there was to be signed out
event-session-changed = A device was changed
event-refresh-reused = A copied or outdated key came back; its device was signed out
event-refresh-refused = A device was refused
event-client-authentication-failed = A wrong secret was shown for an application
event-client-added = An application was added
event-client-changed = An application was changed
event-client-removed = An application was removed
event-revoked = Access was revoked
event-key-added = A key was added
event-key-revoked = A key was revoked
event-epoch-begun = Everybody was signed out after a restore
event-verifier-evicted = A verifier was sent away
event-set-up = The first administrator was made

# What went wrong
error-title = That did not work
wait-and-try = Please wait { $it }, then try again.
wait-and-look = Please wait { $it }, then look.
problem-form-expired = This form is out of date. Please try again.
problem-foreign-form = This form does not come from a page of this site. Please open the page here, and try again.
problem-cookies-needed = This form came without the cookie that it belongs to. Signing in needs cookies: allow them for this site, then open the page again.
problem-doubled-cookie = The cookie that keeps you signed in comes twice, and nobody can tell which one is yours. Remove this site's cookies in your browser, then sign in again.
problem-body-too-large = That is too much at once. Nothing was done.
problem-unsupported-media-type = The form was sent in a way that is not understood. Nothing was done. Open the page here, and try again.
problem-request-too-slow = The form took too long to arrive. Nothing was done. Please try again.
problem-uri-too-long = The address is too long.
problem-head-too-large = The browser sent too much at once. Remove this site’s cookies, and try again.
problem-https-required = This site needs HTTPS. Over plain HTTP it answers on the machine alone that it runs on, as localhost or 127.0.0.1, and not through a proxy. Whoever runs it can give it an address that begins with https:// (the setting issuer).
problem-invalid-credentials = Login name or password is wrong.
problem-wrong-password = The password is wrong. Nothing was changed.
problem-account-locked = The account is locked. Ask an administrator to unlock it.
problem-account-locked-until = The account is locked until { $it }.
problem-sign-up-off = Nobody can make an account by themselves here. Ask an administrator for one.
problem-set-up-refused = The link is refused. It is good once and for an hour, and only while there is no administrator. Start the server again for a new one.
problem-login-taken = This login name is taken. Choose another one.
problem-not-found = There is no such thing here.
problem-no-such-path = There is no such page.
problem-method-not-allowed = This page is only reached by a form. Go back, and use the form there.
problem-invalid-request = The request cannot be understood.
problem-forbidden = This is not allowed.
problem-last-administrator = This is the last administrator, who must stay one and unlocked. Make another one first.
problem-too-many-sessions = Your account is signed in on as many devices as it may be. Sign out on another one first.
problem-signed-out-meanwhile = Your account was signed out everywhere just now. Please sign in again.
problem-session-ended = This device was signed out meanwhile. Nothing was done.
problem-throttled = Too many failed attempts.
problem-busy = There is too much to do at the moment.
problem-cannot-tell = Whether you are signed in cannot be told at the moment.
problem-store-unavailable = That is not possible at the moment; nothing was done.
problem-unconfirmed = Whether it was done is not known.
problem-timed-out = It took too long. Whether it was done is not known.
problem-too-many-streams = Too many pages are listening for changes.
problem-not-ready = The server is not ready.
problem-internal = Something went wrong inside the server.

# Authenticating again
again-title = Your password, please
again-for-device = You last gave it a while ago. After that, the device is signed out.
again-for-others = You last gave it a while ago. After that, all other devices are signed out.
again-for-all = You last gave it a while ago. After that, every device is signed out, this device too.
again-for-lock = You last gave it a while ago. After that, the account is locked.
again-go = Go on

# What was done
notice-signed-out = You are signed out.
notice-signed-out-elsewhere = This device was signed out. Sign in again to go on.
notice-other-address = This device is signed in at another address only. Go on there, or sign in here anew.
notice-named = The device has its new name.
notice-name-refused = A name has at most 100 characters, all of which can be seen. Nothing was changed.
notice-device-gone = That device is signed out already.
notice-known = Thank you. You will not be asked about it again here.
notice-not-me = It is signed out. Whoever it was may know your password, so change it now.
notice-password-changed = The password is changed, and every other device is signed out.
notice-locked = The account is locked, and every device is signed out.
notice-deleted = The account is deleted.
notice-account-made = Your account is there.
notice-set-up = The administrator is made. This is your account.
notice-done = Done.
notice-unread = Done. How many services have confirmed cannot be told at the moment.
notice-enforced = Done. { $of ->
    [one] { $confirmed } of { $of } service has confirmed ({ $n } ms).
   *[other] { $confirmed } of { $of } services have confirmed ({ $n } ms).
}
notice-enforced-lapsed = Done. { $of ->
    [one] { $confirmed } of { $of } service has confirmed
   *[other] { $confirmed } of { $of } services have confirmed
}; { $lapsed ->
    [one] the one that has not accepts nothing until it has
   *[other] the { $lapsed } that have not accept nothing until they have
} ({ $n } ms).
notice-pending = Done. { $confirmed } of { $of } services have confirmed; the others must within { $n ->
    [one] { $n } second.
   *[other] { $n } seconds.
}
notice-settling = Done. Certain everywhere within { $n ->
    [one] { $n } second
   *[other] { $n } seconds
}: the server was started a moment ago.
notice-settling-services = Done. { $of ->
    [one] { $confirmed } of { $of } service has confirmed.
   *[other] { $confirmed } of { $of } services have confirmed.
} Certain everywhere within { $n ->
    [one] { $n } second
   *[other] { $n } seconds
}: the server was started a moment ago.
