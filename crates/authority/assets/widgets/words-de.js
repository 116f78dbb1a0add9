// The same in German.

export default {
  lang: "de",
  label: "Ihre Geräte",
  current: "Dieses Gerät",
  since: "Angemeldet am {date}",
  active: "aktiv {ago}",
  end: "Abmelden",
  endOne: "{name} abmelden",
  others: "Alle anderen Geräte abmelden",
  all: "Überall abmelden",
  sureAll: "Auch dieses Gerät wird abgemeldet.",
  more: "Mehr anzeigen",
  password: "Ihr Passwort, noch einmal",
  cancel: "Abbrechen",
  wrong: "Das Passwort ist falsch. Nichts wurde geändert.",
  again: "Melden Sie sich dafür zuerst neu an.",
  done: {
    one: "Erledigt. {confirmed} von {total} Dienst hat bestätigt ({ms} ms)",
    other: "Erledigt. {confirmed} von {total} Diensten haben bestätigt ({ms} ms)",
  },
  pending: {
    one: "Erledigt. {confirmed} von {total} Diensten haben bestätigt; die übrigen müssen es innerhalb von {seconds} Sekunde",
    other: "Erledigt. {confirmed} von {total} Diensten haben bestätigt; die übrigen müssen es innerhalb von {seconds} Sekunden",
  },
  untold: "Erledigt. Wie viele Dienste bestätigt haben, lässt sich gerade nicht sagen",
  alone: "Erledigt ({ms} ms)",
  gone: "{name} wurde abgemeldet",
  come: "{name} hat sich angemeldet",
  failed: "Das ging nicht. {detail}",
};
