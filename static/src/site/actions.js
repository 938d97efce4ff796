/** Visible feedback of the demo's buttons. Nothing is stored or sent here: the tracker reports. */

const on = (selector, react) => {
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element && event.target.closest(selector);
    if (button) react(button);
  });
};

const flip = (button) => {
  const pressed = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(pressed));
  return pressed;
};

on("[data-toggle]", flip);

on("[data-video-play]", (button) => {
  const playing = flip(button);
  const note = button.closest("[data-video]")?.querySelector("[data-video-note]");
  if (note) note.textContent = playing ? "Imagine the film: this demo has no video file." : "";
});

on("[data-add]", (button) => {
  const count = Number(button.dataset.count ?? 0) + 1;
  button.dataset.count = String(count);
  button.querySelector("[data-add-label]").textContent = "Add another";
  const status = button.parentElement.querySelector("[data-add-status]");
  status.textContent = count === 1 ? "In your basket." : `${count} in your basket.`;
});
