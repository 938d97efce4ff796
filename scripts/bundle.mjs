// Builds the browser bundles: `npm run build`. With `--check` nothing is written; it fails where a
// committed bundle is not what its sources give. Running Attune needs neither this nor Node.
import { readFile, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const ROOT = new URL("../", import.meta.url).pathname;

const BUNDLES = [
  { entry: "static/src/tracker/index.js", out: "static/dist/tracker.js" },
  { entry: "static/src/consent/index.js", out: "static/dist/consent.js" },
  { entry: "static/src/embed/index.js", out: "static/dist/attune-embed.js" },
  { entry: "static/src/admin/index.js", out: "static/dist/admin-rule.js" },
  { entry: "static/src/admin/preview/index.js", out: "static/dist/admin-preview.js" },
  { entry: "static/src/admin/variant.js", out: "static/dist/admin-variant.js" },
  { entry: "static/src/admin/backtest.js", out: "static/dist/admin-backtest.js" },
  { entry: "static/src/admin/errors.js", out: "static/dist/admin-errors.js" },
  { entry: "static/src/admin/taxonomy.js", out: "static/dist/admin-taxonomy.js" },
];

async function bundleText(entry) {
  const { outputFiles } = await build({
    absWorkingDir: decodeURI(ROOT),
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format: "iife",
    target: "es2020",
    charset: "utf8",
    write: false,
  });
  return outputFiles[0].text;
}

const isCheck = process.argv.includes("--check");
for (const { entry, out } of BUNDLES) {
  const file = new URL(`../${out}`, import.meta.url);
  const text = await bundleText(entry);
  const size = `${text.length} bytes, ${gzipSync(text, { level: 9 }).length} gzip`;
  if (!isCheck) {
    await writeFile(file, text);
    console.log(`${out}: ${size}`);
  } else if ((await readFile(file, "utf8").catch(() => "")) !== text) {
    console.error(`${out} is not what ${entry} gives: run \`npm run build\` and commit it.`);
    process.exitCode = 1;
  } else {
    console.log(`${out}: matches its sources (${size})`);
  }
}
