/** As ../en/gpu.js, in Japanese. */
export const GPU_PASSED = {
  "gpu.evidence":
    "機密 GPU（{count}）がこの問い合わせに応答したと、NVIDIA の証明サービスが述べています。このマシンにつながっていることの証明ではありません。",
  "gpu.evidence.machine":
    "機密 GPU（{count}）がこの問い合わせに応答したと、マシン自身が述べています。このマシンにつながっていることの証明ではありません。",
  "gpu.evidence.plain": "モデルは機密でない GPU で動いています。ポリシーはこれを認めています。",
  "gpu.evidence.unproven": "モデルを動かす GPU については何も証明できませんでした。ポリシーはこれを認めています。",
};

export const GPU_REASONS = {
  gpu_differs: "GPU から届いたものが、マシンの保証するものと違います。",
  gpu_missing: "マシンは GPU について何も述べていません。",
  gpu_plain: "モデルは機密でない GPU で動いています。",
  gpu_unproven: "モデルを動かす GPU については何も証明できませんでした。",
  gpu_malformed: "GPU から届いたものが読み取れません。",
  gpu_signature: "NVIDIA のサービスが、ここに固定された鍵で署名していません。",
  gpu_unsigned: "ここに鍵が固定された誰も、この GPU を保証していません。",
  gpu_nonce: "GPU は別の問い合わせに答えています。",
  gpu_time: "GPU の応答は期限切れか、まだ有効ではありません。",
  gpu_claims: "NVIDIA の検証器が GPU を肯定していません。",
};
