import { startPreviewPage } from "./page.js";

document.querySelectorAll("[data-preview-page]").forEach(startPreviewPage);
