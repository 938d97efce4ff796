// The page around a preview: frames scaled to fit, one or both, light or dark. Without this script
// the frames scroll, and the form has its button.
import { startScheme } from "./scheme.js";

const STORE = "attune.preview";

/** What was chosen before, on this tab; storage that is switched off forgets. */
function remembered() {
  try {
    return JSON.parse(sessionStorage.getItem(STORE)) ?? {};
  } catch {
    return {};
  }
}

function remember(choice) {
  try {
    sessionStorage.setItem(STORE, JSON.stringify({ ...remembered(), ...choice }));
  } catch {
    // then not
  }
}

function fit(screen) {
  const frame = screen.querySelector("iframe");
  const width = Number(frame.width);
  const scale = Math.min(1, screen.clientWidth / width);
  frame.style.transform = `scale(${scale})`;
  screen.style.height = `${Number(frame.height) * scale}px`;
}

function startChoice(page, name, apply) {
  const boxes = [...page.querySelectorAll(`[data-preview-${name}]`)];
  const usual = name === "scheme" && document.documentElement.classList.contains("dark") ? "dark" : boxes[0].value;
  const chosen = boxes.find((box) => box.value === (remembered()[name] ?? usual)) ?? boxes[0];
  chosen.checked = true;
  apply(chosen.value);
  for (const box of boxes) {
    box.addEventListener("change", () => {
      remember({ [name]: box.value });
      apply(box.value);
    });
  }
}

/** Start a `[data-preview-page]` element. */
export function startPreviewPage(page) {
  const ask = page.querySelector("[data-preview-ask]");
  ask.elements.as.addEventListener("change", () => ask.requestSubmit());
  const frames = page.querySelector("[data-preview-frames]");
  if (frames) {
    const observer = new ResizeObserver((entries) => entries.forEach(({ target }) => fit(target)));
    for (const screen of page.querySelectorAll("[data-preview-screen]")) {
      screen.removeAttribute("tabindex"); // nothing to scroll but what is in the frame
      observer.observe(screen);
    }
    startChoice(page, "width", (width) => (frames.dataset.previewFrames = width));
    startChoice(page, "scheme", startScheme([...page.querySelectorAll("iframe")]));
  }
  page.dataset.ready = "";
}
