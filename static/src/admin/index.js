// The campaign form: rows of the rule, its sentence, its reach, the variant's preview, its limits.
import { startLive } from "./live.js";
import { startPreview } from "./preview.js";
import { startPreviewButton } from "./preview/button.js";
import { startReach } from "./reach.js";
import { startReadiness } from "./readiness.js";
import { startRule } from "./rule.js";

function start() {
  const rule = document.querySelector("[data-rule]");
  if (rule) {
    const recount = startReach(rule.querySelector("[data-reach]"), rule.closest("form"));
    startRule(rule, recount);
  }
  startReadiness(document);
  startPreviewButton(document);
  const preview = document.querySelector("[data-preview]");
  const select = document.getElementById("id_variant");
  if (preview && select) startPreview(preview, select);
  document.querySelectorAll("[data-live]").forEach(startLive);
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
else start();
