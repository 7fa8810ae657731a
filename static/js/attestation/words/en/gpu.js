/** What `gpu.evidence` says, by the words that its check chooses and by code. */
export const GPU_PASSED = {
  "gpu.evidence":
    "Confidential GPUs ({count}) answered this request, says NVIDIA's attestation service. This does not prove that they are attached to this machine.",
  "gpu.evidence.machine":
    "Confidential GPUs ({count}) answered this request, says the machine itself. This does not prove that they are attached to this machine.",
  "gpu.evidence.plain": "The model runs on a GPU that is not confidential, which the policy accepts.",
  "gpu.evidence.unproven": "Nothing could be proven of the GPU that serves the model, which the policy accepts.",
};

export const GPU_REASONS = {
  gpu_differs: "What came of the GPU is not what the machine vouches for.",
  gpu_missing: "The machine speaks of no GPU.",
  gpu_plain: "The model runs on a GPU that is not confidential.",
  gpu_unproven: "Nothing could be proven of the GPU that serves the model.",
  gpu_malformed: "What came of the GPU cannot be read.",
  gpu_signature: "NVIDIA's service did not sign it with a key that is pinned here.",
  gpu_unsigned: "Nobody whose key is pinned here vouches for the GPU.",
  gpu_nonce: "The GPU answered another request.",
  gpu_time: "The GPU's answer has expired, or is not valid yet.",
  gpu_claims: "NVIDIA's verifier does not affirm the GPU.",
};
