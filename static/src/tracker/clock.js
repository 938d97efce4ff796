const IDLE = 30_000;
const GAP = 15_000;

/**
 * Attention in milliseconds, on a monotonic clock that the caller reads.
 *
 * Time counts while the page is active (visible and focused) and for 30 s after the last input.
 * A stretch longer than 15 s in which nobody looked at the clock (it is read every 10 s) is a
 * machine asleep, and adds nothing.
 */
export function createClock() {
  let total = 0;
  let active = false;
  let mark = 0;
  let lastInput = 0;
  const read = (now) => {
    const until = Math.min(now, lastInput + IDLE);
    if (active && until > mark && now - mark <= GAP) total += until - mark;
    mark = now;
    return total;
  };
  const input = (now) => {
    read(now);
    lastInput = now;
  };
  return {
    read,
    input,
    /** Visible and focused, or not. Coming back is an input. */
    activate(next, now) {
      if (next && !active) input(now);
      else read(now);
      active = next;
    },
    /** A new page view: from zero, and opening it was an input. */
    reset(now) {
      input(now);
      total = 0;
    },
  };
}
