/**
 * Build `static/vendor/` (not committed) from the packages that `package-lock.json` pins.
 *
 * Every entry below is one file that the page may load; what is not named here is not shipped. What is heavy and not
 * always needed (formulas, colours for code, passphrases) is a file of its own that the page imports on demand.
 * Run by `npm run vendor` after `npm ci`.
 */
import { build } from "esbuild";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { LANGUAGES } from "../static/js/lib/markdown/languages.js";
import { ICONS } from "./icons.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const OUT = fileURLToPath(new URL("../static/vendor/", import.meta.url));
const STROKE_WIDTH = "1.5";

const BUNDLES = {
  "hpke.js": `
    export { CipherSuite, KDF_HKDF_SHA256, AEAD_AES_256_GCM } from "hpke";
    export { KEM_MLKEM768_X25519, KEM_DHKEM_X25519_HKDF_SHA256 } from "@panva/hpke-noble";`,
  "markdown.js": `
    export { Marked } from "marked";
    export { default as DOMPurify } from "dompurify";`,
  "argon2.js": `
    export { argon2idAsync } from "@noble/hashes/argon2.js";`,
  "katex.js": `
    export { renderToString } from "katex";`,
  "highlight/core.js": `
    export { default } from "@highlightjs/cdn-assets/es/core.min.js";`,
  ...Object.fromEntries(
    Object.keys(LANGUAGES).map((name) => [
      `highlight/${name}.js`,
      `export { default } from "@highlightjs/cdn-assets/es/languages/${name}.min.js";`,
    ]),
  ),
};

async function bundle(name, contents) {
  await build({
    stdin: { contents, resolveDir: ROOT, sourcefile: name },
    outfile: `${OUT}${name}`,
    bundle: true,
    format: "esm",
    target: "es2022",
    minify: true,
    legalComments: "eof",
    logLevel: "warning",
  });
}

/** One SVG sprite: `<use href="…/icons.svg#shield-check">`. */
async function sprite() {
  const require = createRequire(import.meta.url);
  const set = JSON.parse(await readFile(require.resolve("@iconify-json/lucide/icons.json"), "utf8"));
  const symbols = ICONS.map((name) => {
    const icon = set.icons[set.aliases[name]?.parent ?? name];
    if (!icon) throw new Error(`no icon named ${name} in lucide`);
    const body = icon.body.replaceAll('stroke-width="2"', `stroke-width="${STROKE_WIDTH}"`);
    return `<symbol id="${name}" viewBox="0 0 ${set.width} ${set.height}">${body}</symbol>`;
  });
  const comment = "<!-- Icons: Lucide, ISC licence, https://lucide.dev -->";
  const svg = `<svg xmlns="http://www.w3.org/2000/svg">${comment}\n${symbols.join("\n")}\n</svg>\n`;
  await writeFile(`${OUT}icons.svg`, svg);
}

await rm(OUT, { recursive: true, force: true });
await mkdir(OUT, { recursive: true });
await Promise.all([sprite(), ...Object.entries(BUNDLES).map(([name, contents]) => bundle(name, contents))]);
