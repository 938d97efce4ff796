// A withdrawal stops this tab and the others, and leaves nothing in the browser's storage.
const CHANNEL = "attune";
const MESSAGE = "withdraw";
const PREFIX = "attune.";

const channel = "BroadcastChannel" in window ? new BroadcastChannel(CHANNEL) : null;

export function tellWithdrawal() {
  stopHere();
  channel?.postMessage(MESSAGE);
}

export function onOtherTabsWithdrawal(then) {
  channel?.addEventListener("message", ({ data }) => {
    if (data !== MESSAGE) return;
    stopHere();
    then();
  });
}

// A page without a tracker was made for somebody who did not agree, or not any more: by a form
// posted plainly, by an opt-out signal, by the end of its time.
export function leaveNothingWithoutConsent() {
  if (!document.querySelector("script[data-attune-endpoint]")) clearStorage();
}

function stopHere() {
  document.dispatchEvent(new CustomEvent("attune:withdraw"));
  clearStorage();
}

function clearStorage() {
  try {
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith(PREFIX)) localStorage.removeItem(key);
    }
  } catch {
    // Storage is switched off: there is nothing to clear.
  }
}
