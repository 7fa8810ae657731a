import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: ["static/page/", "static/vendor/", "staticfiles/", "node_modules/", ".venv/", "var/"] },
  js.configs.recommended,
  {
    rules: {
      "no-console": "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-var": "error",
      "prefer-const": "error",
      eqeqeq: ["error", "always"],
      "max-lines": ["error", { max: 150 }],
    },
  },
  { files: ["static/js/**/*.js"], languageOptions: { globals: globals.browser } },
  { files: ["**/*.mjs", "tests/js/**/*.js", "eslint.config.js"], languageOptions: { globals: globals.node } },
  { files: ["static/js/main.js", "static/js/lib/**/*.js", "**/*.mjs"], rules: { "no-console": "off" } },
  { files: ["tests/**/*.js", "benchmarks/**/*.js"], rules: { "max-lines": "off" } },
];
