// What <rescind-devices> asks before it ends something: whether that is meant, or the password.

import { button, h } from "./look.js";

/**
 * A form that asks. Calls `answered` with the password, an empty text where none is wanted, or nothing if the person thinks
 * better of it. Gives the form, and what the keyboard begins with.
 */
export function question({ title, note, secret, words, answered }) {
  const input = h("input", { type: "password", required: secret, autocomplete: "current-password", part: "password" });
  const confirm = button(title, null, { type: "submit" });
  const form = h("form", { part: "confirm" }, h("p", { role: "alert" }, note),
    h("label", { hidden: !secret }, words.password, " ", input), confirm, button(words.cancel, () => answered()));
  form.onsubmit = (event) => (event.preventDefault(), answered(input.value));
  form.onkeydown = ({ key }) => void (key === "Escape" && answered());
  return { form, first: secret ? input : confirm };
}
