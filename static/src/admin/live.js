// Keeps a part of the page in step with the form around it, as the server draws it: posts the form
// a moment after an edit and shows the answer. Without this script its button opens a page instead.

const PAUSE_MS = 350;

/** Start a `[data-live]` element: its address, and in data-live-fields the fields it depends on. */
export function startLive(element) {
  const form = element.closest("form");
  const find = (name) => element.querySelector(`[data-live-${name}]`);
  const [body, error, status, again] = ["body", "error", "status", "again"].map(find);
  const echo = form.querySelector("[data-live-echo]");
  const fields = element.dataset.liveFields.split(" ");
  const concerns = (name) => fields.some((field) => name === field || name.endsWith(`-${field}`));
  let asking = new AbortController();
  let timer = 0;

  function say(text) {
    if (status) status.textContent = text;
    if (echo && status) {
      echo.textContent = text;
      echo.hidden = false;
      // It floats over the end of the list: what is being edited stays in sight.
      if (form.contains(document.activeElement)) document.activeElement.scrollIntoView({ block: "nearest" });
    }
  }

  async function ask() {
    clearTimeout(timer);
    asking.abort();
    asking = new AbortController();
    element.setAttribute("aria-busy", "true");
    try {
      const response = await fetch(element.dataset.live, {
        method: "POST",
        body: new URLSearchParams(new FormData(form)),
        signal: asking.signal,
        redirect: "error", // to the login: whoever is signed out is told so
      });
      if (!response.ok) throw new Error(`status ${response.status}`);
      body.innerHTML = await response.text();
      body.hidden = false;
      if (error) error.hidden = true;
      say(body.querySelector("[data-live-says]")?.textContent ?? "");
    } catch (failure) {
      if (failure.name === "AbortError") return;
      if (error) {
        body.hidden = true;
        error.hidden = false;
        say(error.textContent);
      }
    }
    element.removeAttribute("aria-busy");
  }

  form.addEventListener("input", (event) => {
    if (!concerns(event.target.name ?? "")) return;
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE_MS);
  });
  if (again) {
    again.type = "button"; // so that Enter in a field saves, as in any form
    again.addEventListener("click", ask);
  }
}
