// Counts whom the rule in the form would reach now, saved or not: at once, after edits, on demand.
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
      const response = await fetch(element.dataset.reach, {
        method: "POST",
        body: new URLSearchParams(fields),
        signal,
      });
      if (!response.ok) throw new Error(`status ${response.status}`);
      const told = await response.json();
      if (signal.aborted) return;
      text.textContent = told.text;
      panel.innerHTML = told.html;
    } catch (error) {
      if (error.name === "AbortError") return;
      text.textContent = "Could not count. Try again.";
      panel.replaceChildren();
    }
    element.removeAttribute("aria-busy");
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
