// Counts whom the rule in the form would reach now, saved or not: at once, after edits, on demand.
// A first figure comes within about a second; the exact one and the near misses take its place.
// A near miss that is chosen goes into its field, as if it had been typed.

const PAUSE_MS = 500;

/** Start counting in an element; returns what to call after an edit. */
export function startReach(element, form) {
  const text = element.querySelector("[data-reach-text]");
  const panel = element.querySelector("[data-reach-panel]");
  let counting = new AbortController();
  let timer = 0;

  async function count() {
    clearTimeout(timer);
    counting.abort();
    counting = new AbortController();
    const { signal } = counting;
    const fields = [...new FormData(form)].filter(
      ([name]) => name.startsWith("rule.") || name === "among" || name === "csrfmiddlewaretoken",
    );
    element.setAttribute("aria-busy", "true");
    try {
      for (const part of [[["soon", "1"]], []]) {
        const told = await ask([...fields, ...part], signal);
        if (signal.aborted) return;
        if (!part.length && !("matching" in told) && panel.firstElementChild) {
          // Too slow to count exactly: the first figure stays, and why it is only about.
          panel.append(Object.assign(document.createElement("p"), { className: "at-reach__note", textContent: told.text }));
          break;
        }
        // A status is read out when it is written: not again where nothing changed.
        if (text.textContent !== told.text) text.textContent = told.text;
        panel.innerHTML = told.html;
        element.removeAttribute("aria-busy"); // a figure stands there, and is not dimmed any more
        if (!("matching" in told)) break;
      }
    } catch (error) {
      if (error.name === "AbortError") return;
      text.textContent = "Could not count. Try again.";
      panel.replaceChildren();
    }
    element.removeAttribute("aria-busy");
  }

  async function ask(fields, signal) {
    const body = new URLSearchParams(fields);
    const response = await fetch(element.dataset.reach, { method: "POST", body, signal });
    if (!response.ok) throw new Error(`status ${response.status}`);
    return response.json();
  }

  /** Put the number of a near miss where it belongs; the edit has everything counted again. */
  function apply({ place, field, value }) {
    const row = form.querySelectorAll("[data-rule] [data-rule-group] [data-rule-row]")[Number(place)];
    const input = row?.querySelector(`[data-part="${CSS.escape(field)}"]`);
    if (!input) return;
    input.value = value;
    input.focus();
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }

  element.querySelector("[data-reach-count]").addEventListener("click", count);
  panel.addEventListener("click", (event) => {
    const button = event.target.closest("[data-reach-apply]");
    if (button) apply(button.dataset);
  });
  element.querySelector("[data-reach-among]")?.addEventListener("change", count);
  count();
  return () => {
    clearTimeout(timer);
    timer = setTimeout(count, PAUSE_MS);
  };
}
