// A backtest that is running: asks how far it is, and shows the result when it is done.

const PAUSE_MS = 1000;

/** Keep the `[data-backtest]` element in step with the server; reload the page at the end. */
export function startBacktest(shown, reload) {
  async function look() {
    const response = shown.ownerDocument.hidden
      ? null
      : await fetch(shown.dataset.backtest).catch(() => null);
    const said = response?.ok ? await response.json().catch(() => null) : null; // signed out meanwhile
    if (said?.done) {
      reload();
      return;
    }
    if (said && said.html !== shown.innerHTML) shown.innerHTML = said.html;
    setTimeout(look, PAUSE_MS);
  }
  setTimeout(look, PAUSE_MS / 2);
}

const shown = document.querySelector("[data-backtest]");
if (shown) startBacktest(shown, () => location.reload());
