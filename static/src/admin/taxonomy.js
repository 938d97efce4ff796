// Event types: what other weights would do, how half-lives fade, the rows of properties.
import { startLive } from "./live.js";
import { startRows } from "./rows.js";
import { startSliders } from "./sliders.js";

function start() {
  document.querySelectorAll("[data-live]").forEach(startLive);
  document.querySelectorAll("[data-sliders]").forEach(startSliders);
  document.querySelectorAll("[data-rows]").forEach(startRows);
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
else start();
