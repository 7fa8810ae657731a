/** The languages whose code is coloured. */

/** The languages that are shipped (`deploy/vendor.mjs` makes a file of each), with the names that models use for them. */
export const LANGUAGES = {
  bash: ["sh", "shell", "zsh", "console", "shellsession"],
  c: ["h"],
  cpp: ["c++", "cc", "hpp", "cxx"],
  csharp: ["cs", "c#"],
  css: [],
  dart: [],
  diff: ["patch"],
  dockerfile: ["docker"],
  elixir: ["ex", "exs"],
  go: ["golang"],
  graphql: ["gql"],
  haskell: ["hs"],
  ini: ["toml", "cfg", "conf"],
  java: [],
  javascript: ["js", "jsx", "mjs", "cjs", "node"],
  json: ["jsonc", "json5"],
  julia: ["jl"],
  kotlin: ["kt"],
  latex: ["tex"],
  less: [],
  lua: [],
  makefile: ["make", "mk"],
  markdown: ["md"],
  matlab: [],
  nginx: [],
  objectivec: ["objc"],
  perl: ["pl"],
  php: [],
  powershell: ["ps1", "pwsh"],
  python: ["py", "python3", "py3", "ipython"],
  r: [],
  ruby: ["rb"],
  rust: ["rs"],
  scala: [],
  scss: ["sass"],
  sql: ["postgresql", "mysql", "sqlite", "plpgsql"],
  swift: [],
  typescript: ["ts", "tsx"],
  verilog: ["sv", "systemverilog"],
  vim: [],
  x86asm: ["asm", "nasm", "assembly"],
  xml: ["html", "svg", "xhtml", "vue"],
  yaml: ["yml"],
};

const NAMES = new Map(
  Object.entries(LANGUAGES).flatMap(([name, others]) => [name, ...others].map((other) => [other, name])),
);

/** The shipped language that a name means, or null. */
export function languageOf(name) {
  return NAMES.get(name.toLowerCase()) ?? null;
}
