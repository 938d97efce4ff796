// A withdrawal stops this tab and the others, and leaves nothing in the browser's storage.
const CHANNEL = "attune";
const MESSAGE = "withdraw";
const PREFIX = "attune.";

const channel = "BroadcastChannel" in window ? new BroadcastChannel(CHANNEL) : null;

export function tellWithdrawal() {
  stopHere();
  channel?.postMessage(MESSAGE);
}

export function onOtherTabsWithdrawal() {
  channel?.addEventListener("message", ({ data }) => {
    if (data === MESSAGE) stopHere();
  });
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
