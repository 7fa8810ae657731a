/** As ../en/gpu.js, in Simplified Chinese. */
export const GPU_PASSED = {
  "gpu.evidence": "NVIDIA 的证明服务称，机密 GPU（{count}）回应了此请求。这不能证明它们连接在这台机器上。",
  "gpu.evidence.machine": "机器自称，机密 GPU（{count}）回应了此请求。这不能证明它们连接在这台机器上。",
  "gpu.evidence.plain": "模型在非机密的 GPU 上运行，策略对此予以接受。",
  "gpu.evidence.unproven": "对运行模型的 GPU 无法证明任何事，策略对此予以接受。",
};

export const GPU_REASONS = {
  gpu_differs: "GPU 送来的内容不是机器所担保的。",
  gpu_missing: "机器没有提及任何 GPU。",
  gpu_plain: "模型在非机密的 GPU 上运行。",
  gpu_unproven: "对运行模型的 GPU 无法证明任何事。",
  gpu_malformed: "GPU 送来的内容无法读取。",
  gpu_signature: "NVIDIA 的服务没有用此处固定的密钥签名。",
  gpu_unsigned: "没有任何在此固定了密钥的一方为此 GPU 担保。",
  gpu_nonce: "GPU 回应的是另一个请求。",
  gpu_time: "GPU 的回应已过期，或尚未生效。",
  gpu_claims: "NVIDIA 的验证器不认可此 GPU。",
};
