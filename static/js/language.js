/** The page's language. Every room may ask for it: words lie beside what speaks, and only the reader's are loaded. */
export const LANGUAGE = globalThis.document?.documentElement.lang || "en";

/** Load what `tables` (functions by language) has for the page's language; English where there is none. */
export function inLanguage(tables) {
  return (tables[LANGUAGE] ?? tables.en)();
}
