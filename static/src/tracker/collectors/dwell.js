import { createClock } from "../clock.js";
import { startMeter } from "../meter.js";
import { all, isVisible, listen } from "../page.js";

const INPUT = "pointermove pointerdown keydown wheel scroll touchmove";

/** Seconds of attention per page view. Something playing aloud is input: it is being watched. */
export function dwell(tracker) {
  const clock = createClock();
  const now = () => performance.now();
  const check = () => clock.activate(isVisible() && document.hasFocus(), now());
  return all([
    listen(window, "focus blur visibilitychange", check),
    listen(window, INPUT, () => clock.input(now())),
    listen(window, "timeupdate", ({ target }) => target.muted || clock.input(now())),
    startMeter(tracker, {
      type: "dwell",
      step: 1,
      least: 0.05, // pagehide and visibilitychange follow each other: the second adds nothing
      read: () => Math.round(clock.read(now())) / 1000,
      reset() {
        check();
        clock.reset(now());
      },
    }),
  ]);
}
