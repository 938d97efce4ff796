// Shows the variant that is chosen, as the server draws it.

/** Keep an element's content in step with a select of variants. */
export function startPreview(element, select) {
  async function show() {
    if (!select.value) {
      element.replaceChildren();
      return;
    }
    const chosen = select.value;
    const response = await fetch(`${element.dataset.preview}?variant=${encodeURIComponent(chosen)}`);
    if (response.ok && select.value === chosen) element.innerHTML = await response.text();
  }
  // Django's "add another" popup announces its choice through its own jQuery only.
  const jquery = window.django?.jQuery;
  if (jquery) jquery(select).on("change", show);
  else select.addEventListener("change", show);
}
