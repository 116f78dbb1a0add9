// Signing in, renewing, signing out, and the person's devices, in an app of one page. config.js says where the authority
// is; server.js writes it.

import { authority, clientId, options } from "./config.js";

const [form, settings, notice, who, devices, leave] = [
  "#sign-in",
  "#settings",
  "#notice",
  "#who",
  "rescind-devices",
  "#sign-out",
].map((one) => document.querySelector(one));

const AWAY = "The server cannot be reached.";
const ENDED = {
  here: "You are signed out.",
  tab: "You signed out in another tab.",
  elsewhere: "You were signed out from another device.",
  expired: "You were away for long. Please sign in again.",
};

function start({ Session, Refused, SignedOut }) {
  const session = new Session({ authority, clientId, storage: "localStorage", ...options });

  async function show() {
    const signedIn = await session.ready();
    form.hidden = signedIn;
    settings.hidden = !signedIn;
    if (!signedIn) return;
    try {
      const answer = await session.fetch(`${authority}/v1/me`);
      if (answer.ok) who.textContent = (await answer.json()).user.login;
    } catch (error) {
      // Whoever was signed out meanwhile is told by the event.
      if (!(error instanceof SignedOut)) notice.textContent = AWAY;
    }
  }

  session.addEventListener("started", () => {
    notice.textContent = "";
    show();
  });
  session.addEventListener("ended", ({ detail }) => {
    notice.textContent = ENDED[detail.reason] ?? "";
    who.textContent = "";
    show();
  });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { login, password, remember } = form.elements;
    try {
      await session.signIn({ login: login.value, password: password.value, remember: remember.checked });
      form.reset();
    } catch (error) {
      notice.textContent = error instanceof Refused ? error.problem.title : AWAY;
    }
  });

  leave.addEventListener("click", async () => {
    const { confirmed } = await session.signOut();
    if (!confirmed) notice.textContent = "This browser has forgotten you, but the server could not be told.";
  });

  devices.session = session;
  show();
}

const load = (name) => import(`${authority}/widgets/${name}.js`);
const [widgets] = await Promise.all([load("session"), load("devices")]).catch(() => []);
if (widgets) start(widgets);
else notice.textContent = AWAY;
