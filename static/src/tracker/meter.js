import { uuid7 } from "./ids.js";
import { guard } from "./page.js";

const BEAT = 10_000;

/**
 * Reports a value that grows within a page view: cumulative, under one id per view, so the server
 * keeps the largest and a report lost or doubled does no harm. Reported when the view ends or the
 * page hides (if grown by `least`), and every 10 s (if grown by `step`), so a crash loses little.
 */
export function startMeter(tracker, { type, read, reset, step, least }) {
  let id;
  let reported;
  const report = (growth) => {
    const value = read();
    if (!(value - reported >= growth)) return; // also before the first view
    reported = value;
    tracker.report(type, id, value);
  };
  const finish = guard(() => report(least));
  tracker.on("end", finish);
  tracker.on("leave", finish);
  tracker.on("view", guard(() => {
    id = uuid7();
    reported = 0;
    reset();
  }));
  const beat = setInterval(guard(() => report(step)), BEAT);
  return () => clearInterval(beat);
}
