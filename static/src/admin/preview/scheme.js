// Light or dark inside a frame, whatever the browser around it prefers: the media conditions of its
// style sheets are answered here. No script runs in the frame, so its document is reached from
// outside.

const ASKS = /\(\s*prefers-color-scheme\s*:\s*(light|dark)\s*\)/g;
const asked = new WeakMap();

/** Media text with the question for a scheme answered: a width nothing is below, or above. */
export const answered = (text, scheme) =>
  text.replace(ASKS, (_, wanted) => (wanted === scheme ? "(min-width: 0px)" : "(max-width: 0px)"));

function rules(list, scheme) {
  for (const rule of list) {
    if (rule.media) answer(rule.media, scheme);
    if (rule.cssRules) rules(rule.cssRules, scheme);
  }
}

function answer(media, scheme) {
  if (!asked.has(media)) asked.set(media, media.mediaText);
  const text = asked.get(media);
  if (text.includes("prefers-color-scheme")) media.mediaText = answered(text, scheme);
}

function paint(frame, scheme) {
  const page = frame.contentDocument;
  if (!page?.documentElement) return;
  page.documentElement.style.colorScheme = scheme;
  for (const sheet of page.styleSheets) {
    try {
      answer(sheet.media, scheme);
      rules(sheet.cssRules, scheme);
    } catch {
      // a sheet of another site cannot be read, and stays as it is
    }
  }
}

/** Returns what to call with "light" or "dark"; frames that load later follow. */
export function startScheme(frames) {
  let chosen = "light";
  const all = () => frames.forEach((frame) => paint(frame, chosen));
  for (const frame of frames) frame.addEventListener("load", () => paint(frame, chosen));
  return (scheme) => {
    chosen = scheme;
    all();
  };
}
