// Campaigns that are getting ready: asks how far they are, as long as the page shows one.

const PAUSE_MS = 3000;

/** Keep `[data-readiness]` elements of the page in step with the server. */
export function startReadiness(page) {
  const waiting = () => [...page.querySelectorAll("[data-readiness]:has([data-waiting])")];

  async function look() {
    const shown = waiting();
    if (!shown.length) return;
    if (!page.hidden) {
      const ids = shown.map((element) => element.dataset.readiness);
      const address = `${shown[0].dataset.readinessAt}?${ids.map((id) => `id=${id}`).join("&")}`;
      const response = await fetch(address).catch(() => null);
      const said = response?.ok ? await response.json() : {};
      for (const element of shown) {
        const html = said[element.dataset.readiness];
        if (html !== undefined && html !== element.innerHTML) element.innerHTML = html;
      }
    }
    setTimeout(look, PAUSE_MS);
  }

  if (waiting().length) setTimeout(look, PAUSE_MS);
}
