const TIMEOUT = 10_000;
const HOUR = 3600_000;

/** What an answer means for the batch: `sent`, `refused` (never retried), `denied` or `later`. */
export function judge(status, reason) {
  if (status === 403 && reason === "no_consent") return "denied";
  if (status >= 200 && status < 300) return "sent";
  return status >= 400 && status < 500 && status !== 429 ? "refused" : "later";
}

/** `Retry-After` in milliseconds, at most an hour; 0 where it gives no seconds. */
export const retryDelay = (header) => Math.min(1000 * header || 0, HOUR);

/** The two ways out of the page. Neither throws or rejects. */
export const createTransport = (url) => ({
  /** @returns {Promise<{verdict: string, after: number}>} `after`: ms the server asks us to wait */
  async send(body) {
    try {
      const answer = await fetch(url, {
        method: "POST",
        credentials: "include", // the endpoint may be another origin: it knows the visitor by cookie
        body,
        keepalive: true,
        headers: { "Content-Type": "application/json" },
        signal: AbortSignal.timeout?.(TIMEOUT),
      });
      const problem = answer.status === 403 && (await answer.json().catch(() => {}));
      return {
        verdict: judge(answer.status, problem?.reason),
        after: retryDelay(answer.headers.get("Retry-After")),
      };
    } catch {
      return { verdict: "later", after: 0 };
    }
  },
  /**
   * Hand the body to the browser while the page goes; false if it was not taken. Offline,
   * `sendBeacon` answers true and drops the data, so it is not asked then.
   */
  beacon: (body) =>
    navigator.onLine !== false && !!navigator.sendBeacon?.(url, new Blob([body], { type: "text/plain" })),
});
