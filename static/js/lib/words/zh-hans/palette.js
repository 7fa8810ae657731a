/** As ../en/palette.js, in Simplified Chinese. */
export const PALETTE = {
  "palette.actions": "操作",
  "palette.conversations": "对话",
  "palette.messages": "消息",
  "palette.search": "在消息中搜索“{query}”",
  "palette.count": "{count} 个候选项",
};
