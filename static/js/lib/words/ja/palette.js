/** As ../en/palette.js, in Japanese. */
export const PALETTE = {
  "palette.actions": "操作",
  "palette.conversations": "会話",
  "palette.messages": "メッセージ",
  "palette.search": "メッセージから「{query}」を探す",
  "palette.count": "候補 {count} 件",
};
