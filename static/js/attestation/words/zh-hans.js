/** What the checks say in Simplified Chinese: tables by id and code. */
import { GPU_PASSED, GPU_REASONS } from "./zh-hans/gpu.js";
import { PASSED } from "./zh-hans/passed.js";
import { REASONS } from "./zh-hans/reasons.js";
import { UNCHECKED } from "./zh-hans/unchecked.js";
import { WORKLOAD_PASSED, WORKLOAD_REASONS, WORKLOAD_UNCHECKED } from "./zh-hans/workload.js";

export const SENTENCES = {
  passed: { ...PASSED, ...WORKLOAD_PASSED, ...GPU_PASSED },
  reasons: { ...REASONS, ...WORKLOAD_REASONS, ...GPU_REASONS },
  unchecked: { ...UNCHECKED, ...WORKLOAD_UNCHECKED },
};
