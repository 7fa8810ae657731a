/** What the checks say in Japanese: tables by id and code. */
import { GPU_PASSED, GPU_REASONS } from "./ja/gpu.js";
import { PASSED } from "./ja/passed.js";
import { REASONS } from "./ja/reasons.js";
import { UNCHECKED } from "./ja/unchecked.js";
import { WORKLOAD_PASSED, WORKLOAD_REASONS, WORKLOAD_UNCHECKED } from "./ja/workload.js";

export const SENTENCES = {
  passed: { ...PASSED, ...WORKLOAD_PASSED, ...GPU_PASSED },
  reasons: { ...REASONS, ...WORKLOAD_REASONS, ...GPU_REASONS },
  unchecked: { ...UNCHECKED, ...WORKLOAD_UNCHECKED },
};
