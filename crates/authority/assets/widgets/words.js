// What <rescind-devices> says. docs/widgets.md tells how to say it otherwise.

const EN = {
  lang: "en",
  label: "Your devices",
  current: "This device",
  since: "Signed in {date}",
  active: "active {ago}",
  end: "Sign out",
  endOne: "Sign out {name}",
  others: "Sign out all other devices",
  all: "Sign out everywhere",
  sureAll: "This device is signed out, too.",
  more: "Show more",
  password: "Your password, once more",
  cancel: "Cancel",
  wrong: "The password is wrong. Nothing was done.",
  again: "Sign in again first.",
  done: {
    one: "Done. {confirmed} of {total} service has confirmed ({ms} ms)",
    other: "Done. {confirmed} of {total} services have confirmed ({ms} ms)",
  },
  pending: {
    one: "Done. {confirmed} of {total} services have confirmed; the others must within {seconds} second",
    other: "Done. {confirmed} of {total} services have confirmed; the others must within {seconds} seconds",
  },
  untold: "Done. How many services have confirmed cannot be told now",
  alone: "Done ({ms} ms)",
  gone: "{name} was signed out",
  come: "{name} has signed in",
  failed: "That did not work. {detail}",
};

/** Other languages, once somebody speaks them. */
const LATER = { ar: () => import("./words-ar.js"), de: () => import("./words-de.js") };
const known = { en: EN };

/** Learns a language, if there is one by this name. */
export async function learn(lang) {
  if (!known[lang]) known[lang] = (await LATER[lang]?.())?.default;
}

/** The words in a language, as far as it is known; the rest is English. */
export const wordsIn = (lang) => ({ ...EN, ...known[lang] });
