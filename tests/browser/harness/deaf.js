// Pages that hear nothing by themselves, so that a test says when something happens.

/** A page that asks for the password. */
export const AGAIN =
    '<!doctype html><html lang=en><title>x</title><div id="again"><h1>Your password, please</h1>' +
    '<form method="post" action="/admin/sign-out"><label for=p>Password</label><input id=p type=password><button>Go on</button>' +
    '<a href="/admin" data-cancel>Cancel</a></form></div>';

/**
 * `open` of a visit, for pages that hear what a test says (`say("changed")` in the page, once it listens), and nothing else.
 * `streams` there are those that they opened.
 */
export function deaf({ open }) {
    return async (device) => {
        const page = await open(device);
        await page.addInitScript(() => {
            globalThis.streams = [];
            let begin;
            const listening = new Promise((begun) => (begin = begun));
            globalThis.say = async (name) => (await listening, globalThis.streams.at(-1).dispatchEvent(new Event(name)));
            globalThis.EventSource = class extends EventTarget {
                static CLOSED = 2;
                readyState = 1;
                isClosed = false;
                constructor() {
                    super();
                    globalThis.streams.push(this);
                    begin();
                }
                close() {
                    this.isClosed = true;
                }
            };
        });
        return page;
    };
}
