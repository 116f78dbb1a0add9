# Die Konsole der Verwaltung

# Rund um jede Seite
console-overview = Übersicht
console-users = Konten
console-clients = Anwendungen
console-keys = Schlüssel
console-revocations = Widerrufe
console-verifiers = Prüfer
console-everyone = Alle
console-changed = Die Seite ist auf dem neuesten Stand.
console-ended = Dieses Gerät wurde abgemeldet.
console-more = Mehr anzeigen
console-none = Noch nichts.

# Zahlen
console-figure-head = Letzter Eintrag
console-figure-verifiers = Verbundene Prüfer
console-figure-current = Prüfer auf dem neuesten Stand
console-latest = Die letzten Widerrufe
console-all-revocations = Alle Widerrufe

# Konten
console-search = Anfang eines Anmeldenamens oder eine ganze Kennung, auch die eines anderen Systems
console-find = Suchen
console-nobody-found = So heißt kein Konto, und keines hat diese Kennung.
console-administrator = Verwaltung
console-person = Person
console-active = Aktiv
console-locked = Gesperrt
console-since = seit
console-until = bis
console-id = Kennung
console-role = Rolle
console-state = Zustand
console-unlock = Entsperren
console-sessions = Geräte
console-no-sessions = Nichts ist angemeldet.
console-sessions-further = Auf dieser Seite steht nichts, was noch angemeldet ist.
console-user-agent = Nennt sich
console-history = Verlauf
console-entry = Eintrag { $n }

# Anwendungen
console-kind = Art
console-kind-browser = Läuft im Browser
console-kind-native = Auf einem Computer installiert
console-kind-mobile = Auf einem Telefon oder Tablet installiert
console-kind-service = Ein Dienst, der für sich selbst handelt
console-audiences = Token sind für
console-scopes = Token erlauben höchstens

# Schlüssel
console-keys-intro = Womit Zugriffstoken signiert und Erneuerungstoken geschützt werden.
console-rotate = Neue Schlüssel machen
console-key-signing = Signiert Zugriffstoken
console-key-mac = Schützt Erneuerungstoken und Cookies
console-key-current = In Gebrauch
console-key-superseded = Abgelöst
console-key-revoked = Widerrufen
console-compromise = Widerrufen
console-compromise-it = { $it } widerrufen

# Das Protokoll der Widerrufe
console-revocations-intro = Alles, was beendet wurde, das Neueste zuerst.
console-position = Eintrag
console-time = Wann
console-scope = Was
console-reason = Warum
console-actor = Wer
console-newest-enforced = Der neueste Eintrag ist durchgesetzt: Kein Prüfer nimmt mehr an, was er beendet hat.
console-missing = { $confirmed } von { $of } Prüfern haben bestätigt. Diese noch nicht; sie müssen es, oder sie nehmen nichts mehr an:
console-settling = Kein Prüfer, der diesem Server jetzt folgt, fehlt noch. Sicher ist es überall, sobald dies vorüber ist:
console-late-here = dieser Server selbst
console-late-node = wer dem Server folgte, bevor er gestartet wurde
console-late-epoch = wer dem Server in der Epoche davor folgte
console-by = bis
console-by-command-line = die Kommandozeile
console-by-system = Rescind
console-by-nobody = niemand, der bekannt ist
scope-everyone = Alle
scope-everyone-services = Alle, auch alle Dienste
scope-client = Eine Anwendung
scope-user = Alle Geräte von
scope-user-others = Alle Geräte bis auf eines von
scope-user-deleted = Das gelöschte Konto
scope-grant = Was eine Anwendung hat von
scope-session = Ein Gerät von
scope-token = Ein Zugriffstoken
scope-key = Ein Schlüssel
scope-foreign_issuer = Ein fremder Aussteller
scope-foreign_subject = Jemand bei einem fremden Aussteller
scope-foreign_session = Eine Sitzung bei einem fremden Aussteller

# Prüfer
console-verifiers-intro = Dienste, die Token selbst prüfen und den Widerrufen dieses Knotens folgen. Wer zurückliegt, steht oben.
console-no-verifiers = Kein Prüfer folgt diesem Knoten.
console-head = Das Protokoll endet mit Eintrag { $n }.
console-current = Auf dem neuesten Stand
console-gone = Weg
console-lag = { $n ->
    [one] { $n } Eintrag zurück
   *[other] { $n } Einträge zurück
}
console-lease = Frist
console-seconds = { $n ->
    [one] { $n } Sekunde
   *[other] { $n } Sekunden
}
console-left = { $n ->
    [one] noch { $n } Sekunde
   *[other] noch { $n } Sekunden
}
console-evict = Wegschicken
console-evict-it = { $it } wegschicken

# Bevor etwas Großes endet
console-type = Zur Bestätigung { $it } eintippen
console-wrong-word = Das ist nicht, was einzutippen ist. Nichts wurde getan.
console-hit = { $n ->
    [0] Keine lebende Sitzung ist betroffen.
    [one] Das beendet { $n } Sitzung.
   *[other] Das beendet { $n } Sitzungen.
}
console-hit-more = Das beendet mehr als 10.000 Sitzungen.
console-hit-at-least = Das beendet mindestens { $n } Sitzungen.
console-hit-up-to = { $n ->
    [0] Keine lebende Sitzung ist betroffen.
    [one] Das beendet höchstens { $n } Sitzung.
   *[other] Das beendet bis zu { $n } Sitzungen.
}
console-hit-tokens = Jedes damit gemachte Zugriffstoken wird sofort abgelehnt. Keine Sitzung endet: Jede bekommt bei der nächsten Erneuerung ein neues.
console-reason-too-long = Höchstens 500 Zeichen; Akzente und andere Schriften brauchen mehr Platz. Nichts wurde getan.
console-reason-missing = Sagen Sie, warum, für alle, die das Protokoll lesen. Nichts wurde getan.
console-new-password = Neues Passwort
console-own-password = Ihr eigenes Passwort
console-own-password-too = Ihr eigenes Passwort haben Sie vor einer Weile eingegeben. Bitte tippen Sie es ein, und das neue noch einmal.
console-services-too = Auch Dienste, die für sich selbst handeln
console-lock-for = Wie lange
console-lock-default = So lange wie eingestellt
console-lock-hour = Eine Stunde
console-lock-day = Einen Tag
console-lock-week = Eine Woche
console-lock-forever = bis zum Entsperren
confirm-sign-out-title = Überall abmelden
confirm-sign-out-about = Alle Geräte von { $it } werden sofort abgemeldet, bei jedem Dienst.
confirm-sign-out-go = Überall abmelden
confirm-lock-title = Das Konto sperren
confirm-lock-about = Alle Geräte von { $it } werden abgemeldet, und niemand kann sich mit diesem Konto anmelden, bis die Sperre vorbei ist.
confirm-lock-go = Sperren
confirm-password-title = Ein Passwort setzen
confirm-password-about = { $it } bekommt ein neues Passwort, und alle Geräte des Kontos werden abgemeldet.
confirm-password-go = Ein Passwort setzen
confirm-client-title = Eine Anwendung widerrufen
confirm-client-about = Alles, was { $it } bekommen hat, endet, für jedes Konto und für sie selbst. Die Anwendung bleibt und kann wieder benutzt werden.
confirm-client-go = Alles widerrufen, was sie bekommen hat
confirm-key-title = Einen Schlüssel widerrufen
confirm-key-about = Alles, was mit { $it } gemacht wurde, wird abgelehnt. So muss es sein, wenn der Schlüssel bekannt geworden sein kann. Ein neuer tritt an seine Stelle.
confirm-key-go = Diesen Schlüssel widerrufen
confirm-everyone-title = Alle abmelden
confirm-everyone-about = Alle Geräte aller Konten werden abgemeldet, auch Ihre.
confirm-everyone-word = alle
confirm-everyone-go = Alle abmelden

# Noch einmal das Passwort
again-for-unlock = Ihre letzte Eingabe ist eine Weile her. Danach wird das Konto entsperrt.
again-for-rotation = Ihre letzte Eingabe ist eine Weile her. Danach werden neue Schlüssel gemacht.
again-for-eviction = Ihre letzte Eingabe ist eine Weile her. Danach wird der Prüfer weggeschickt.

# Was getan wurde
notice-unlocked = Das Konto ist entsperrt. Was die Sperre beendet hat, bleibt beendet.
notice-rotated = Neue Schlüssel sind in Gebrauch. Die alten gelten für das, was mit ihnen gemacht wurde.
notice-evicted = Der Prüfer wurde weggeschickt. Er kann wiederkommen.
notice-signed-out-already = Dieses Gerät war schon abgemeldet.

# Was geschah
console-event-user_created = Konto angelegt
console-event-user_imported = Konto übernommen
console-event-user_deleted = Konto gelöscht
console-event-user_locked = Konto gesperrt
console-event-user_unlocked = Konto entsperrt
console-event-user_changed = Externe Kennung oder Metadaten geändert
console-event-role_changed = Rolle geändert
console-event-password_changed = Passwort geändert
console-event-password_reset = Passwort von jemand anderem gesetzt
console-event-password_upgraded = Passwort in stärkerer Form gespeichert
console-event-signed_in = Angemeldet
console-event-sign_in_failed = Anmeldung misslungen
console-event-reauthenticated = Passwort noch einmal eingegeben
console-event-reauthentication_failed = Falsches Passwort eingegeben
console-event-session_ended = Gerät abgemeldet
console-event-session_displaced = Gerät machte einem neueren Platz
console-event-sessions_ended = Geräte abgemeldet
console-event-session_end_refused = Wollte ein fremdes Gerät abmelden
console-event-session_changed = Gerät umbenannt oder geändert
console-event-refresh_reused = Ein altes Erneuerungstoken oder Cookie kam zurück, sein Gerät wurde abgemeldet
console-event-refresh_refused = Erneuerung abgelehnt
console-event-client_authentication_failed = Falsches Geheimnis für eine Anwendung
console-event-client_added = Anwendung hinzugefügt
console-event-client_changed = Anwendung geändert
console-event-client_removed = Anwendung entfernt
console-event-revoked = Widerrufen
console-event-key_added = Schlüssel hinzugefügt
console-event-key_revoked = Schlüssel widerrufen
console-event-epoch_begun = Der Speicher sprang zurück, eine neue Epoche begann
console-event-verifier_evicted = Prüfer weggeschickt
console-event-set_up = Eingerichtet

# Diagramme
chart-hour = Die letzte Stunde
chart-day = Der letzte Tag
chart-hour-ago = vor einer Stunde
chart-day-ago = vor einem Tag
chart-sign-ins = Anmeldungen
chart-refreshes = Erneuerungen
chart-tokens = Zugriffstoken bei diesem Server
chart-enforcement = Zeit bis zur Durchsetzung
chart-signed-in = { $n } angemeldet
chart-refreshed = { $n } erneuert
chart-accepted = { $n } angenommen
chart-refused = { $n } abgelehnt
chart-median = die Hälfte in { $ms } ms
chart-p99 = 99 von 100 in { $ms } ms
chart-table = Als Tabelle
