import { viewportOf } from "../rules/viewport.js";

/** How long a page waits before it stays with its defaults. */
const PATIENCE = 2000;
const MOST_SLOTS = 20;

/** Of the address, what rules may look at: as much as the API takes. */
const query = () => Object.fromEntries([...new URLSearchParams(location.search)]
  .filter(([name, value]) => name.length <= 100 && value.length <= 500).slice(0, 50));

const referrer = () => document.referrer.match(/^https?:\/\/[^/]+\//)?.[0] ?? "";

const fitting = (text, pattern) => (pattern.test(text) ? text : "");

export const pageFacts = () => ({
  path: location.pathname.slice(0, 1000),
  category: fitting(document.body.dataset.attuneCategory ?? "", /^[\w.:-]{1,64}$/),
  item: (document.body.dataset.attuneItem ?? "").slice(0, 200),
  query: query(),
  referrer: referrer(),
  language: fitting(document.documentElement.lang, /^[A-Za-z0-9-]{1,35}$/),
  viewport: viewportOf(innerWidth),
});

/** The two questions. Both reject on anything but a good answer in time. */
export function createServer(origin) {
  const ask = async (path, options, signal) => {
    const limit = AbortSignal.timeout(PATIENCE);
    const answer = await fetch(`${origin}/api/v1/${path}`, {
      credentials: "include",
      cache: "no-store",
      signal: signal && AbortSignal.any ? AbortSignal.any([signal, limit]) : limit,
      ...options,
    });
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
    return answer.json();
  };
  return {
    consent: () => ask("consent"),
    /** `text/plain` is sent without a preflight: one journey to the server instead of two. */
    async decide(slots, signal) {
      const parts = [];
      for (let i = 0; i < slots.length; i += MOST_SLOTS) parts.push(slots.slice(i, i + MOST_SLOTS));
      const page = pageFacts();
      const answers = await Promise.all(
        parts.map((part) =>
          ask("decide", {
            method: "POST",
            headers: { "Content-Type": "text/plain" },
            body: JSON.stringify({ slots: part, page }),
          }, signal),
        ),
      );
      return Object.assign({}, ...answers.map(({ decisions }) => decisions));
    },
  };
}
