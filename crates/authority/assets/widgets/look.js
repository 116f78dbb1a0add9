// What <rescind-devices> is made of.

/** The style sheet. Constructed, so that a strict policy of the page lets it in. */
export const sheet = new CSSStyleSheet();
sheet.replaceSync(`
:host { display: block; color: var(--rescind-color, CanvasText); background: var(--rescind-background, Canvas) }
:host([hidden]), [hidden] { display: none }
ul { list-style: none; margin: 0; padding: 0 }
li, form, footer { display: flex; flex-wrap: wrap; gap: .5em 1em; align-items: center; padding-block: .8em }
li { border-block-end: 1px solid var(--rescind-line, #8886) }
li div { flex: 1 8em; min-inline-size: 0; overflow-wrap: anywhere }
form, form p { flex: 1 100%; margin: 0 }
small { display: block; color: var(--rescind-muted, inherit) }
mark, button, input { font: inherit; color: inherit; background: none; border: 1px solid; border-radius: .3em;
  padding: .35em .8em; max-inline-size: 100%; box-sizing: border-box }
mark { padding: 0 .5em; margin: 0 .5em; color: var(--rescind-accent, inherit) }
svg { inline-size: 2em; fill: none; stroke: currentcolor; stroke-width: 1.5 }
:focus-visible { outline: .15em solid var(--rescind-accent, currentcolor); outline-offset: .15em }`);

const SHAPES = { phone: "M7 2h10v20H7zM11 19h2", tablet: "M4 2h16v20H4zM11 19h2", desktop: "M3 4h18v12H3zM8 20h8M12 16v4" };

/** An element. What comes from elsewhere is among the children, and so is text: nothing is ever read as HTML. */
export function h(name, set, ...children) {
  const node = Object.assign(document.createElement(name), set);
  node.append(...children);
  return node;
}

/** What a kind of device looks like. */
function icon(kind) {
  const [svg, path] = ["svg", "path"].map((name) => document.createElementNS("http://www.w3.org/2000/svg", name));
  const set = { viewBox: "0 0 24 24", part: "icon", "aria-hidden": "true" };
  for (const name in set) svg.setAttribute(name, set[name]);
  path.setAttribute("d", SHAPES[kind] ?? SHAPES.desktop);
  svg.append(path);
  return svg;
}

export const button = (text, onclick, more) => h("button", { type: "button", part: "button", onclick, ...more }, text);

export const date = (text, lang, style) => new Intl.DateTimeFormat(lang, style).format(new Date(text));

/** A text with what is in braces put in; of several, the one for how many there are: `count`. */
export const fill = (text, data, lang) =>
  (text.other ? (text[new Intl.PluralRules(lang).select(data.count)] ?? text.other) : text).replace(/\{(\w+)\}/g, (_, key) => data[key]);

/** A device in the list, and `out` to sign it out. When it was last active goes into `time`. */
export function row({ id, current, device, ip, place, client_name: client, started_at }, words, out) {
  const { name, browser, os, kind } = device;
  const { city, region, country, country_code: code } = place ?? {};
  const where = [city ?? region, country ?? code].filter(Boolean).join(", ");
  const facts = [browser, os, ip, where, client].filter(Boolean).flatMap((fact) => [" · ", h("bdi", {}, fact)]);
  const since = fill(words.since, { date: date(started_at, words.lang, { dateStyle: "medium" }) });
  const small = (...children) => h("small", { part: "facts" }, ...children);
  return h("li", { part: current ? "device current" : "device" }, icon(kind), h("div", {},
    h("bdi", { part: "name" }, name), ...(current ? [h("mark", { part: "badge" }, words.current)] : []),
    small(...facts.slice(1)), small(since, " · ", h("time", {}))),
  button(words.end, out, { id, ariaLabel: fill(words.endOne, { name }) }));
}

/** How long ago that was, in words. */
export function ago(text, lang) {
  const minutes = Math.max(0, (Date.now() - Date.parse(text)) / 60_000);
  const [size, unit] = minutes < 60 ? [1, "minute"] : minutes < 1440 ? [60, "hour"] : [1440, "day"];
  return new Intl.RelativeTimeFormat(lang, { numeric: "auto" }).format(-Math.floor(minutes / size), unit);
}
