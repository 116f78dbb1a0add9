// Signing in, renewing, signing out, and the person's devices, in an app of one page. config.js says where the authority
// is; server.js writes it.

import { authority, clientId, options } from "./config.js";

const { Session, Refused, Unreachable } = await import(`${authority}/widgets/session.js`);
await import(`${authority}/widgets/devices.js`);

const session = new Session({ authority, clientId, storage: "localStorage", ...options });
const [form, settings, notice, who, devices] = ["#sign-in", "#settings", "#notice", "#who", "rescind-devices"].map((one) =>
  document.querySelector(one),
);

const ENDED = {
  here: "You are signed out.",
  tab: "You signed out in another tab.",
  elsewhere: "You were signed out from another device.",
  expired: "You were away for long. Please sign in again.",
};

async function show() {
  const signedIn = await session.ready();
  form.hidden = signedIn;
  settings.hidden = !signedIn;
  if (!signedIn) return;
  const answer = await session.fetch(`${authority}/v1/me`);
  if (answer.ok) who.textContent = (await answer.json()).user.login;
}

session.addEventListener("started", () => {
  notice.textContent = "";
  show();
});
session.addEventListener("ended", ({ detail }) => {
  notice.textContent = ENDED[detail.reason] ?? "";
  show();
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { login, password, remember } = form.elements;
  try {
    await session.signIn({ login: login.value, password: password.value, remember: remember.checked });
    form.reset();
  } catch (error) {
    const away = error instanceof Unreachable;
    if (!away && !(error instanceof Refused)) throw error;
    notice.textContent = away ? "Signing in is not possible right now." : error.problem.title;
  }
});

document.querySelector("#sign-out").addEventListener("click", async () => {
  const { confirmed } = await session.signOut();
  if (!confirmed) notice.textContent = "This browser has forgotten you, but the server could not be told.";
});

devices.session = session;
show();
