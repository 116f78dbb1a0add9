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

# Signing in and out
sign-in = Sign in
sign-in-title = Sign in
login = Login name
password = Password
stay-signed-in = Stay signed in on this device
sign-up-instead = Create an account
signed-in-as = Signed in as { $it }
sign-out = Sign out
sign-out-title = Sign out
sign-out-ask = Sign out on this device?
signed-out = You are signed out.
signed-out-elsewhere = This device was signed out.

# Your devices
devices-title = Your devices
devices-intro = Everything that is signed in to your account. Sign out what you do not know.
this-device = This device
device-sign-out = Sign out { $it }
device-from = Signed in { $it }
last-active = Last active
signed-in-since = Signed in since
address = Address
application = Application
others-none = No other device is signed in.

# What went wrong
error-title = That did not work
problem-form-expired = This form is out of date. Please try again.
problem-https-required = This site needs HTTPS. Over plain HTTP it answers on this machine only.

# Authenticating again
again-title = Your password, please
again-for-device = It has been a while since you gave it. Then the device is signed out.
again-go = Go on

# What was done
notice-signed-out = You are signed out.
notice-signed-out-elsewhere = This device was signed out. Sign in again to go on.
notice-named = The device has its new name.
notice-password-changed = The password is changed, and every other device is signed out.
notice-locked = The account is locked, and every device is signed out.
notice-enforced = Done. { $confirmed } of { $of } services have confirmed ({ $n } ms).
notice-pending = Done. { $confirmed } of { $of } services have confirmed; the others must within { $n } seconds.
