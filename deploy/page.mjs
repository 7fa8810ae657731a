/**
 * Build `static/page/` (not committed): the few small files that pages load, made of `static/js/` and `static/css/`.
 *
 * A script is built where a template names it by `{% page_script %}`; what several of them need, and what they import
 * on demand, become files of their own. The same sources give the same bytes, wherever they lie: a test builds twice.
 * `index.json` says what was made of what: `sources` (SHA-256 by path below `static/`), `styles` (the sheets in each
 * style sheet), `modules` (a script's file, by its source), and `first` (what each script loads at once, for everybody
 * and by language).
 * Run by `npm run page`, after `npm run vendor`.
 */
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const STATIC = join(ROOT, "static");
const OUT = join(STATIC, "page");
const NAMED = /\{% page_script "([^"]+)" %\}/g;
const LANGUAGE = /\/words\/([a-z-]+)\.js$/;

const EVERYWHERE = ["tokens", "base", "controls", "components"];
const CHAT = [
  "layout",
  "sidebar",
  "messages",
  "prose",
  "composer",
  "attachments",
  "writing",
  "keys",
  "palette",
  "print",
  "trust",
  "details",
];

/** Every style sheet that a page may name, with the sources that it consists of. */
const STYLES = {
  chat: [...EVERYWHERE, ...CHAT],
  site: [...EVERYWHERE, "pages"],
  ...Object.fromEntries(["accounts", "history", "how", "keys", "models"].map((name) => [name, [name]])),
};

const OPTIONS = {
  absWorkingDir: ROOT,
  bundle: true,
  minify: true,
  metafile: true,
  write: false,
  logLevel: "warning",
};

/** The scripts that templates name. */
async function entries() {
  const names = (await readdir(join(ROOT, "templates"), { recursive: true })).filter((name) => name.endsWith(".html"));
  const templates = await Promise.all(names.map((name) => readFile(join(ROOT, "templates", name), "utf8")));
  return new Set(templates.flatMap((text) => [...text.matchAll(NAMED)].map(([, name]) => name)));
}

/** A page has one script: each is built alone, so that it is not cut along what other pages need. */
function buildScript(name) {
  return build({
    ...OPTIONS,
    entryPoints: [`static/js/${name}`],
    outbase: "static/js",
    outdir: "static/page",
    chunkNames: "parts/[name]-[hash]",
    splitting: true,
    format: "esm",
    target: "es2022",
    legalComments: "eof",
  });
}

function buildStyle(name) {
  const contents = STYLES[name].map((source) => `@import "./${source}.css";`).join("\n");
  const stdin = { contents, loader: "css", resolveDir: join(STATIC, "css") };
  return build({ ...OPTIONS, stdin, outfile: `static/page/css/${name}.css` });
}

/** Everything that comes with some files because they import it. */
function closure(outputs, files, kind = "import-statement") {
  const found = new Set();
  const visit = (file) => {
    if (found.has(file)) return;
    found.add(file);
    for (const { path } of outputs[file].imports.filter((one) => one.kind === kind)) visit(path);
  };
  files.forEach(visit);
  return [...found];
}

/** What a script loads at once: its imports, what it begins by importing dynamically, and a reader's words. */
function firstLoad(outputs, script) {
  const isWords = (file) => LANGUAGE.test(outputs[file].entryPoint ?? "");
  const later = (file) => outputs[file].imports.filter(({ kind }) => kind === "dynamic-import").map(({ path }) => path);
  const everybody = closure(outputs, [script, ...later(script).filter((file) => !isWords(file))]);
  const first = { everybody: everybody.map(below) };
  for (const file of new Set(everybody.flatMap(later).filter(isWords))) {
    const [, language] = LANGUAGE.exec(outputs[file].entryPoint);
    const more = closure(outputs, [file]).filter((one) => !everybody.includes(one));
    first[language] = [...(first[language] ?? []), ...more.map(below)];
  }
  return first;
}

function below(file) {
  return relative("static", file);
}

async function digests(files) {
  const sha256 = async (file) => [
    below(file),
    createHash("sha256")
      .update(await readFile(join(ROOT, file)))
      .digest("hex"),
  ];
  return Object.fromEntries(await Promise.all(files.map(sha256)));
}

const scripts = await Promise.all([...(await entries())].sort().map(buildScript));
const styles = await Promise.all(Object.keys(STYLES).map(buildStyle));
const outputs = Object.assign({}, ...scripts.map(({ metafile }) => metafile.outputs));
const sheets = Object.values(STYLES).flat();
const inputs = [
  ...scripts.flatMap(({ metafile }) => Object.keys(metafile.inputs)),
  ...sheets.map((name) => `static/css/${name}.css`),
];
const made = Object.keys(outputs).filter((file) => outputs[file].entryPoint);
const source = (file) => relative("static/js", outputs[file].entryPoint);
const isNamed = (file) => !file.startsWith("static/page/parts/");
const index = {
  sources: await digests([...new Set(inputs)].sort()),
  styles: STYLES,
  modules: Object.fromEntries(made.map((file) => [source(file), below(file)])),
  first: Object.fromEntries(made.filter(isNamed).map((file) => [source(file), firstLoad(outputs, file)])),
};

// Only what was built as a whole takes the place of what was there.
await rm(OUT, { recursive: true, force: true });
const files = [...scripts, ...styles].flatMap(({ outputFiles }) => outputFiles);
await Promise.all(files.map(({ path }) => mkdir(dirname(path), { recursive: true })));
await Promise.all(files.map(({ path, contents }) => writeFile(path, contents)));
await writeFile(join(OUT, "index.json"), `${JSON.stringify(index, null, 2)}\n`);
