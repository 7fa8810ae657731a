/** Colours for code: the library and each language are loaded when they are first needed. */
import { codeFragment } from "./sanitiser.js";

const loading = new Map();

/** Resolves to code in colours as a fragment, or to null where the library does not come. */
export async function highlight(text, language) {
  try {
    const core = await load("core");
    if (!core.getLanguage(language)) core.registerLanguage(language, await load(language));
    return codeFragment(core.highlight(text, { language, ignoreIllegals: true }).value);
  } catch (error) {
    if (error instanceof TypeError) return null; // a module that cannot be loaded: the code stays plain
    throw error;
  }
}

function load(name) {
  if (!loading.has(name)) {
    const module = import(`../../../vendor/highlight/${name}.js`).then((loaded) => loaded.default);
    loading.set(name, module);
    module.catch(() => loading.delete(name));
  }
  return loading.get(name);
}
