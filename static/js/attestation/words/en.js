/** What the checks say in English: tables by id and code. */
import { GPU_PASSED, GPU_REASONS } from "./en/gpu.js";
import { PASSED } from "./en/passed.js";
import { REASONS } from "./en/reasons.js";
import { UNCHECKED } from "./en/unchecked.js";
import { WORKLOAD_PASSED, WORKLOAD_REASONS, WORKLOAD_UNCHECKED } from "./en/workload.js";

export const SENTENCES = {
  passed: { ...PASSED, ...WORKLOAD_PASSED, ...GPU_PASSED },
  reasons: { ...REASONS, ...WORKLOAD_REASONS, ...GPU_REASONS },
  unchecked: { ...UNCHECKED, ...WORKLOAD_UNCHECKED },
};
