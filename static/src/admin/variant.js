// The variant form: the words with form, and how they will look.
import { startBody } from "./body.js";
import { startLive } from "./live.js";

function start() {
  for (const body of document.querySelectorAll("[data-body]")) {
    startBody(body);
    startLive(body.querySelector("[data-live]"));
  }
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
else start();
