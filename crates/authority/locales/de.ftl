# German.

# Everywhere
skip = Zum Inhalt springen
app-nav = Konto
nav-devices = Ihre Geräte
nav-security = Sicherheit
nav-console = Verwaltung
languages = Sprache
plain-http = Diese Seite kam über unverschlüsseltes HTTP. Das ist nur auf diesem Rechner erlaubt, zum Ausprobieren.
back = Zurück
cancel = Abbrechen
save = Speichern

# Time
ago-now = jetzt
ago-minutes = { $n ->
    [one] vor { $n } Minute
   *[other] vor { $n } Minuten
}
ago-hours = { $n ->
    [one] vor { $n } Stunde
   *[other] vor { $n } Stunden
}
ago-days = { $n ->
    [one] vor { $n } Tag
   *[other] vor { $n } Tagen
}
span-seconds = { $n ->
    [one] { $n } Sekunde
   *[other] { $n } Sekunden
}
span-minutes = { $n ->
    [one] { $n } Minute
   *[other] { $n } Minuten
}
span-hours = { $n ->
    [one] { $n } Stunde
   *[other] { $n } Stunden
}
span-days = { $n ->
    [one] { $n } Tag
   *[other] { $n } Tage
}

# Signing in, up and out
sign-in = Anmelden
sign-in-title = Anmelden
sign-in-instead = Mit einem bestehenden Konto anmelden
login = Anmeldename
login-invalid = Das kann kein Anmeldename sein. Verwenden Sie Buchstaben, Ziffern und Zeichen, ohne Leerzeichen.
password = Passwort
stay-signed-in = Auf diesem Gerät angemeldet bleiben
sign-up = Konto anlegen
sign-up-title = Konto anlegen
sign-up-instead = Ein Konto anlegen
signed-in-as = Angemeldet als { $it }
sign-out = Abmelden
sign-out-title = Abmelden
sign-out-ask = Auf diesem Gerät abmelden?
signed-out = Sie sind abgemeldet.
signed-out-elsewhere = Dieses Gerät wurde abgemeldet.

# Setting up
setup-title = Einrichten
setup-intro = Legen Sie den ersten Administrator an. Der Link gilt einmal.
setup-open-again = Öffnen Sie noch einmal den Link, den der Server beim Start ausgegeben hat: Der Adresse fehlt das Ende.
setup-go = Administrator anlegen

# New passwords
password-rules = Mindestens 8 Zeichen; einige Wörter hintereinander lassen sich leicht merken. Keines, das jeder zuerst ausprobiert, und nicht Ihr Anmeldename.
password-too-short = Zu kurz: mindestens 8 Zeichen.
password-too-long = Zu lang: 256 Zeichen genügen.
password-common = Zu verbreitet: Dieses gehört zu den ersten, die jemand ausprobiert. Wählen Sie ein anderes.
password-same-as-login = Dasselbe wie Ihr Anmeldename. Wählen Sie eines, das niemand daraus errät.

# Your devices
devices-title = Ihre Geräte
devices-intro = Hier steht alles, was in Ihrem Konto angemeldet ist. Melden Sie ab, was Sie nicht kennen.
devices-changed = Die Liste der Geräte hat sich geändert.
this-device = Dieses Gerät
other-devices = Andere Geräte
device-on = { $browser } unter { $os }
device-named = { $it }
device-unknown = Unbekanntes Gerät
device-new = Neu
device-name = Name des Geräts
rename = Umbenennen
device-sign-out = { $it } abmelden
software = Browser und System
last-active = Zuletzt aktiv
signed-in-since = Angemeldet seit
address = Adresse
application = Anwendung
others-further = Angemeldete Geräte stehen auf einer weiteren Seite, falls es welche gibt.
others-none = Kein anderes Gerät ist angemeldet.
show-more = Mehr anzeigen
back-to-first = Zurück zum Anfang der Liste
several = Mehrere Geräte auf einmal
sign-out-others = Alle anderen Geräte abmelden
sign-out-everywhere = Überall abmelden
others-count = { $n ->
    [one] { $n } anderes Gerät wird abgemeldet.
   *[other] { $n } andere Geräte werden abgemeldet.
}
others-many = Alle anderen Geräte werden abgemeldet, auch die auf weiteren Seiten.
others-ask = Dieses bleibt angemeldet.
everywhere-ask = Alle Geräte werden abgemeldet, auch dieses.

# New sign-ins
new-sign-in = Neue Anmeldung: { $it }
new-from = von { $it }
that-was-me = Das war ich
not-me = Das war ich nicht: abmelden und mein Passwort ändern

# Security
security-title = Sicherheit
password-change = Passwort ändern
password-change-intro = Alle anderen Geräte werden abgemeldet. Dieses bleibt angemeldet.
password-current = Bisheriges Passwort
password-new = Neues Passwort
events-title = Was zuletzt geschah
events-none = Noch nichts.
show-older = Ältere anzeigen
by-administrator = durch einen Administrator
by-this-device = von diesem Gerät aus
lock = Mein Konto sperren
lock-what = Für den Fall, dass Sie jemand anderen in Ihrem Konto vermuten. Jedes Gerät wird abgemeldet, und für { $it } kann sich niemand anmelden, auch Sie nicht.
lock-ask = Auch dieses Gerät wird abgemeldet.
delete = Mein Konto löschen
delete-what = Jedes Gerät wird abgemeldet, und das Konto ist für immer fort. Niemand kann es zurückholen.
delete-sure = Ich möchte, dass mein Konto endgültig gelöscht wird
delete-for-good = Endgültig löschen

# What happened to an account
event-user-created = Das Konto wurde angelegt
event-user-imported = Das Konto wurde aus einem anderen System übernommen
event-user-deleted = Das Konto wurde gelöscht
event-user-locked = Das Konto wurde gesperrt
event-user-unlocked = Das Konto wurde entsperrt
event-user-changed = Externe Kennung oder Metadaten des Kontos wurden geändert
event-role-changed = Die Rolle des Kontos wurde geändert
event-password-changed = Das Passwort wurde geändert
event-password-reset = Das Passwort wurde zurückgesetzt
event-password-upgraded = Das Passwort wurde sicherer gespeichert
event-signed-in = Ein Gerät hat sich angemeldet
event-sign-in-failed = Eine Anmeldung schlug fehl
event-reauthenticated = Das Passwort wurde erneut eingegeben
event-reauthentication-failed = Das Passwort wurde erneut eingegeben und war falsch
event-session-ended = Ein Gerät wurde abgemeldet
event-session-displaced = Ein Gerät wurde abgemeldet, um einem neueren Platz zu machen
event-sessions-ended = Mehrere Geräte wurden auf einmal abgemeldet
event-session-end-refused = Ein Gerät, das es nicht gibt, sollte abgemeldet werden
event-session-changed = Ein Gerät wurde geändert
event-refresh-reused = Ein kopierter oder veralteter Schlüssel kam zurück; sein Gerät wurde abgemeldet
event-refresh-refused = Ein Gerät wurde abgewiesen
event-client-authentication-failed = Für eine Anwendung wurde ein falsches Geheimnis vorgelegt
event-client-added = Eine Anwendung wurde hinzugefügt
event-client-changed = Eine Anwendung wurde geändert
event-client-removed = Eine Anwendung wurde entfernt
event-revoked = Zugang wurde entzogen
event-key-added = Ein Schlüssel wurde hinzugefügt
event-key-revoked = Ein Schlüssel wurde entzogen
event-epoch-begun = Alle wurden nach einer Wiederherstellung abgemeldet
event-verifier-evicted = Ein Prüfer wurde weggeschickt
event-set-up = Der erste Administrator wurde angelegt

# What went wrong
error-title = Das hat nicht geklappt
wait-and-try = Bitte warten Sie { $it } und versuchen Sie es dann noch einmal.
wait-and-look = Bitte warten Sie { $it } und sehen Sie dann nach.
problem-form-expired = Dieses Formular ist veraltet. Bitte versuchen Sie es noch einmal.
problem-foreign-form = Dieses Formular kommt von keiner Seite dieser Website. Bitte öffnen Sie die Seite hier und versuchen Sie es noch einmal.
problem-cookies-needed = Dieses Formular kam ohne das Cookie, zu dem es gehört. Zum Anmelden sind Cookies nötig: Erlauben Sie sie für diese Website und öffnen Sie dann die Seite noch einmal.
problem-doubled-cookie = Das Cookie, mit dem Sie angemeldet bleiben, kommt doppelt, und welches Ihres ist, lässt sich nicht sagen. Entfernen Sie in Ihrem Browser die Cookies dieser Website und melden Sie sich dann noch einmal an.
problem-body-too-large = Das ist zu viel auf einmal. Es wurde nichts getan.
problem-unsupported-media-type = Das Formular kam auf eine Weise, die nicht zu verstehen ist. Es wurde nichts getan. Öffnen Sie die Seite hier und versuchen Sie es noch einmal.
problem-request-too-slow = Das Formular war zu lange unterwegs. Es wurde nichts getan. Bitte versuchen Sie es noch einmal.
problem-uri-too-long = Die Adresse ist zu lang.
problem-head-too-large = Der Browser hat zu viel auf einmal gesendet. Löschen Sie die Cookies dieser Seite und versuchen Sie es noch einmal.
problem-https-required = Diese Website braucht HTTPS. Über unverschlüsseltes HTTP antwortet sie nur auf dem Rechner, auf dem sie läuft, als localhost oder 127.0.0.1, und nicht durch einen Proxy. Wer sie betreibt, kann ihr eine Adresse geben, die mit https:// beginnt (die Einstellung issuer).
problem-invalid-credentials = Anmeldename oder Passwort ist falsch.
problem-wrong-password = Das Passwort ist falsch. Es wurde nichts geändert.
problem-account-locked = Das Konto ist gesperrt. Bitten Sie einen Administrator, es zu entsperren.
problem-account-locked-until = Das Konto ist bis { $it } gesperrt.
problem-sign-up-off = Hier kann niemand selbst ein Konto anlegen. Bitten Sie einen Administrator darum.
problem-set-up-refused = Der Link wird abgelehnt. Er gilt einmal und eine Stunde lang, und nur solange es keinen Administrator gibt. Starten Sie den Server für einen neuen noch einmal.
problem-login-taken = Dieser Anmeldename ist vergeben. Wählen Sie einen anderen.
problem-not-found = So etwas gibt es hier nicht.
problem-no-such-path = Diese Seite gibt es nicht.
problem-method-not-allowed = Diese Seite erreicht man nur über ein Formular. Gehen Sie zurück und benutzen Sie das Formular dort.
problem-invalid-request = Die Anfrage ist nicht zu verstehen.
problem-forbidden = Das ist nicht erlaubt.
problem-last-administrator = Das ist der letzte Administrator; er muss es bleiben und darf nicht gesperrt sein. Legen Sie zuerst einen anderen an.
problem-too-many-sessions = Ihr Konto ist auf so vielen Geräten angemeldet, wie es darf. Melden Sie zuerst ein anderes ab.
problem-signed-out-meanwhile = Ihr Konto wurde eben überall abgemeldet. Bitte melden Sie sich noch einmal an.
problem-session-ended = Dieses Gerät wurde inzwischen abgemeldet. Es wurde nichts getan.
problem-throttled = Zu viele Fehlversuche.
problem-busy = Im Augenblick ist zu viel zu tun.
problem-cannot-tell = Ob Sie angemeldet sind, lässt sich gerade nicht sagen.
problem-store-unavailable = Das ist im Augenblick nicht möglich; es wurde nichts getan.
problem-unconfirmed = Ob es getan wurde, ist nicht bekannt.
problem-timed-out = Es hat zu lange gedauert. Ob es getan wurde, ist nicht bekannt.
problem-too-many-streams = Zu viele Seiten warten auf Änderungen.
problem-not-ready = Der Server ist nicht bereit.
problem-internal = Im Server ist etwas schiefgegangen.

# Authenticating again
again-title = Bitte Ihr Passwort
again-for-device = Ihre letzte Eingabe ist eine Weile her. Danach wird das Gerät abgemeldet.
again-for-others = Ihre letzte Eingabe ist eine Weile her. Danach werden alle anderen Geräte abgemeldet.
again-for-all = Ihre letzte Eingabe ist eine Weile her. Danach werden alle Geräte abgemeldet, auch dieses.
again-for-lock = Ihre letzte Eingabe ist eine Weile her. Danach wird das Konto gesperrt.
again-go = Weiter

# What was done
notice-signed-out = Sie sind abgemeldet.
notice-signed-out-elsewhere = Dieses Gerät wurde abgemeldet. Melden Sie sich wieder an, um fortzufahren.
notice-other-address = Dieses Gerät ist nur an einer anderen Adresse angemeldet. Machen Sie dort weiter, oder melden Sie sich hier neu an.
notice-named = Das Gerät hat seinen neuen Namen.
notice-name-refused = Ein Name hat höchstens 100 Zeichen, die alle sichtbar sind. Es wurde nichts geändert.
notice-device-gone = Dieses Gerät ist schon abgemeldet.
notice-known = Danke. Hier werden Sie danach nicht noch einmal gefragt.
notice-not-me = Es ist abgemeldet. Wer immer es war, kennt vielleicht Ihr Passwort; ändern Sie es jetzt.
notice-password-changed = Das Passwort ist geändert, und alle anderen Geräte sind abgemeldet.
notice-locked = Das Konto ist gesperrt, und alle Geräte sind abgemeldet.
notice-deleted = Das Konto ist gelöscht.
notice-account-made = Ihr Konto ist angelegt.
notice-set-up = Der Administrator ist angelegt. Das ist Ihr Konto.
notice-done = Erledigt.
notice-unread = Erledigt. Wie viele Dienste bestätigt haben, lässt sich gerade nicht sagen.
notice-enforced = Erledigt. { $of ->
    [one] { $confirmed } von { $of } Dienst hat bestätigt ({ $n } ms).
   *[other] { $confirmed } von { $of } Diensten haben bestätigt ({ $n } ms).
}
notice-enforced-lapsed = Erledigt. { $of ->
    [one] { $confirmed } von { $of } Dienst hat bestätigt
   *[other] { $confirmed } von { $of } Diensten haben bestätigt
}; { $lapsed ->
    [one] einer nimmt nichts mehr an, bis er es getan hat
   *[other] { $lapsed } nehmen nichts mehr an, bis sie es getan haben
} ({ $n } ms).
notice-pending = Erledigt. { $confirmed } von { $of } Diensten haben bestätigt; die übrigen müssen es innerhalb von { $n ->
    [one] { $n } Sekunde.
   *[other] { $n } Sekunden.
}
notice-settling = Erledigt. Sicher überall innerhalb von { $n ->
    [one] { $n } Sekunde
   *[other] { $n } Sekunden
}: Der Server wurde eben erst gestartet.
notice-settling-services = Erledigt. { $of ->
    [one] { $confirmed } von { $of } Dienst hat bestätigt.
   *[other] { $confirmed } von { $of } Diensten haben bestätigt.
} Sicher überall innerhalb von { $n ->
    [one] { $n } Sekunde
   *[other] { $n } Sekunden
}: Der Server wurde eben erst gestartet.
