// The words of a variant: buttons that write the Markdown, for those who do not know it.

/** Start a `[data-body]` element: its tools write into its textarea. */
export function startBody(element) {
  const field = element.querySelector("textarea");

  function put(text, selectFrom, selectTo) {
    const start = field.selectionStart;
    field.focus();
    field.setRangeText(text, start, field.selectionEnd, "end");
    field.setSelectionRange(start + selectFrom, start + selectTo);
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  const chosen = () => field.value.slice(field.selectionStart, field.selectionEnd);

  function wrap(mark, sample) {
    const words = chosen() || sample;
    put(mark + words + mark, mark.length, mark.length + words.length);
  }

  function link() {
    const words = chosen() || "words";
    put(`[${words}](/)`, words.length + 3, words.length + 4);
  }

  function lines(mark) {
    const begin = field.value.lastIndexOf("\n", field.selectionStart - 1) + 1;
    field.setSelectionRange(begin, field.selectionEnd);
    const before = begin > 0 && field.value.slice(0, begin).trimEnd() ? "\n" : "";
    const text = before + (chosen() || "item").split("\n").map((line) => mark + line).join("\n");
    put(text, text.length, text.length);
  }

  element.addEventListener("click", (event) => {
    const { bodyWrap, bodySample, bodyLink, bodyLines } = event.target.closest("button")?.dataset ?? {};
    if (bodyWrap) wrap(bodyWrap, bodySample);
    else if (bodyLines) lines(bodyLines);
    else if (bodyLink !== undefined) link();
  });

  const picture = element.querySelector("[data-body-picture]");
  picture.addEventListener("change", () => {
    if (!picture.value) return;
    const text = `![what it shows](${picture.value})`;
    picture.value = "";
    put(text, 2, 15);
  });

  element.dataset.ready = "";
}
