// The consent forms without a page load. Everything here also works without this script: the forms
// post, the server answers with the next page. Strictly necessary, stores nothing.
import { showGranted, showMessage, showWithdrawn } from "./page.js";
import { leaveNothingWithoutConsent, onOtherTabsWithdrawal, tellWithdrawal } from "./withdrawal.js";

const FORM = "form[data-consent-form]";

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || !form.matches(FORM)) return;
  event.preventDefault();
  choose(form, event.submitter);
});

document.addEventListener("keydown", (event) => {
  const banner = document.querySelector("[data-consent-banner]");
  if (event.key === "Escape" && !event.defaultPrevented && banner) banner.hidden = true;
});

// A page from the back-forward cache was made for the consent of its time.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

leaveNothingWithoutConsent();
onOtherTabsWithdrawal(showWithdrawn);

async function choose(form, submitter) {
  let answer;
  try {
    answer = await post(form, submitter);
  } catch {
    return submitPlainly(form, submitter);
  }
  const follow = form.dataset.consentForm;
  if (!answer.tracker || answer.withdrawn.length > 0) {
    tellWithdrawal();
    if (follow) location.assign(follow);
    else location.reload();
  } else if (follow) {
    location.assign(follow);
  } else {
    showGranted(answer);
    showMessage("Saved. You can change this at the end of every page.");
  }
}

async function post(form, submitter) {
  const body = new URLSearchParams(new FormData(form));
  if (submitter) body.set(submitter.name, submitter.value);
  const response = await fetch(form.getAttribute("action"), {
    method: "POST",
    headers: { Accept: "application/json" },
    body,
  });
  if (!response.ok) throw new Error(`consent answered ${response.status}`);
  return response.json();
}

// Native submission: it fires no submit event, so this script does not see it again.
function submitPlainly(form, submitter) {
  if (submitter) {
    const input = document.createElement("input");
    input.type = "hidden";
    input.name = submitter.name;
    input.value = submitter.value;
    form.append(input);
  }
  HTMLFormElement.prototype.submit.call(form);
}
