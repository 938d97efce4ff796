// Counts whom the rule in the form would reach now, saved or not: at once, after edits, on demand.

const PAUSE_MS = 700;

/** Start counting in an element; returns what to call after an edit. */
export function startReach(element, form) {
  const text = element.querySelector("[data-reach-text]");
  let counting = new AbortController();
  let timer = 0;

  async function count() {
    counting.abort();
    counting = new AbortController();
    const fields = [...new FormData(form)].filter(
      ([name]) => name.startsWith("rule.") || name === "among" || name === "csrfmiddlewaretoken",
    );
    element.setAttribute("aria-busy", "true");
    try {
      const response = await fetch(element.dataset.reach, {
        method: "POST",
        body: new URLSearchParams(fields),
        signal: counting.signal,
      });
      if (!response.ok) throw new Error(`status ${response.status}`);
      text.textContent = (await response.json()).text;
    } catch (error) {
      if (error.name === "AbortError") return;
      text.textContent = "Could not count. Try again.";
    }
    element.removeAttribute("aria-busy");
  }

  element.querySelector("[data-reach-count]").addEventListener("click", count);
  element.querySelector("[data-reach-among]")?.addEventListener("change", count);
  count();
  return () => {
    clearTimeout(timer);
    timer = setTimeout(count, PAUSE_MS);
  };
}
